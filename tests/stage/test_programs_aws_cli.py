"""The AWS command line, unmodified, with a stage in AWS's place: package, deploy, chat, look, delete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localstage import LocalStage
from tests.stage.target import StageTarget

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters: {Greeting: {Type: String}}
Globals: {Function: {Runtime: python3.13, Handler: app.handler}}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Environment: {Variables: {GREETING: !Ref Greeting}}}
  Plain:
    Type: AWS::Lambda::Function
    Properties: {Code: src, Handler: app.handler, Runtime: python3.13, Role: !GetAtt EchoRole.Arn,
                 Environment: {Variables: {GREETING: plain}}}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: !Ref AWS::StackName, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Echo.Arn}/invocations
  Default:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, RouteResponseSelectionExpression: $default,
                 Target: !Sub "integrations/${Integration}"}
  Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Default, RouteResponseKey: $default}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Echo, Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com,
                 SourceArn: !Sub "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"}
  Deployment: {Type: AWS::ApiGatewayV2::Deployment, DependsOn: [Default, Response], Properties: {ApiId: !Ref Api}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment}}
Outputs:
  Url: {Value: !Sub "${Api.ApiEndpoint}/${Stage}"}
  Plain: {Value: !Ref Plain}
"""
CODE = """
import os

def handler(event, context):
    print("served", context.function_name)
    answer = [os.environ["GREETING"], event.get("body", ""), event.get("requestContext", {}).get("connectionId", "")]
    return {"statusCode": 200, "body": " ".join(answer)}
"""

Aws = Callable[..., str]


@pytest.fixture(scope="module")
def aws(stage: LocalStage, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """Runs ``aws`` with words in a directory that has the application; gives what it prints."""
    directory = tmp_path_factory.mktemp("application")
    (directory / "src").mkdir()
    (directory / "src/app.py").write_text(CODE)
    (directory / "template.yaml").write_text(TEMPLATE)
    environment = {**stage.environment(as_aws=True), "AWS_PAGER": "", "HOME": str(directory)}

    def run(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *words],
            env=environment,
            cwd=directory,
            text=True,
            capture_output=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def stack(aws: Aws) -> Iterator[str]:
    """The name of a stack that ``package`` and ``deploy`` made; deleted in the end."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    aws("s3", "mb", f"s3://{name}")
    aws(
        "cloudformation",
        "package",
        "--template-file",
        "template.yaml",
        "--s3-bucket",
        name,
        "--output-template-file",
        "packaged.yaml",
    )
    assert f"Successfully created/updated stack - {name}" in deploy(aws, name, "hello")
    yield name
    aws("cloudformation", "delete-stack", "--stack-name", name)
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", name)
    assert "does not exist" in aws("cloudformation", "describe-stacks", "--stack-name", name, status=255)
    aws("s3", "rb", f"s3://{name}", "--force")


def deploy(aws: Aws, stack: str, greeting: str) -> str:
    return aws(
        "cloudformation",
        "deploy",
        "--template-file",
        "packaged.yaml",
        "--stack-name",
        stack,
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-fail-on-empty-changeset",
        "--parameter-overrides",
        f"Greeting={greeting}",
    )


def outputs(aws: Aws, stack: str) -> dict[str, str]:
    listed = json.loads(aws("cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].Outputs"))
    return {one["OutputKey"]: one["OutputValue"] for one in listed}


def test_package_when_the_command_line_makes_it(aws: Aws, stack: str, stage: LocalStage):
    """``package`` uploads the code of both kinds of function, ``deploy`` makes them, and each serves with it."""
    found = outputs(aws, stack)
    socket = StageTarget(stage).connect(found["Url"])
    socket.send("world")
    assert socket.recv().startswith("hello world ")
    socket.close()
    aws("lambda", "invoke", "--function-name", found["Plain"], "--payload", '{"body": "you"}', "answer.json")
    assert "served" in aws("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{found['Plain']}")


def test_connection_when_the_command_line_posts_to_it(aws: Aws, stack: str, stage: LocalStage):
    """``apigatewaymanagementapi`` posts to a connection, shows it and closes it; then it is gone."""
    url = outputs(aws, stack)["Url"]
    socket = StageTarget(stage).connect(url)
    socket.send("who am I")
    # In one word: an id may begin with a hyphen, and would be taken for an option.
    connection = (f"--connection-id={socket.recv().split()[-1]}", "--endpoint-url", url.replace("wss", "https"))
    aws("apigatewaymanagementapi", "post-to-connection", *connection, "--data", "from the command line")
    assert socket.recv() == "from the command line"
    assert set(json.loads(aws("apigatewaymanagementapi", "get-connection", *connection))) == {
        "ConnectedAt",
        "Identity",
        "LastActiveAt",
    }
    aws("apigatewaymanagementapi", "delete-connection", *connection)
    assert socket.recv_data()[0] == 8
    assert "GoneException" in aws("apigatewaymanagementapi", "get-connection", *connection, status=255)
    socket.shutdown()


def test_stack_when_the_command_line_deploys_it_again(aws: Aws, stack: str, stage: LocalStage):
    """A second ``deploy`` of the same is no change, one with another parameter is an update that is served."""
    assert "No changes to deploy" in deploy(aws, stack, "hello")
    assert f"Successfully created/updated stack - {stack}" in deploy(aws, stack, "goodbye")
    socket = StageTarget(stage).connect(outputs(aws, stack)["Url"])
    socket.send("world")
    assert socket.recv().startswith("goodbye world ")
    socket.close()
    deploy(aws, stack, "hello")


def test_apis_when_the_command_line_lists_them(aws: Aws, stack: str):
    """``apigatewayv2`` shows the stack's API, its routes and its stage; an error has AWS's form."""
    query = f"Items[?Name=='{stack}'].ApiId"
    api_id = aws("apigatewayv2", "get-apis", "--query", query, "--output", "text").strip()
    routes = aws("apigatewayv2", "get-routes", "--api-id", api_id, "--query", "Items[].RouteKey", "--output", "text")
    assert routes.strip() == "$default"
    assert "prod" in aws("apigatewayv2", "get-stages", "--api-id", api_id, "--output", "table")
    refused = aws("apigatewayv2", "create-route", "--api-id", api_id, "--route-key", "$default", status=255)
    assert "An error occurred (ConflictException) when calling the CreateRoute operation" in refused


def test_command_when_the_readme_gives_it(tmp_path: Path):
    """``localstage run --as-aws -- aws …`` runs the command line with a fresh stage in AWS's place."""
    words = ["localstage", "run", "--as-aws", "--", sys.executable, "-m", "awscli", "dynamodb", "list-tables"]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=300,
        env={**_here(), "AWS_PAGER": ""},
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, {"TableNames": []}), done.stderr


def _here() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, "PYTHONPATH": root}
