"""An emulator under --late, which notes what is late; one without it, which knows of none of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from localstage import LocalStage
from tests.late import sitecustomize, variables
from tests.stage.target import ASSUME_ROLE, StageTarget

ROOT = Path(__file__).parents[2]
SEED = "3"
"""One of those by which one of the first account calls is late."""
SOURCE = """
import cfnresponse

def handler(event, context):
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {}, "thing")
"""
ALL = {"Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": json.loads(ASSUME_ROLE),
                "Policies": [{"PolicyName": "logs", "PolicyDocument": ALL}],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 60,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": SOURCE},
            },
        },
        "Thing": {"Type": "Custom::Thing", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}},
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "late",
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": "$request.body.action",
            },
        },
        "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "$connect"}},
        "Deployment": {
            "Type": "AWS::ApiGatewayV2::Deployment",
            "DependsOn": "Route",
            "Properties": {"ApiId": {"Ref": "Api"}},
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "prod", "DeploymentId": {"Ref": "Deployment"}},
        },
    },
    "Outputs": {"Url": {"Value": {"Fn::Sub": "wss://${Api}.execute-api.us-east-1.amazonaws.com/prod"}}},
}


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which delays are noted; nothing is late unless the test says so."""
    for name in ("LATE_SEED", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LATE_NOTES", str(tmp_path / "notes"))
    return tmp_path / "notes"


def waits(notes: Path) -> Mapping[str, list[float]]:
    """What was drawn at each place."""
    drawn: dict[str, list[float]] = {}
    for line in notes.read_text("utf-8").splitlines():
        place, _, pause_s = line.rpartition(": ")
        drawn.setdefault(place, []).append(float(pause_s))
    return drawn


def test_emulator_when_it_is_late(notes: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever the table names is late as the seed gives it, and all that was asked for is done."""
    for name, value in variables(SEED).items():
        monkeypatch.setenv(name, value)
    with LocalStage() as stage:
        target = StageTarget(stage)
        cloudformation = target.client("cloudformation")
        cloudformation.create_stack(
            StackName="late", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="late", WaiterConfig={"Delay": 1})
        made = cloudformation.describe_stacks(StackName="late")["Stacks"][0]
        socket = target.connect(made["Outputs"][0]["OutputValue"])
        socket.send("a word")
        assert json.loads(socket.recv())["message"] == "Forbidden"
        socket.close()
    drawn, draws = waits(notes), sitecustomize.Draws(SEED)
    assert set(drawn) == set(sitecustomize.SHARES)
    for place, share in sitecustomize.SHARES.items():
        assert drawn[place] == [draws.next(place, share) for _ in drawn[place]]
    assert any(drawn["an account call is done"])


def test_emulator_when_nothing_is_late(notes: Path):
    """Without the seed there is no delay, be there a file to note them in or not."""
    with LocalStage() as stage:
        StageTarget(stage).client("sts").get_caller_identity()
    assert not notes.exists()


def test_emulator_when_the_table_has_an_old_name(tmp_path: Path):
    """The emulator of a table with an old name does not start, and says why."""
    old = Path(sitecustomize.__file__).read_text("utf-8").replace("Activity.put", "Activity.take_down")
    (tmp_path / "sitecustomize.py").write_text(old, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "localstage", "serve", "--port", "0"],
        env={"LATE_SEED": "7", "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "has no localstage.status.activity:Activity.take_down any more" in done.stderr.splitlines()[-1]


def test_suite_when_it_is_late(notes: Path):
    """pytest with --late says how to repeat it, and lets the emulators of its tests be late; they pass as ever."""
    module = "tests/process/test_localstage_in_python.py::test_stage_when_the_block_begins_and_ends"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:nbval", "-p", "no:cacheprovider", "--late", "7", module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "once more with --late 7" in done.stdout
    drawn, draws = waits(notes)["an account call is done"], sitecustomize.Draws(f"7 {module}")
    share = sitecustomize.SHARES["an account call is done"]
    assert drawn == [draws.next("an account call is done", share) for _ in drawn]
