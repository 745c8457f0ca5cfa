// The plain chat handler in Node.js: what sequential.py does, with the AWS SDK for JavaScript.

const { DynamoDBClient, PutItemCommand, DeleteItemCommand, ScanCommand } = require("@aws-sdk/client-dynamodb");
const { ApiGatewayManagementApiClient, PostToConnectionCommand } = require("@aws-sdk/client-apigatewaymanagementapi");

const TableName = process.env.TABLE;
const tables = new DynamoDBClient();
const clients = new Map();

function clientFor(context) {
  const endpoint = process.env.MANAGEMENT_URL.replace(/\{(\w+)\}/g, (_, name) => context[name]);
  if (!clients.has(endpoint)) clients.set(endpoint, new ApiGatewayManagementApiClient({ endpoint }));
  return clients.get(endpoint);
}

exports.handler = async (event) => {
  const context = event.requestContext;
  const row = { connection_id: { S: context.connectionId } };
  if (context.eventType === "CONNECT") {
    await tables.send(new PutItemCommand({ TableName, Item: row }));
  } else if (context.eventType === "DISCONNECT") {
    await tables.send(new DeleteItemCommand({ TableName, Key: row }));
  } else {
    const { Items } = await tables.send(new ScanCommand({ TableName }));
    for (const item of Items) {
      const post = new PostToConnectionCommand({ ConnectionId: item.connection_id.S, Data: Buffer.from(event.body) });
      await clientFor(context).send(post).catch((error) => {
        if (error.$metadata?.httpStatusCode !== 410) throw error; // It leaves; its row goes with its $disconnect.
      });
    }
  }
  return { statusCode: 200 };
};
