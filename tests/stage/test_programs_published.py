"""Whole programs of the shape that AWS's examples and the CDK have, in our own words. FIDELITY section 11."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator

import pytest

from tests.stage.target import REGION, Target, package
from tests.stage.waiting import eventually

CHAT = """
import json, os
import boto3

table = boto3.resource("dynamodb").Table(os.environ["table_name"])


def lambda_handler(event, context):
    route, me = event["requestContext"]["routeKey"], event["requestContext"]["connectionId"]
    if route == "$connect":
        table.put_item(Item={"connection_id": me, "user_name": event["queryStringParameters"]["name"]})
    elif route == "$disconnect":
        table.delete_item(Key={"connection_id": me})
    else:
        send(event, me)
    return {"statusCode": 200}


def send(event, me):
    place = event["requestContext"]
    sockets = boto3.client("apigatewaymanagementapi",
                           endpoint_url=f"https://{place['domainName']}/{place['stage']}")
    name = table.get_item(Key={"connection_id": me})["Item"]["user_name"]
    text = f"{name}: {json.loads(event['body'])['msg']}"
    for row in table.scan()["Items"]:
        if row["connection_id"] == me:
            continue
        try:
            sockets.post_to_connection(Data=text, ConnectionId=row["connection_id"])
        except sockets.exceptions.GoneException:
            table.delete_item(Key={"connection_id": row["connection_id"]})
"""

PLACEHOLDER = {
    "Conditions": {
        "CDKMetadataAvailable": {
            "Fn::Or": [
                {"Fn::Equals": [{"Ref": "AWS::Region"}, REGION]},
                {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
            ]
        }
    },
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "KeySchema": [{"AttributeName": "connection_id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "connection_id", "AttributeType": "S"}],
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Action": "sts:AssumeRole",
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                        }
                    ],
                },
                "ManagedPolicyArns": [
                    {
                        "Fn::Join": [
                            "",
                            [
                                "arn:",
                                {"Ref": "AWS::Partition"},
                                ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
                            ],
                        ]
                    }
                ],
            },
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "grants",
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:Scan"],
                            "Resource": {"Fn::GetAtt": ["Table", "Arn"]},
                        },
                        {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": "*"},
                    ],
                },
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": ["Policy", "Role"],
            "Properties": {
                "Code": {"ZipFile": "def lambda_handler(event, context):\n    raise RuntimeError('placeholder')\n"},
                "Handler": "index.lambda_handler",
                "Runtime": "python3.13",
                "Timeout": 30,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {"table_name": {"Ref": "Table"}}},
            },
        },
        "CDKMetadata": {
            "Type": "AWS::CDK::Metadata",
            "Condition": "CDKMetadataAvailable",
            "Properties": {"Analytics": "v2:deflate64:documentation"},
        },
    },
    "Outputs": {
        "Name": {"Value": {"Ref": "Function"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}},
        "TableName": {"Value": {"Ref": "Table"}},
    },
}
"""A table, a function with placeholder code, its role, and the CDK's own record, as synthesised templates have them."""


@pytest.fixture
def stack_name(target: Target) -> Iterator[str]:
    """A name for a stack, which is gone with the test."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    yield name
    cloudformation = target.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


def deploy(target: Target, name: str, template: dict, kind: str = "CREATE", **parameters: str) -> dict[str, str]:
    """Deploys with a change set, as the command lines of AWS and the CDK do; returns the outputs."""
    cloudformation = target.client("cloudformation")
    change_set = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="deploy",
        ChangeSetType=kind,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )["Id"]
    cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set)
    cloudformation.execute_change_set(ChangeSetName=change_set)
    cloudformation.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName=name)
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def make_api(target: Target, function_arn: str, account: str) -> str:
    """The routes by API calls, each with its own permission, and a stage that deploys by itself."""
    gateway, lambda_ = target.client("apigatewayv2"), target.client("lambda")
    api_id = gateway.create_api(
        Name="program", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    for route in ("$connect", "$disconnect", "sendmessage"):
        integration = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
        )
        gateway.create_route(ApiId=api_id, RouteKey=route, Target=f"integrations/{integration['IntegrationId']}")
        lambda_.add_permission(
            FunctionName=function_arn,
            StatementId=f"{api_id}-{route.strip('$')}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:{account}:{api_id}/*/{route}",
        )
    gateway.create_stage(ApiId=api_id, StageName="test", AutoDeploy=True)
    return api_id


def talk(target: Target, url: str) -> None:
    """Three people: the first leaves right after the last word, and the others have heard everything."""
    ann, bob, cid = (target.connect(f"{url}?name={name}") for name in ("ann", "bob", "cid"))
    for text in ("one", "two"):
        ann.send(json.dumps({"action": "sendmessage", "msg": text}))
    ann.close()
    for listener in (bob, cid):
        assert sorted(listener.recv() for _ in range(2)) == ["ann: one", "ann: two"]
        listener.close()


def rows_left(target: Target, table: str) -> None:
    """Returns when every connection has left the table."""
    dynamodb = target.client("dynamodb")
    eventually(lambda: dynamodb.scan(TableName=table)["Count"], lambda count: count == 0, f"{table} to be empty")


def test_program_when_it_makes_a_stack_and_then_the_api_by_calls(target: Target, stack_name: str):
    """A stack with placeholder code, the code by UpdateFunctionCode, the API by calls: the chat works and goes."""
    outputs = deploy(target, stack_name, PLACEHOLDER)
    lambda_, gateway = target.client("lambda"), target.client("apigatewayv2")
    lambda_.update_function_code(FunctionName=outputs["Name"], ZipFile=package(CHAT, "index.py"))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=outputs["Name"])
    api_id = make_api(target, outputs["Arn"], outputs["Arn"].split(":")[4])
    talk(target, f"wss://{api_id}.execute-api.{REGION}.amazonaws.com/test")
    rows_left(target, outputs["TableName"])
    gateway.delete_api(ApiId=api_id)
    assert api_id not in [api["ApiId"] for api in gateway.get_apis()["Items"]]


def synthesised(routes: tuple[str, ...]) -> dict:
    """The template of the whole chat as the CDK writes it: code from an asset, joined URIs, a stage of its own."""
    resources = json.loads(json.dumps(PLACEHOLDER["Resources"]))
    resources["Function"]["Properties"]["Code"] = {"S3Bucket": {"Ref": "AssetBucket"}, "S3Key": {"Ref": "AssetKey"}}
    resources["Api"] = {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {"Name": "Chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"},
    }
    api, arn = {"Ref": "Api"}, {"Fn::GetAtt": ["Function", "Arn"]}
    for route in routes:
        part = route.strip("$").capitalize()
        resources[f"{part}Permission"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": arn,
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {
                    "Fn::Join": [
                        "",
                        [
                            "arn:",
                            {"Ref": "AWS::Partition"},
                            ":execute-api:",
                            {"Ref": "AWS::Region"},
                            ":",
                            {"Ref": "AWS::AccountId"},
                            ":",
                            api,
                            f"/*/{route}",
                        ],
                    ]
                },
            },
        }
        resources[f"{part}Integration"] = {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": api,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {
                    "Fn::Join": [
                        "",
                        [
                            "arn:",
                            {"Ref": "AWS::Partition"},
                            ":apigateway:",
                            {"Ref": "AWS::Region"},
                            ":lambda:path/2015-03-31/functions/",
                            arn,
                            "/invocations",
                        ],
                    ]
                },
            },
        }
        resources[f"{part}Route"] = {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": api,
                "RouteKey": route,
                "AuthorizationType": "NONE",
                "Target": {"Fn::Join": ["", ["integrations/", {"Ref": f"{part}Integration"}]]},
            },
        }
    resources["Stage"] = {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {"ApiId": api, "StageName": "prod", "AutoDeploy": True},
    }
    url = {
        "Fn::Join": [
            "",
            ["wss://", api, ".execute-api.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/prod"],
        ]
    }
    return {
        **PLACEHOLDER,
        "Resources": resources,
        "Parameters": {"AssetBucket": {"Type": "String"}, "AssetKey": {"Type": "String"}},
        "Outputs": {"Url": {"Value": url}, "TableName": {"Value": {"Ref": "Table"}}},
    }


@pytest.mark.fidelity("11.5")
def test_program_when_the_whole_chat_is_a_synthesised_template(target: Target, stack_name: str):
    """Code from an asset bucket, change sets, a stage that deploys by itself; an update's new route is served."""
    s3 = target.client("s3")
    bucket = f"test-assets-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    s3.upload_fileobj(io.BytesIO(package(CHAT, "index.py")), bucket, "asset.zip")
    where = {"AssetBucket": bucket, "AssetKey": "asset.zip"}
    outputs = deploy(target, stack_name, synthesised(("$connect", "$disconnect")), **where)
    early = target.connect(f"{outputs['Url']}?name=early")
    early.send(json.dumps({"action": "sendmessage", "msg": "nobody hears this"}))
    assert json.loads(early.recv())["message"] == "Forbidden"
    early.close()
    deploy(target, stack_name, synthesised(("$connect", "$disconnect", "sendmessage")), kind="UPDATE", **where)
    rows_left(target, outputs["TableName"])
    talk(target, outputs["Url"])
    rows_left(target, outputs["TableName"])
    s3.delete_object(Bucket=bucket, Key="asset.zip")
    s3.delete_bucket(Bucket=bucket)
