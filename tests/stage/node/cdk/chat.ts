import { dynamodb, post } from './small-aws';

interface SocketEvent {
  body?: string;
  requestContext: { connectionId: string; domainName: string; stage: string };
}
type Row = { connectionId: { S: string } };

const TableName = process.env.TABLE!;

export const connect = async ({ requestContext }: SocketEvent) => {
  await dynamodb('PutItem', { TableName, Item: { connectionId: { S: requestContext.connectionId } } });
  return { statusCode: 200 };
};

export const disconnect = async ({ requestContext }: SocketEvent) => {
  await dynamodb('DeleteItem', { TableName, Key: { connectionId: { S: requestContext.connectionId } } });
  return { statusCode: 200 };
};

export const send = async ({ body, requestContext }: SocketEvent) => {
  const { text } = JSON.parse(body ?? '{}') as { text: string };
  const { Items } = (await dynamodb('Scan', { TableName })) as { Items: Row[] };
  await Promise.all(Items.map((row) => post(requestContext, row.connectionId.S, text)));
  return { statusCode: 200 };
};
