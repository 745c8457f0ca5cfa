"""chat.yaml as a stack that lives: its parameters, its updates, and the AWS command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket

from classroom.account.deployment_name import stamped
from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, TEMPLATES, Site, heard, say
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

ROOT = TEMPLATES.parent
SHOUT = """
  ShoutRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: shout, Target: !Sub "integrations/${SendMessageIntegration}"}
  ShoutPermission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref SendMessageFunction, Action: "lambda:InvokeFunction", Principal: apigateway.amazonaws.com,
                 SourceArn: !Sub "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/shout"}
"""
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "dynamodb:PutItem",
                "dynamodb:DeleteItem",
                "dynamodb:UpdateItem",
                "dynamodb:Scan",
                "execute-api:ManageConnections",
            ],
            "Resource": "*",
        }
    ],
}
LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def running(emptied: LocalStage) -> LocalStage:
    StageTarget(emptied).client("s3").create_bucket(Bucket=BUCKET)
    return emptied


@pytest.fixture
def site(running: LocalStage) -> Iterator[Site]:
    site = Site(StageTarget(running))
    yield site
    site.close()


def test_route_when_it_is_added_and_the_deployment_named_anew(site: Site) -> None:
    """A new route under a new deployment is reachable for people who were connected all the time; under the old it is not."""
    url = site.deploy("grows", "chat.yaml")["WebSocketUrl"]
    ann = site.connect(url)
    larger = (TEMPLATES / "chat.yaml").read_text().replace("\nOutputs:\n", SHOUT + "\nOutputs:\n")
    larger = larger.replace("DependsOn: [ConnectRoute", "DependsOn: [ShoutRoute, ConnectRoute")
    site.update("grows", larger)
    shout(ann)
    assert heard(ann)["type"] == "usage"  # the snapshot that is served has no such route: $default answers
    site.update("grows", stamped(larger))
    shout(ann)
    assert heard(ann)["message"] == "HELLO"


def shout(socket: websocket.WebSocket) -> None:
    socket.send('{"action": "shout", "sender": "Ann", "message": "HELLO"}')


def test_stack_when_its_functions_use_an_existing_role(site: Site) -> None:
    """With a role given, the stack makes none, and the chat works under the one given."""
    iam = site.target.client("iam")
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(LAMBDA))["Role"]["Arn"]
    iam.put_role_policy(RoleName="theirs", PolicyName="chat", PolicyDocument=json.dumps(EVERYTHING))
    url = site.deploy("given", "chat.yaml", ExistingRoleArn=role, JoinAndLeaveNotices="true")["WebSocketUrl"]
    assert not any(entry["RoleName"].startswith("given-") for entry in iam.list_roles()["Roles"])
    ann = site.connect(url)
    say(ann, "under a role of yours")
    assert heard(ann)["message"] == "under a role of yours"
    site.delete("given")


def test_stack_when_every_parameter_is_set(site: Site) -> None:
    """Stage, billing, retention, boundary and throttles are what the parameters say, and by default on demand."""
    dynamodb, client = site.target.client("dynamodb"), site.target.client
    boundary = client("iam").create_policy(PolicyName="limit", PolicyDocument=json.dumps(EVERYTHING))["Policy"]["Arn"]
    found = site.deploy(
        "all",
        "chat.yaml",
        StageName="dev",
        BillingMode="PROVISIONED",
        LogRetentionDays="14",
        PermissionsBoundary=boundary,
    )
    assert found["WebSocketUrl"].endswith(".amazonaws.com/dev")
    for name in (found["MessagesTableName"], found["ConnectionsTableName"], found["SessionsTableName"]):
        units = dynamodb.describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
        assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (5, 5)
    stage = client("apigatewayv2").get_stage(ApiId=found["ApiId"], StageName="dev")
    assert stage["DefaultRouteSettings"].items() >= {"ThrottlingRateLimit": 500.0, "ThrottlingBurstLimit": 1000}.items()
    groups = client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/all-")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [14] * 4
    roles = [entry["RoleName"] for entry in client("iam").list_roles()["Roles"] if entry["RoleName"].startswith("all-")]
    limits = [
        client("iam").get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles
    ]
    assert limits == [boundary] * 4
    ann = site.connect(found["WebSocketUrl"])
    say(ann, "in dev")
    assert heard(ann)["message"] == "in dev"

    site.deploy("all", "chat.yaml", StageName="dev", PermissionsBoundary=boundary)
    billing = dynamodb.describe_table(TableName=found["MessagesTableName"])["Table"]["BillingModeSummary"][
        "BillingMode"
    ]
    assert billing == "PAY_PER_REQUEST"


def test_stack_when_the_aws_command_line_deploys_it(site: Site, running: LocalStage, tmp_path: Path) -> None:
    """The commands of cloudformation/README.md, as written, with names in place of BUCKET: a chat."""
    readme = (TEMPLATES / "README.md").read_text()
    block = readme.partition("## With the AWS CLI alone\n\n```\n")[2].partition("```")[0]
    assert block.count("aws ") == 4
    folder = tmp_path / "packages"
    commands = block.replace("BUCKET", "by-hand").replace("packages/*/", f"{folder}/*/")
    commands = commands.replace("--recursive packages", f"--recursive {folder}")
    commands = commands.replace("python -m classroom packages", f"python -m classroom packages {folder}")
    script = f'set -e\npython() {{ "$PYTHON" "$@"; }}\naws() {{ python -m awscli "$@"; }}\n{commands}'
    environment = {**running.environment(as_aws=True), "AWS_PAGER": "", "HOME": str(tmp_path), "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = {
        entry["OutputKey"]: entry["OutputValue"] for entry in json.loads(done.stdout[done.stdout.index("[\n") :])
    }
    ann = site.connect(outputs["WebSocketUrl"])
    say(ann, "by hand")
    assert heard(ann)["message"] == "by hand"
    eventually(lambda: site.rows("lab-ChatMessages"), bool, "the message in the table")
