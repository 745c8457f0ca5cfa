const { dynamodb } = require('small-aws');

exports.handler = async (event) => {
  const Key = { connectionId: { S: event.requestContext.connectionId } };
  await dynamodb('DeleteItem', { TableName: process.env.TABLE_NAME, Key });
  return { statusCode: 200 };
};
