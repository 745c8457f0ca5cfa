"""Operations that a stage does not have."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("cloudformation", "continue_update_rollback", {"StackName": "chat"}),
        (
            "cloudformation",
            "signal_resource",
            {"StackName": "chat", "LogicalResourceId": "Q", "UniqueId": "1", "Status": "SUCCESS"},
        ),
        ("cognito-idp", "start_web_authn_registration", {"AccessToken": "x"}),
        ("sqs", "cancel_message_move_task", {"TaskHandle": "x"}),
    ],
    ids=["query", "query with more", "JSON", "JSON of SQS"],
)
def test_operation_when_the_stage_does_not_have_it(aws, service: str, operation: str, arguments: dict[str, Any]):
    """It is refused by name in one sentence that every protocol's parser finds, and is not tried again."""
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), operation)(**arguments)
    error, answer = refused.value.response["Error"], refused.value.response["ResponseMetadata"]
    name = "".join(part.title() for part in operation.split("_"))
    assert (answer["HTTPStatusCode"], error["Code"]) == (501, "NotImplemented")
    assert error["Message"] == f"localstage does not have the operation {name}."


def test_domain_name_when_it_is_made(aws):
    """A custom domain name of an API is refused where it is made, by its name, since nothing here would serve it."""
    gateway = aws("apigatewayv2")
    with pytest.raises(gateway.exceptions.BadRequestException) as refused:
        gateway.create_domain_name(
            DomainName="chat.example.com",
            DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}],
        )
    assert refused.value.response["Error"]["Message"] == (
        "localstage serves no custom domain names: clients reach an API at its own address, not at chat.example.com"
    )
    assert gateway.get_domain_names()["Items"] == []


def test_operation_when_moto_has_no_path_for_it(aws):
    """An operation of a REST service is refused by its path."""
    with pytest.raises(ClientError) as refused:
        aws("lambda").list_provisioned_concurrency_configs(FunctionName="chat")
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "NotImplemented",
        "localstage does not have the operation GET /2019-09-30/functions/chat/provisioned-concurrency.",
    )


def test_operation_when_moto_does_not_have_its_service(aws):
    """It is refused by its service and name; but a function's URL, for which SAM's `list endpoints` asks, is not found."""
    cloud_control = aws("cloudcontrol")
    with pytest.raises(ClientError) as refused:
        cloud_control.get_resource(TypeName="AWS::Lambda::Function", Identifier="chat")
    assert (refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]) == (
        "NotImplemented",
        "localstage does not have the operation cloudcontrolapi:GetResource.",
    )
    with pytest.raises(cloud_control.exceptions.ResourceNotFoundException):
        cloud_control.get_resource(TypeName="AWS::Lambda::Url", Identifier="chat")


@pytest.mark.parametrize("kind", ["HTTP", "REST"])
def test_api_when_it_is_no_websocket_api(stage, aws, kind: str):
    """An HTTP or REST API can be defined; a call of it is refused by its kind, not by a bare Forbidden."""
    if kind == "HTTP":
        api_id = aws("apigatewayv2").create_api(Name="pages", ProtocolType="HTTP")["ApiId"]
    else:
        api_id = aws("apigateway").create_rest_api(name="pages")["id"]

    def answer() -> tuple[int, str]:
        connection = http.client.HTTPConnection(urlsplit(stage.url).netloc, timeout=90)
        connection.request("GET", "/prod/hello", headers={"Host": f"{api_id}.execute-api.us-east-1.amazonaws.com"})
        answer = connection.getresponse()
        message = json.loads(answer.read())["message"]
        connection.close()
        return answer.status, message

    assert answer() == (501, f"localstage serves WebSocket APIs; {api_id} is a {kind} API")
    if kind == "HTTP":
        aws("apigatewayv2").delete_api(ApiId=api_id)
    else:
        aws("apigateway").delete_rest_api(restApiId=api_id)
    assert answer() == (403, "Forbidden")


def test_call_when_its_content_type_is_another_protocols(stage, aws):
    """A call in a protocol that its service does not speak is refused by its content type."""
    settings = stage.changes().settings
    key = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]).get_credentials()
    headers = {
        "Host": urlsplit(stage.url).netloc,
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Amz-Target": "DynamoDB_20120810.ListTables",
    }
    signed = AWSRequest("POST", stage.url + "/", data="{}", headers=headers)
    SigV4Auth(key, "dynamodb", "us-east-1").add_auth(signed)
    connection = http.client.HTTPConnection(urlsplit(stage.url).netloc, timeout=90)
    connection.request("POST", "/", "{}", dict(signed.headers))
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["message"]) == (
        501,
        "localstage's dynamodb takes no calls of the type application/x-www-form-urlencoded.",
    )
    connection.close()
