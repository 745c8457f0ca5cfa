const { dynamodb } = require('small-aws');

exports.handler = function (event, context, callback) {
  const Item = { connectionId: { S: event.requestContext.connectionId } };
  dynamodb('PutItem', { TableName: process.env.TABLE_NAME, Item }).then(
    () => callback(null, { statusCode: 200, body: 'Connected.' }),
    (error) => callback(null, { statusCode: 500, body: `Failed to connect: ${error.message}` })
  );
};
