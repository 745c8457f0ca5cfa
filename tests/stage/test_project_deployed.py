"""A project as its developer has it on localstage: deployed, talked to, looked at and changed, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localstage import LocalStage, cli
from localstage.project.deployment import Deployment, NotDeployed, StackEvent, Wanted, addresses
from localstage.project.packaging import CannotPackage
from localstage.sessions import StageSession
from localstage.state import ask
from tests.stage.waiting import eventually

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Greeting: {Type: String}}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: echo
      Handler: app.handler
      Runtime: python3.13
      Environment: {Variables: {GREETING: !Ref Greeting}}
      Policies: [{Statement: [{Effect: Allow, Action: 'execute-api:ManageConnections', Resource: '*'}]}]
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: echo-api, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Echo.Arn}/invocations'
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $default
      Target: !Sub 'integrations/${Integration}'
      RouteResponseSelectionExpression: $default
  Answer:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
  Deployment: {Type: AWS::ApiGatewayV2::Deployment, DependsOn: [Route, Answer], Properties: {ApiId: !Ref Api}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment}}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Echo, Principal: apigateway.amazonaws.com}
Outputs: {Said: {Value: !Ref Greeting}}
"""
CODE = """
import os
def handler(event, context):
    print("echoing", event.get("body"))
    return {"statusCode": 200, "body": os.environ["GREETING"] + " " + event["body"]}
"""


@pytest.fixture(scope="module")
def session(stage: LocalStage) -> StageSession:
    """A session on the stage."""
    return StageSession(stage.access)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder."""
    folder = tmp_path_factory.mktemp("echo-project")
    (folder / "echo").mkdir()
    (folder / "echo" / "app.py").write_text(CODE)
    (folder / "template.yaml").write_text(TEMPLATE)
    return folder


@pytest.fixture
def events() -> list[StackEvent]:
    """The events that a deployment told."""
    return []


@pytest.fixture
def deployment(session: StageSession, project: Path, events: list[StackEvent]) -> Iterator[Deployment]:
    """The project deployed; afterwards its files are as they were."""
    wanted = Wanted(project / "template.yaml", "echo", {"Greeting": "hello"})
    deployed = Deployment(session, wanted, events.append)
    deployed.deploy()
    yield deployed
    (project / "echo" / "app.py").write_text(CODE)
    (project / "template.yaml").write_text(TEMPLATE)


@pytest.fixture
def say(stage: LocalStage) -> Callable[..., Result]:
    """A callable that runs a command of localstage's on the stage."""

    def run(*words: str, input: str = "") -> Result:
        return CliRunner().invoke(
            cli.main, [*words, "--port", stage.url.rpartition(":")[2]], input=input, catch_exceptions=False
        )

    return run


def answer_to(text: str, session: StageSession, stage: LocalStage, say: Callable[..., Result]) -> str:
    """What the stack's stage answers to one line."""
    (address,) = addresses(session, stage.url, "echo")
    return say("connect", address.local_url, "--wait", "150s", "--frames", "1", input=f"{text}\n").stdout


def test_deploy_when_the_project_is_new_and_again(say, project: Path, session, stage):
    """The command deploys, names the addresses and ends; a second time there is nothing to do; connect talks to it."""
    first = say("deploy", str(project), "--no-follow", "--stack-name", "echo", "-p", "Greeting=hello")
    assert first.exit_code == 0, first.output
    (address,) = addresses(session, stage.url, "echo")
    assert "\n  Said = hello\n" in first.stdout
    assert f"echo-api, stage prod:\n  {address.local_url}\n  {address.url}" in first.stdout
    again = say("deploy", str(project), "--no-follow", "--stack-name", "echo", "-p", "Greeting=hello")
    assert again.exit_code == 0 and "_COMPLETE" not in again.stdout
    assert answer_to("you", session, stage, say) == "hello you\n"
    aws = say("connect", address.url, "--frames", "1", "--wait", "150s", input="again\n")
    assert (aws.stdout, aws.exit_code) == ("hello again\n", 0)


def test_code_when_it_changes(deployment, project: Path, session, stage, say):
    """New code reaches the function past the stack; back to the old code with a new template does as well."""
    assert answer_to("you", session, stage, say) == "hello you\n"
    (project / "echo" / "app.py").write_text(CODE.replace('" "', '", "'))
    assert deployment.deploy() == ["Echo"]
    assert answer_to("you", session, stage, say) == "hello, you\n"
    (project / "echo" / "app.py").write_text(CODE)
    (project / "template.yaml").write_text(TEMPLATE.replace("Handler:", "Description: echoes\n      Handler:"))
    assert deployment.deploy() == ["Echo"]
    assert answer_to("you", session, stage, say) == "hello you\n"


def test_template_when_it_fails_and_is_mended(deployment, project: Path, events: list[StackEvent]):
    """What is wrong is one sentence, on this machine or from CloudFormation; the mended template is deployed after it."""
    (project / "template.yaml").write_text(TEMPLATE.replace("CodeUri: echo", "CodeUri: gone"))
    with pytest.raises(CannotPackage, match=r"^Echo: CodeUri names .*gone, which does not exist"):
        deployment.deploy()
    (project / "template.yaml").write_text(TEMPLATE.replace("!Ref Greeting}", "!Ref Gone}"))
    with pytest.raises(NotDeployed, match=r"^CloudFormation refused .*template.yaml: .*\[Gone\]"):
        deployment.deploy()
    broken = TEMPLATE.replace("StageName: prod", "StageName: 'not a name'")
    (project / "template.yaml").write_text(broken)
    with pytest.raises(
        NotDeployed, match=r"^The stack echo is UPDATE_ROLLBACK_COMPLETE: Stage \(AWS::ApiGatewayV2::Stage\)"
    ):
        deployment.deploy()
    (project / "template.yaml").write_text(TEMPLATE)
    events.clear()
    assert deployment.deploy() == []


def test_stack_when_its_creation_failed(session: StageSession, project: Path):
    """A stack that was never complete is deleted and made again."""
    (project / "template.yaml").write_text(TEMPLATE.replace("StageName: prod", "StageName: 'not a name'"))
    told: list[StackEvent] = []
    second = Deployment(session, Wanted(project / "template.yaml", "second", {"Greeting": "hi"}), told.append)
    with pytest.raises(NotDeployed, match="The stack second is ROLLBACK_COMPLETE: Stage"):
        second.deploy()
    (project / "template.yaml").write_text(TEMPLATE)
    second.deploy()
    assert told[-1] == StackEvent("CREATE_COMPLETE", "AWS::CloudFormation::Stack", "second", told[-1].reason)
    session.client("cloudformation").delete_stack(StackName="second")


def test_logs_when_functions_have_printed(deployment, session, stage, say):
    """logs shows a function's lines by a part of its name, with events and Lambda's own too, and names what there is."""
    answer_to("a line to find", session, stage, say)

    def has_event(shown: str) -> bool:
        return any(" $default " in line and " 200 " in line and " ms " in line for line in shown.splitlines())

    shown = eventually(lambda: say("logs", "echo", "--events").stdout, has_event, "the event, which follows its answer")
    assert "Echo                echoing a line to find\n" in shown and "REPORT" not in shown
    assert "Echo                REPORT RequestId: " in say("logs", "echo", "--platform").stdout
    unknown = say("logs", "nobody")
    assert unknown.exit_code == 2 and "No function with 'nobody' in its name" in unknown.stderr


def test_overview_when_somebody_is_connected(deployment, session, stage):
    """The overview has stages, routes with their functions, and connections; nothing of it is a key."""
    (address,) = addresses(session, stage.url, "echo")
    found = ask(stage.url, "overview")
    (shown,) = [one for one in found["stages"] if one["api_id"] == address.api_id]
    assert (shown["api_name"], shown["local_url"]) == ("echo-api", address.local_url)
    assert [(route["route_key"], route["integration"]) for route in shown["routes"]] == [("$default", "AWS_PROXY")]
    assert shown["routes"][0]["target"].startswith("echo-Echo-")
    assert stage.access.secret_access_key not in json.dumps(found)


def test_status_when_a_stage_is_served(deployment, session, stage, say):
    """status names the addresses of each stage."""
    (address,) = addresses(session, stage.url, "echo")
    assert f"\n  echo-api, stage prod:\n    {address.local_url}\n    {address.url}\n" in say("status").stdout


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9", "is no WebSocket URL; it begins with ws:// or wss://."),
        ("wss://gone.execute-api.us-east-1.amazonaws.com/prod", "No running localstage serves wss://gone."),
        ("STAGE/nowhere/prod", "The handshake was refused with 403 "),
    ],
)
def test_connect_when_it_cannot(say, stage: LocalStage, url: str, sentence: str):
    """What is wrong with an address is one sentence, and what a refusal means is said."""
    said = say("connect", url.replace("STAGE", stage.url.replace("http", "ws")))
    assert said.exit_code in (1, 2) and sentence in said.stderr and said.stdout == ""
