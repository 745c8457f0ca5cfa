// The module that Lambda puts beside code in a template: it tells a stack what has become of a custom resource.
// AWS: CloudFormation user guide, cfn-response module. In our own words.
const https = require('https');

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = (event, context, responseStatus, responseData, physicalResourceId, noEcho) => {
  const body = JSON.stringify({
    Status: responseStatus,
    Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  const done = () => context.done && context.done();
  return new Promise((resolve) => {
    https
      .request(event.ResponseURL, { method: 'PUT', headers }, (response) => response.resume().on('end', () => resolve(done())))
      .on('error', (error) => {
        console.log('The response was not sent:', error.message);
        resolve(done());
      })
      .end(body);
  });
};
