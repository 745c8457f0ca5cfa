"""A project with the habits of published SAM chats in Python, deployed as it is, and talked to by two clients.

These habits are seen in public repositories and in no example of AWS's: a layer that
``sam build`` builds, a stack's name with hyphens in samconfig.toml, runtimes that
Lambda has retired, handlers that return an empty object. The words are our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from localstage import LocalStage, cli
from localstage.sessions import StageSession
from tests.process.wheel_by_hand import write_wheel
from tests.stage.target import Target

ROUTE = """
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code/
      Handler: {module}.handler
      Policies:
        - DynamoDBCrudPolicy: {{TableName: !Ref Guests}}
        - Statement: [{{Effect: Allow, Action: 'execute-api:ManageConnections', Resource: '*'}}]
  {name}Permission:
    Type: AWS::Lambda::Permission
    Properties: {{Action: lambda:InvokeFunction, FunctionName: !Ref {name}Function, Principal: apigateway.amazonaws.com}}
  {name}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Party
      IntegrationType: AWS_PROXY
      IntegrationUri:
        Fn::Sub: arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{name}Function.Arn}}/invocations
  {name}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Party
      RouteKey: {key}
      Target: !Join ['/', [integrations, !Ref {name}Integration]]
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {GuestsName: {Type: String, Default: guests}}
Globals:
  Function:
    Runtime: python3.8
    Timeout: 30
    Layers: [!Ref Words]
    Environment: {Variables: {GUESTS: !Ref Guests}}
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: python3.8}
    Properties: {ContentUri: words}
  Guests:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Ref GuestsName
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 5}
      SSESpecification: {SSEEnabled: True}
  Party:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: party, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Deployment:
    Type: AWS::ApiGatewayV2::Deployment
    DependsOn: [ComeRoute, SayRoute]
    Properties: {ApiId: !Ref Party}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {StageName: Prod, ApiId: !Ref Party, DeploymentId: !Ref Deployment}
Outputs:
  Url: {Value: !Join ['', ['wss://', !Ref Party, '.execute-api.', !Ref 'AWS::Region', '.amazonaws.com/', !Ref Stage]]}
""".replace(
    "Outputs:",
    ROUTE.format(name="Come", module="come", key="$connect")
    + ROUTE.format(name="Say", module="say", key="say")
    + "Outputs:",
)
COME = """
import os
import boto3

def handler(event, context):
    guest = {"id": event["requestContext"]["connectionId"], "name": event["queryStringParameters"]["name"]}
    boto3.resource("dynamodb").Table(os.environ["GUESTS"]).put_item(Item=guest)
    return {}
"""
SAY = """
import json, os
import boto3
from politely import said

guests = boto3.resource("dynamodb").Table(os.environ["GUESTS"])

def handler(event, context):
    place = event["requestContext"]
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{place['domainName']}/{place['stage']}")
    name = guests.get_item(Key={"id": place["connectionId"]})["Item"]["name"]
    for guest in guests.scan()["Items"]:
        api.post_to_connection(ConnectionId=guest["id"], Data=said(name, json.loads(event["body"])["text"]))
    return {}
"""
POLITELY = """
from greeting import WORD

def said(name, text):
    return f"{WORD}! {name} says: {text}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder; what its layer requires is a wheel beside it."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    folder = tmp_path / "party"
    (folder / "words").mkdir(parents=True)
    (folder / "code").mkdir()
    wheel = write_wheel(tmp_path, "greeting", "1.0", {"greeting": "WORD = 'Listen'\ndef main(): print(WORD)\n"})
    (folder / "words" / "requirements.txt").write_text(f"../../{wheel.name}\n")
    (folder / "words" / "politely.py").write_text(POLITELY)
    (folder / "code" / "come.py").write_text(COME)
    (folder / "code" / "say.py").write_text(SAY)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "samconfig.toml").write_text(
        'version = 0.1\n[default.deploy.parameters]\nstack_name = "a-party-of-two"\nregion = "ap-southeast-1"\n'
        'parameter_overrides = "GuestsName=\\"guests_tonight\\""\n'
    )
    return folder


@pytest.fixture
def say(stage: LocalStage) -> Iterator[object]:
    """A callable that runs a command of localstage's on the stage; the stack is gone afterwards."""
    yield lambda *words: CliRunner().invoke(cli.main, [*words, "--port", stage.url.rpartition(":")[2]])
    formation = StageSession(stage.access).client("cloudformation")
    formation.delete_stack(StackName="a-party-of-two")
    formation.get_waiter("stack_delete_complete").wait(StackName="a-party-of-two")


def test_chat_when_two_are_in_a_published_project(target: Target, project: Path, say):
    """Both hear each line, through the layer that was built; the logs name a function as the template does."""
    done = say("deploy", str(project), "--no-follow")
    assert done.exit_code == 0, done.output
    url = next(line.split()[-1] for line in done.stdout.splitlines() if line.startswith("  Url = "))
    ann, bob = target.connect(f"{url}?name=ann"), target.connect(f"{url}?name=bob")
    ann.send(json.dumps({"action": "say", "text": "hello"}))
    assert [ann.recv(), bob.recv()] == ["Listen! ann says: hello"] * 2
    assert "  ComeFunction        REPORT " in say("logs", "a-party-of-two-come", "--platform").stdout
