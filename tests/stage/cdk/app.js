// Two stacks of the shapes that the CDK writes. Synthesised with aws-cdk-lib 2.276.0 and constructs 10:
//     npm install aws-cdk-lib@2.276.0 constructs && node app.js
// The templates and the list of assets beside this file are what that writes to out/, unchanged.
const cdk = require('aws-cdk-lib');
const { aws_lambda: lambda, aws_dynamodb: dynamodb, aws_logs: logs, aws_apigatewayv2: apigw } = cdk;
const { WebSocketLambdaIntegration, WebSocketMockIntegration } = require('aws-cdk-lib/aws-apigatewayv2-integrations');
const { WebSocketIamAuthorizer, WebSocketLambdaAuthorizer } = require('aws-cdk-lib/aws-apigatewayv2-authorizers');

class Chat extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    const table = new dynamodb.TableV2(this, 'Connections', {
      partitionKey: { name: 'connectionId', type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: 'expires', removalPolicy: cdk.RemovalPolicy.DESTROY });
    const make = (name, handler, extra) => new lambda.Function(this, name, {
      runtime: lambda.Runtime.PYTHON_3_13, handler: `chat.${handler}`, code: lambda.Code.fromAsset('handlers'),
      timeout: cdk.Duration.seconds(20), environment: { TABLE: table.tableName },
      logGroup: new logs.LogGroup(this, `${name}Log`, {
        retention: logs.RetentionDays.ONE_WEEK, removalPolicy: cdk.RemovalPolicy.DESTROY }),
      ...extra });
    const connect = make('Connect', 'connect'), disconnect = make('Disconnect', 'disconnect');
    const send = make('Send', 'send_message'), help = make('Help', 'help_');
    const door = new lambda.Function(this, 'Door', { runtime: lambda.Runtime.PYTHON_3_13, handler: 'index.handler',
      code: lambda.Code.fromAsset('authorizer') });
    table.grantReadWriteData(connect); table.grantReadWriteData(disconnect); table.grantReadWriteData(send);
    const api = new apigw.WebSocketApi(this, 'Api', {
      description: 'A chat made with the CDK',
      connectRouteOptions: { integration: new WebSocketLambdaIntegration('ConnectIntegration', connect),
        authorizer: new WebSocketLambdaAuthorizer('Authorizer', door, { identitySource: ['route.request.querystring.name'] }) },
      disconnectRouteOptions: { integration: new WebSocketLambdaIntegration('DisconnectIntegration', disconnect) },
      defaultRouteOptions: { integration: new WebSocketLambdaIntegration('HelpIntegration', help), returnResponse: true } });
    api.addRoute('sendmessage', { integration: new WebSocketLambdaIntegration('SendIntegration', send) });
    const stage = new apigw.WebSocketStage(this, 'Prod', { webSocketApi: api, stageName: 'prod', autoDeploy: true,
      throttle: { rateLimit: 500, burstLimit: 1000 } });
    send.addEnvironment('CALLBACK_URL', stage.callbackUrl);
    stage.grantManagementApiAccess(send);
    api.grantManageConnections(send);
    cdk.Tags.of(this).add('made-with', 'cdk');
    new cdk.CfnOutput(this, 'Url', { value: stage.url });
    new cdk.CfnOutput(this, 'TableName', { value: table.tableName });
  }
}
// Needs no bootstrap: code in the template, an API that wants signed handshakes, a mock, an access log.
class Signed extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, { ...props, synthesizer: new cdk.BootstraplessSynthesizer() });
    const echo = new lambda.Function(this, 'Echo', { runtime: lambda.Runtime.PYTHON_3_12, handler: 'index.handler',
      code: lambda.Code.fromInline('def handler(event, context):\n    return {"statusCode": 200, "body": event["body"]}\n') });
    const api = new apigw.WebSocketApi(this, 'Api', {
      apiName: `${cdk.Aws.STACK_NAME}-signed`, routeSelectionExpression: '$request.body.kind',
      connectRouteOptions: { integration: new WebSocketMockIntegration('Open'), authorizer: new WebSocketIamAuthorizer() } });
    api.addRoute('echo', { integration: new WebSocketLambdaIntegration('EchoIntegration', echo), returnResponse: true });
    const log = new logs.LogGroup(this, 'AccessLog', { removalPolicy: cdk.RemovalPolicy.DESTROY });
    const stage = new apigw.WebSocketStage(this, 'Stage', { webSocketApi: api, stageName: 'v1', autoDeploy: true,
      description: 'Signed handshakes only', detailedMetricsEnabled: true,
      accessLogSettings: { destination: new apigw.LogGroupLogDestination(log) } });
    new cdk.CfnOutput(this, 'Url', { value: stage.url });
    new cdk.CfnOutput(this, 'LogGroup', { value: log.logGroupName });
  }
}
const app = new cdk.App({ outdir: 'out', analyticsReporting: false });
new Chat(app, 'Chat', {});
new Signed(app, 'Signed', {});
app.synth();
