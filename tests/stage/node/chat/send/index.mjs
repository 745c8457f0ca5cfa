import { dynamodb, post } from 'small-aws';

export const handler = async ({ body, requestContext }) => {
  const { Items } = await dynamodb('Scan', { TableName: process.env.TABLE_NAME, ProjectionExpression: 'connectionId' });
  const { data } = JSON.parse(body);
  await Promise.all(
    Items.map(async ({ connectionId }) => {
      try {
        await post(requestContext, connectionId.S, data);
      } catch (error) {
        if (error.statusCode !== 410) throw error;
        console.log('found a stale connection', connectionId.S);
        await dynamodb('DeleteItem', { TableName: process.env.TABLE_NAME, Key: { connectionId } });
      }
    })
  );
  return { statusCode: 200, body: 'Data sent.' };
};
