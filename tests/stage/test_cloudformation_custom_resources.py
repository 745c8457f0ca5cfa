"""Custom resources of real functions: their answers come through S3's pre-signed URL, with real host names and TLS."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from localstage import LocalStage
from tests.stage.stacks import Stacks
from tests.stage.target import ASSUME_ROLE, StageTarget
from tests.stage.waiting import eventually

PYTHON = """
import cfnresponse

def handler(event, context):
    wanted = event["ResourceProperties"]
    if event["RequestType"] == "Create" and wanted.get("Fails"):
        raise LookupError(wanted["Fails"])
    if event["RequestType"] == "Create" and wanted.get("Refuses"):
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, "half", reason=wanted["Refuses"])
    elif wanted.get("Silent") != event["RequestType"]:
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Told": "a " + wanted.get("Word", "")}, wanted["Id"])
"""
NODE = """
const response = require('cfn-response');
exports.handler = (event, context) =>
  response.send(event, context, response.SUCCESS, { Told: `b ${event.ResourceProperties.Word}` }, 'node');
"""
BY_HAND = """
import http.client, json, urllib3
from urllib.parse import urlsplit

def handler(event, context):
    copied = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    by = event["ResourceProperties"]["By"]
    body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": by, "Data": {"Told": by}, **copied})
    if by == "urllib3":
        urllib3.PoolManager().request("PUT", event["ResponseURL"], headers={"content-type": ""}, body=body)
    else:
        url = urlsplit(event["ResponseURL"])
        connection = http.client.HTTPSConnection(url.netloc)
        connection.request("PUT", f"{url.path}?{url.query}", body, {"content-type": ""})
        connection.getresponse().read()
"""
WRITE_LOGS = {"Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": json.loads(ASSUME_ROLE),
        "Policies": [{"PolicyName": "logs", "PolicyDocument": WRITE_LOGS}],
    },
}


def function(source: str, runtime: str = "python3.13") -> dict[str, Any]:
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    properties = {"Runtime": runtime, "Handler": "index.handler", "Role": role, "Timeout": 20}
    return {"Type": "AWS::Lambda::Function", "Properties": {**properties, "Code": {"ZipFile": source}}}


def custom(provider: str = "Python", **properties: Any) -> dict[str, Any]:
    return {"Type": "Custom::Word", "Properties": {"ServiceToken": {"Fn::GetAtt": [provider, "Arn"]}, **properties}}


def template(**resources: Any) -> str:
    told = {name: {"Value": {"Fn::GetAtt": [name, "Told"]}} for name in resources if resources[name]["Type"][0] == "C"}
    made = {"Role": ROLE, "Python": function(PYTHON), **resources}
    return json.dumps({"Resources": made, "Outputs": told})


@pytest.fixture
def stacks(stage: LocalStage) -> Iterator[Stacks]:
    """The stacks of an account that other tests use too; those that are made here go with the test."""
    stacks = Stacks(StageTarget(stage).client)
    yield stacks
    for stack in stacks.api.describe_stacks()["Stacks"]:
        if stack["StackName"].startswith("custom-"):
            stacks.api.delete_stack(StackName=stack["StackName"])
            settled(stacks, stack["StackId"])


@pytest.fixture
def name() -> str:
    return f"custom-{uuid.uuid4().hex[:12]}"


def settled(stacks: Stacks, name: str) -> dict[str, Any]:
    """A stack when its operation has ended."""
    return eventually(
        lambda: stacks.stack(name), lambda stack: not stack["StackStatus"].endswith("IN_PROGRESS"), f"the end of {name}"
    )


@pytest.mark.fidelity("11.7")
def test_stack_when_python_and_node_functions_provide_its_resources(stacks: Stacks, name: str):
    """Inline functions answer by Lambda's own modules; what they tell is the stack's, and the stack goes with them."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    text = template(
        Node=function(NODE, "nodejs22.x"), First=custom(Id="one", Word="word"), Second=custom("Node", Word="word")
    )
    made = stacks.create(name, text)
    assert settled(stacks, name)["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    assert stacks.outputs(name) == {"First": "a word", "Second": "b word"}
    assert stacks.physical_id(name, "First") == "one"
    stacks.update(name, text.replace('"Word": "word"', '"Word": "other"'))
    assert settled(stacks, name)["StackStatus"] == "UPDATE_COMPLETE", stacks.events(name)
    assert stacks.outputs(name) == {"First": "a other", "Second": "b other"}
    stacks.api.delete_stack(StackName=name)
    assert settled(stacks, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_stack_when_functions_answer_by_other_clients(stacks: Stacks, name: str):
    """A function that answers by urllib3 or http.client, which read no HTTPS_PROXY, reaches S3's host all the same."""
    by = {kind: custom("ByHand", By=client) for kind, client in (("One", "urllib3"), ("Two", "http.client"))}
    stacks.create(name, template(ByHand=function(BY_HAND), **by))
    assert settled(stacks, name)["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    assert stacks.outputs(name) == {"One": "urllib3", "Two": "http.client"}


def test_stack_when_the_functions_of_its_resources_fail(stacks: Stacks, name: str):
    """A function that raises fails its resource with its error, and one that refuses with its reason."""
    text = template(Bad=custom(Id="bad", Fails="no such word"))
    stacks.create(name, text)
    assert settled(stacks, name)["StackStatus"] == "ROLLBACK_COMPLETE", stacks.events(name)
    told = stacks.reason(name, "Bad", "CREATE_FAILED")
    assert told.startswith("The function ") and "LookupError" in told and "no such word" in told
    stacks.create(f"{name}-2", template(Bad=custom(Id="bad", Refuses="not this word")))
    assert settled(stacks, f"{name}-2")["StackStatus"] == "ROLLBACK_COMPLETE", stacks.events(f"{name}-2")
    assert "Message returned: not this word (RequestId: " in stacks.reason(f"{name}-2", "Bad", "CREATE_FAILED")


def test_stack_when_a_nested_stack_waits_for_a_function(stacks: Stacks, name: str):
    """The outer stack is complete when the inner one is, whose function has been asked to create and to delete."""
    s3 = stacks.aws("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="inner.json", Body=template(Deep=custom(Id="deep", Word="word")).encode())
    inner = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"https://{name}.s3.amazonaws.com/inner.json"},
    }
    outputs = {"Deep": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Deep"]}}}
    made = stacks.create(name, json.dumps({"Resources": {"Inner": inner}, "Outputs": outputs}))
    assert settled(stacks, name)["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    assert stacks.outputs(name) == {"Deep": "a word"}
    inner_id = stacks.physical_id(name, "Inner")
    stacks.api.delete_stack(StackName=name)
    assert settled(stacks, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert ("Deep", "DELETE_COMPLETE") in stacks.events(inner_id)


@pytest.mark.fidelity("11.7")
def test_stack_when_a_function_never_answers(moved, name: str):
    """A stack waits an hour, or as long as ServiceTimeout says, and then fails; the Delete ends it."""
    api = moved.client("cloudformation")
    text = template(Quiet=custom(Id="quiet", Silent="Create", ServiceTimeout=100))
    api.create_stack(StackName=name, TemplateBody=text, Capabilities=["CAPABILITY_IAM"])

    def events() -> list[tuple[str, str]]:
        return [
            (event["LogicalResourceId"], event.get("ResourceStatusReason", ""))
            for event in api.describe_stack_events(StackName=name)["StackEvents"]
            if event["ResourceStatus"] == "CREATE_FAILED"
        ]

    moved.move(10)
    moved.move(85)
    assert events() == []
    assert api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    moved.move(10)
    ((failed, reason),) = events()
    assert failed == "Quiet"
    assert reason.startswith("CloudFormation did not receive a response from your Custom Resource.")

    def status() -> str:
        moved.move(0.25)  # The function, which answers now, must not come to its end before a busy machine has run it.
        return str(api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    assert eventually(status, lambda seen: not seen.endswith("IN_PROGRESS"), "the roll-back") == "ROLLBACK_COMPLETE"
