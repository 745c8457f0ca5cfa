"""The permissions of a template of the shape that AWS's sample chat has: SAM, policy templates, one role a function.

In our own words; each part of the policies is taken away in turn.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import websocket

from tests.stage.target import REGION, Target
from tests.stage.waiting import eventually, messages_in

PUT = """
import boto3, os
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={
        "connectionId": {"S": event["requestContext"]["connectionId"]}})
    return {"statusCode": 200}
"""
DELETE = PUT.replace("put_item", "delete_item").replace("Item=", "Key=")
SEND = """
import boto3, json, os
def handler(event, context):
    place = event["requestContext"]
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{place['domainName']}/{place['stage']}")
    for row in boto3.client("dynamodb").scan(TableName=os.environ["TABLE"])["Items"]:
        api.post_to_connection(ConnectionId=row["connectionId"]["S"], Data=json.loads(event["body"])["data"])
    return {"statusCode": 200}
"""
ROUTES = {"OnConnect": "$connect", "OnDisconnect": "$disconnect", "SendMessage": "sendmessage"}


def template() -> str:
    """The whole system."""
    resources: dict[str, object] = {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "sample",
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": "$request.body.message",
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [{"AttributeName": "connectionId", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "connectionId", "KeyType": "HASH"}],
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGatewayV2::Deployment",
            "DependsOn": [f"{name}Route" for name in ROUTES],
            "Properties": {"ApiId": {"Ref": "Api"}},
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"StageName": "Prod", "DeploymentId": {"Ref": "Deployment"}, "ApiId": {"Ref": "Api"}},
        },
    }
    for (name, route), source in zip(ROUTES.items(), (PUT, DELETE, SEND), strict=True):
        policies: list[object] = [{"DynamoDBCrudPolicy": {"TableName": {"Ref": "Table"}}}]
        if name == "SendMessage":
            policies.append(
                {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["execute-api:ManageConnections"],
                            "Resource": [{"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"}],
                        }
                    ]
                }
            )
        uri = f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{name}.Arn}}/invocations"
        resources |= {
            name: {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "InlineCode": source,
                    "Handler": "index.handler",
                    "Runtime": "python3.13",
                    "Timeout": 30,
                    "Policies": policies,
                    "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
                },
            },
            f"{name}Integration": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": "Api"},
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": {"Fn::Sub": uri},
                },
            },
            f"{name}Route": {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": "Api"},
                    "RouteKey": route,
                    "AuthorizationType": "NONE",
                    "Target": {"Fn::Sub": f"integrations/${{{name}Integration}}"},
                },
            },
            f"{name}Permission": {
                "Type": "AWS::Lambda::Permission",
                "DependsOn": ["Api"],
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": {"Ref": name},
                    "Principal": "apigateway.amazonaws.com",
                },
            },
        }
    return json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources})


@dataclass
class Sample:
    """The system deployed."""

    target: Target
    stack: str
    url: str

    def physical_id(self, logical_id: str) -> str:
        detail = self.target.client("cloudformation").describe_stack_resource(
            StackName=self.stack, LogicalResourceId=logical_id
        )
        return detail["StackResourceDetail"]["PhysicalResourceId"]

    def messages(self, function: str) -> str:
        """All that a function has logged."""
        return "".join(messages_in(self.target.client("logs"), f"/aws/lambda/{self.physical_id(function)}"))

    def handshake(self) -> int:
        try:
            self.target.connect(self.url).close()
            return 101
        except websocket.WebSocketBadStatusException as refused:
            return refused.status_code

    def answer(self) -> str:
        """What a client hears that sends to all, itself included, when nobody else is in the table.

        The sample's function fails at the first row of somebody who has gone, and where $disconnect may not
        delete, these stay.
        """
        dynamodb, table = self.target.client("dynamodb"), self.physical_id("Table")
        for row in dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]:
            dynamodb.delete_item(TableName=table, Key=row)
        socket = self.target.connect(self.url)
        try:
            socket.send(json.dumps({"message": "sendmessage", "data": "hello"}))
            heard = socket.recv()
            return "hello" if heard == "hello" else json.loads(heard)["message"]
        finally:
            socket.close()


@pytest.fixture(scope="module")
def sample(target) -> Iterator[Sample]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    formation = target.client("cloudformation")
    formation.create_stack(
        StackName=name, TemplateBody=template(), Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    made = Sample(target, name, "")
    made.url = f"wss://{made.physical_id('Api')}.execute-api.{REGION}.amazonaws.com/Prod"
    yield made
    formation.delete_stack(StackName=name)


def test_sample_when_it_is_whole(sample):
    """As published everybody hears what is said."""
    eventually(sample.answer, lambda heard: heard == "hello", "the sample to work")
    assert sample.handshake() == 101
    eventually(lambda: sample.messages("SendMessage"), bool, "the log")


@pytest.mark.fidelity("10.1", "10.2")
@pytest.mark.parametrize(
    ("function", "number", "handshake", "answer", "denied"),
    [
        ("OnConnect", 0, 502, None, "dynamodb:PutItem"),
        ("OnDisconnect", 0, 101, "hello", "dynamodb:DeleteItem"),
        ("SendMessage", 0, 101, "Internal server error", "dynamodb:Scan"),
        ("SendMessage", 1, 101, "Internal server error", "execute-api:ManageConnections"),
    ],
)
def test_sample_when_a_policy_is_removed(target, sample, function, number, handshake, answer, denied):
    """Each policy of a function is what its one call needs; nothing else changes, and put back it works again."""
    iam, role = target.client("iam"), sample.physical_id(f"{function}Role")
    name = sorted(iam.list_role_policies(RoleName=role)["PolicyNames"])[number]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        eventually(sample.handshake, lambda status: status == handshake, f"{handshake} at the handshake")
        if answer is not None:
            eventually(sample.answer, lambda heard: heard == answer, f"{answer!r} as the answer")
        wanted = f"is not authorized to perform: {denied} on resource: "
        eventually(lambda: sample.messages(function), lambda log: wanted in log, f"{denied} in the log")
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    eventually(
        lambda: (sample.handshake(), sample.answer() if answer != "hello" else "hello"),
        lambda seen: seen == (101, "hello"),
        "the sample to work again",
    )


@pytest.mark.fidelity("10.3")
def test_sample_when_logging_is_not_allowed(target, sample):
    """AWSLambdaBasicExecutionRole is what logging needs: without it the sample works in silence."""
    iam, role = target.client("iam"), sample.physical_id("SendMessageRole")
    [basic] = [policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    assert basic.endswith(":policy/service-role/AWSLambdaBasicExecutionRole")
    iam.detach_role_policy(RoleName=role, PolicyArn=basic)

    def silent() -> bool:
        before = sample.messages("SendMessage")
        eventually(sample.answer, lambda heard: heard == "hello", "an answer")
        return sample.messages("SendMessage") == before

    eventually(silent, bool, "an invocation without a log")
    iam.attach_role_policy(RoleName=role, PolicyArn=basic)
    eventually(silent, lambda seen: not seen, "the log to go on")


@pytest.mark.fidelity("10.4")
def test_sample_when_api_gateway_may_not_invoke(target, sample):
    """Without its AWS::Lambda::Permission the handshake is answered 500."""
    lambda_, function = target.client("lambda"), sample.physical_id("OnConnect")
    [statement] = json.loads(lambda_.get_policy(FunctionName=function)["Policy"])["Statement"]
    lambda_.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    eventually(sample.handshake, lambda status: status == 500, "500 at the handshake")
    lambda_.add_permission(
        FunctionName=function,
        StatementId=statement["Sid"],
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    eventually(sample.handshake, lambda status: status == 101, "the handshake to work again")
