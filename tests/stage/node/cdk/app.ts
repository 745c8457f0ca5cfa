// A chat with functions in TypeScript; what the CDK synthesises of it is in cdk.out beside this file, unchanged, without the
// reports. Made with aws-cdk-lib 2.276.0, constructs 10 and esbuild:
//     npm install aws-cdk-lib constructs esbuild
//     node_modules/.bin/esbuild app.ts --bundle --platform=node --packages=external --outfile=app.js && node app.js
import * as cdk from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';

class NodeChat extends cdk.Stack {
  constructor(scope: cdk.App, id: string) {
    super(scope, id, { stackName: 'node-chat-of-the-cdk' });
    const table = new dynamodb.Table(this, 'Connections', {
      partitionKey: { name: 'connectionId', type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    const made = (name: string) =>
      new NodejsFunction(this, name, {
        entry: 'chat.ts',
        handler: name,
        runtime: lambda.Runtime.NODEJS_22_X,
        timeout: cdk.Duration.seconds(20),
        environment: { TABLE: table.tableName },
      });
    const [connect, disconnect, send] = ['connect', 'disconnect', 'send'].map(made);
    [connect, disconnect, send].forEach((one) => table.grantReadWriteData(one));
    const api = new apigw.WebSocketApi(this, 'Api', {
      connectRouteOptions: { integration: new WebSocketLambdaIntegration('Connect', connect) },
      disconnectRouteOptions: { integration: new WebSocketLambdaIntegration('Disconnect', disconnect) },
    });
    api.addRoute('send', { integration: new WebSocketLambdaIntegration('Send', send) });
    const stage = new apigw.WebSocketStage(this, 'Prod', { webSocketApi: api, stageName: 'prod', autoDeploy: true });
    api.grantManageConnections(send);
    new cdk.CfnOutput(this, 'Url', { value: stage.url });
  }
}

const app = new cdk.App({ outdir: 'cdk.out', analyticsReporting: false, treeMetadata: false, stackTraces: false });
new NodeChat(app, 'NodeChat');
app.synth();
