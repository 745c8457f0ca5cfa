"""The AWS SDK for JavaScript itself, from npm: once a week, because it is fetched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.late import import_path

ROOT = Path(__file__).resolve().parents[2]
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="it needs npm on the path")

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: nodejs22.x
    Handler: app.handler
    Timeout: 60
    Environment: {Variables: {TABLE_NAME: !Ref Connections}}
Resources:
  Connections:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: connectionId, Type: String}}
  Connect:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: connect, Policies: [DynamoDBCrudPolicy: {TableName: !Ref Connections}]}
  Send:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: esbuild, BuildProperties: {EntryPoints: [app.ts], External: ['@aws-sdk/*'], Format: cjs}}
    Properties:
      CodeUri: send
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Connections}
        - Statement: [{Effect: Allow, Action: 'execute-api:ManageConnections', Resource: '*'}]
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: sdk, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  ConnectIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Connect.Arn}/invocations
  SendIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Send.Arn}/invocations
  ConnectRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $connect, Target: !Sub 'integrations/${ConnectIntegration}'}
  SendRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub 'integrations/${SendIntegration}'}
  ConnectPermission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Connect, Principal: apigateway.amazonaws.com}
  SendPermission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Send, Principal: apigateway.amazonaws.com}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: prod, AutoDeploy: true}
"""
CONNECT = """
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));

export const handler = async ({ requestContext: { connectionId } }) => {
  await table.send(new PutCommand({ TableName: process.env.TABLE_NAME, Item: { connectionId } }));
  return { statusCode: 200 };
};
"""
SEND = """
import { ApiGatewayManagementApiClient, GoneException, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';

const table = new DynamoDBClient({});

export const handler = async ({ body, requestContext }: { body: string; requestContext: Record<string, string> }) => {
  const sockets = new ApiGatewayManagementApiClient({ endpoint: `https://${requestContext.domainName}/${requestContext.stage}` });
  const { Items = [] } = await table.send(new ScanCommand({ TableName: process.env.TABLE_NAME }));
  for (const { connectionId } of Items) {
    try {
      await sockets.send(new PostToConnectionCommand({ ConnectionId: connectionId.S!, Data: body }));
    } catch (error) {
      if (!(error instanceof GoneException)) throw error;
      console.log('gone');
    }
  }
  return { statusCode: 200 };
};
"""


@pytest.mark.weekly
@needs_npm
def test_sdk_when_npm_fetches_it(tmp_path: Path):
    """``install node-sdk`` fills its folder; then functions as they are on AWS, ES modules and bundled TypeScript, chat."""
    places = {
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "LOCALSTAGE_STATE_DIR": str(tmp_path / "state"),
    }
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "LOCALSTAGE"))}
    environment = {**kept, **places, "PYTHONPATH": import_path()}
    for name, file, text, facts in (
        ("connect", "app.js", CONNECT, {"type": "module", "dependencies": {"@aws-sdk/client-dynamodb": "^3"}}),
        ("send", "app.ts", SEND, {"devDependencies": {"esbuild": "*"}}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
        (tmp_path / name / "package.json").write_text(json.dumps(facts))
    (tmp_path / "template.yaml").write_text(TEMPLATE)

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("npm", "install", "--prefix", "send", "--no-audit", "--no-fund")
    assert "Node.js functions have it from now on." in run(sys.executable, "-m", "localstage", "install", "node-sdk")
    script = f"""
set -e
stage() {{ {sys.executable} -m localstage "$@"; }}
stage deploy --no-follow --stack-name sdk
echo first | stage connect --frames 1 --wait 60s
echo second | stage connect --frames 1 --wait 60s
stage logs
"""
    said = run(sys.executable, "-m", "localstage", "run", "--", "sh", "-c", script)
    assert "\nfirst\n" in said and "\nsecond\n" in said and "\tINFO\tgone" in said
