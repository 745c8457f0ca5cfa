"""Whole programs at AWS's pace: who waits and retries succeeds, who does not fails."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from tests.course.nbval_runs import clean_environment

STORE = """
import boto3
dynamodb = boto3.client("dynamodb")
dynamodb.create_table(TableName="Notes", BillingMode="PAY_PER_REQUEST",
                      KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                      AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
WAIT
dynamodb.put_item(TableName="Notes", Item={"id": {"S": "1"}})
print(dynamodb.get_item(TableName="Notes", Key={"id": {"S": "1"}}, ConsistentRead=CONSISTENT)["Item"]["id"]["S"])
"""
WAIT = 'dynamodb.get_waiter("table_exists").wait(TableName="Notes", WaiterConfig={"Delay": 1, "MaxAttempts": 60})'


def run_like_aws(program: str, work_dir, *options: str) -> subprocess.CompletedProcess[str]:
    """The program under ``localstage run --as-aws --like-aws``."""
    command = [sys.executable, "-m", "localstage", "run", "--as-aws", *options, "--", sys.executable, "-c", program]
    return subprocess.run(
        command, env=clean_environment(work_dir), text=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL
    )


def test_program_when_it_waits(tmp_path):
    """A program with a waiter and a consistent read works."""
    done = run_like_aws(STORE.replace("WAIT", WAIT).replace("CONSISTENT", "True"), tmp_path, "--like-aws")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("options", [["--like-aws", "--pace", "8"], []], ids=["like AWS", "at once"])
def test_program_when_it_does_not_wait(tmp_path, options):
    """The same program without its waiter fails at AWS's pace, and goes unnoticed without."""
    done = run_like_aws(STORE.replace("WAIT", "").replace("CONSISTENT", "True"), tmp_path, *options)
    assert done.returncode == (1 if options else 0)
    assert ("ResourceNotFoundException" in done.stderr) is bool(options)


def test_pace_when_it_is_given_without_like_aws(tmp_path):
    """--pace alone is refused in one sentence."""
    done = run_like_aws("print('never')", tmp_path, "--pace", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "localstage: --pace is for --like-aws only: without it nothing is delayed.\n"


def refusals(client, call: str, calls: int) -> list[str]:
    """The code of each refused call, "" for one that passed."""
    codes = []
    for _ in range(calls):
        try:
            getattr(client, call)()
            codes.append("")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    return codes


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("apigatewayv2", "get_apis", "TooManyRequestsException"),
        ("lambda", "list_functions", "TooManyRequestsException"),
        ("iam", "list_roles", "Throttling"),
        ("cloudformation", "list_stacks", "Throttling"),
        ("logs", "describe_log_groups", "ThrottlingException"),
    ],
)
def test_call_when_it_is_throttled_now_and_then(moved, service, call, code):
    """Without retries some calls are throttled, never three in a row; boto3's own retries absorb that."""
    codes = refusals(moved.client(service, attempts=1), call, 45)
    assert set(codes) == {"", code}
    assert [code] * 3 not in [codes[start : start + 3] for start in range(len(codes))]
    assert set(refusals(moved.client(service), call, 25)) == {""}


def test_deployments_when_they_follow_each_other(moved):
    """A second deployment comes too soon for AWS, however often it is tried; when its time has come it is made."""
    hasty, patient = moved.client("apigatewayv2", attempts=1), moved.client("apigatewayv2")
    api_id = patient.create_api(
        Name="hasty", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    patient.create_route(ApiId=api_id, RouteKey="$default")
    patient.create_deployment(ApiId=api_id)
    for _ in range(2):
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            hasty.create_deployment(ApiId=api_id)
    moved.move(1)
    patient.create_deployment(ApiId=api_id)
