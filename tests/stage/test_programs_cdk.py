"""Templates that the CDK itself synthesised, deployed as ``cdk deploy`` does. How they were made: cdk/app.js."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tests.stage.target import REGION, Target, cloudwatch_role, status_of_refusal
from tests.stage.waiting import eventually, messages_in

CDK = Path(__file__).parent / "cdk"
SOURCES = {"Connect/Code": "handlers", "Door/Code": "authorizer"}
VERSION = "/cdk-bootstrap/hnb659fds/version"


@pytest.fixture
def stack_name(target: Target) -> Iterator[str]:
    """A name for a stack, which is gone with the test."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    yield name
    cloudformation = target.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


@pytest.fixture
def bootstrapped(target: Target) -> Iterator[str]:
    """What ``cdk bootstrap`` leaves and templates count on: a bucket with the assets, a version. Gives the bucket."""
    s3, ssm = target.client("s3"), target.client("ssm")
    account = target.client("sts").get_caller_identity()["Account"]
    bucket = f"cdk-hnb659fds-assets-{account}-{REGION}"
    s3.create_bucket(Bucket=bucket)
    ssm.put_parameter(Name=VERSION, Value="21", Type="String", Overwrite=True)
    for asset in json.loads((CDK / "Chat.assets.json").read_text())["files"].values():
        if asset["source"]["packaging"] == "zip":
            (destination,) = asset["destinations"].values()
            body = zipped(CDK / SOURCES[asset["displayName"]])
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)
    yield bucket
    for object_ in s3.list_objects_v2(Bucket=bucket).get("Contents", []):  # Other tests leave some there, too.
        s3.delete_object(Bucket=bucket, Key=object_["Key"])
    s3.delete_bucket(Bucket=bucket)
    ssm.delete_parameter(Name=VERSION)


def zipped(directory: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(directory.glob("*.py")):
            archive.write(path, path.name)
    return buffer.getvalue()


def deploy(target: Target, stack: str, template: str) -> dict[str, str]:
    """Deploys with a change set, as the CDK's command line does; returns the outputs."""
    cloudformation = target.client("cloudformation")
    change_set = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="cdk-deploy-change-set",
        ChangeSetType="CREATE",
        TemplateBody=(CDK / template).read_text(),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )["Id"]
    cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set)
    cloudformation.execute_change_set(ChangeSetName=change_set)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack)
    outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def test_chat_when_the_cdk_wrote_its_template(target: Target, bootstrapped: str, stack_name: str):
    """TableV2, assets, an authorizer, log groups, grants and a stage that deploys by itself make a chat of two."""
    outputs = deploy(target, stack_name, "Chat.template.json")
    ann, bob = (target.connect(f"{outputs['Url']}?name={name}") for name in ("ann", "bob"))
    ann.send(json.dumps({"action": "sendmessage", "text": "hello"}))
    assert [json.loads(person.recv()) for person in (ann, bob)] == [{"from": "ann", "text": "hello"}] * 2
    bob.send("what now")
    assert bob.recv() == "Send action sendmessage with a text."
    assert status_of_refusal(target, outputs["Url"] + "?name=mallory") == 403
    assert status_of_refusal(target, outputs["Url"]) == 401
    for person in (ann, bob):
        person.close()
    dynamodb = target.client("dynamodb")
    eventually(
        lambda: dynamodb.scan(TableName=outputs["TableName"], ConsistentRead=True)["Count"],
        lambda count: count == 0,
        "the table of connections to be empty",
    )
    assert dynamodb.describe_time_to_live(TableName=outputs["TableName"])["TimeToLiveDescription"]["AttributeName"] == (
        "expires"
    )


def test_rule_when_the_bootstrap_is_too_old(target: Target, bootstrapped: str):
    """The template's rule refuses an old bootstrap in the rule's own words, and no stack is made."""
    target.client("ssm").put_parameter(Name=VERSION, Value="5", Type="String", Overwrite=True)
    name = f"test-{uuid.uuid4().hex[:10]}"
    with pytest.raises(ClientError) as refused:
        deploy(target, name, "Chat.template.json")
    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert "CDK bootstrap stack version 6 required. Please run 'cdk bootstrap'" in error["Message"]
    with pytest.raises(ClientError, match="does not exist"):
        target.client("cloudformation").describe_stacks(StackName=name)


def test_signed_api_when_the_cdk_wrote_its_template(target: Target, stack_name: str):
    """Without a bootstrap: code in the template, a MOCK $connect that wants a signature, a two-way route, an access log."""
    with cloudwatch_role(target):
        outputs = deploy(target, stack_name, "Signed.template.json")
    assert status_of_refusal(target, outputs["Url"]) == 403
    socket = target.connect(signed(target, outputs["Url"]))
    socket.send(json.dumps({"kind": "echo", "text": "hello"}))
    assert json.loads(socket.recv())["text"] == "hello"
    socket.send(json.dumps({"kind": "other"}))
    assert json.loads(socket.recv())["message"] == "Forbidden"
    socket.close()
    told = eventually(
        lambda: messages_in(target.client("logs"), outputs["LogGroup"]),
        lambda found: any('"MESSAGE echo ' in line for line in found),
        "the access log's line",
    )
    assert any('"CONNECT $connect ' in line and line.split()[-2] == "403" for line in told)


def signed(target: Target, url: str) -> str:
    """A WebSocket URL with the signature of the target's own key in its query."""
    credentials: Any = target.client("sts")._request_signer._credentials
    request = AWSRequest("GET", url)
    SigV4QueryAuth(credentials, "execute-api", REGION, expires=60).add_auth(request)
    return request.url
