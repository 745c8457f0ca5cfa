"""What becomes of a resource by its deletion policy, in each operation that would delete it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.process.stack_engine import Engine

REFUSED = {"Type": "AWS::SNS::Topic", "DependsOn": "T", "Properties": {"DisplayName": "refused"}}


def template(policy: str, *, bad: bool = False, topic: bool = True, other: bool = True) -> str:
    """A template with a topic of this policy, and perhaps one that cannot be made after it."""
    resources: dict[str, Any] = {"Other": {"Type": "AWS::SNS::Topic"}} if other else {}
    if topic:
        resources["T"] = {"Type": "AWS::SNS::Topic", "DeletionPolicy": policy}
    if bad:
        resources["Bad"] = REFUSED
    return json.dumps({"Resources": resources})


def kept(engine: Engine) -> list[str]:
    """The logical ids of the topics that exist."""
    return sorted(name.rsplit("-", 1)[0] for name in engine.topics.existing)


@pytest.mark.parametrize(
    ("policy", "stays"), [("Delete", []), ("Snapshot", []), ("Retain", ["T"]), ("RetainExceptOnCreate", ["T"])]
)
def test_resource_when_its_stack_no_longer_has_it(policy, stays):
    """DeleteStack, and an update that leaves the resource out, keep what is to be retained."""
    deleted, updated = Engine(), Engine()
    deleted.create(template(policy))
    deleted.delete()
    assert kept(deleted) == stays
    updated.create(template(policy))
    updated.update(template(policy, topic=False))
    assert kept(updated) == ["Other", *stays]


@pytest.mark.parametrize(("policy", "stays"), [("Delete", []), ("Retain", ["T"]), ("RetainExceptOnCreate", [])])
def test_resource_when_the_operation_that_made_it_is_rolled_back(policy, stays):
    """The roll-back of a creation or an update keeps a new resource with the policy Retain, and no other."""
    created, updated = Engine(), Engine()
    assert created.create(template(policy, bad=True)).status == "ROLLBACK_COMPLETE"
    assert kept(created) == stays
    updated.create(template(policy, topic=False))
    stack = updated.update(template(policy, bad=True))
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert kept(updated) == ["Other", *stays]
    assert list(stack.resources) == ["Other"]
    skipped = [event.logical_resource_id for event in stack.events if event.resource_status == "DELETE_SKIPPED"]
    assert skipped == stays


def test_resource_when_the_request_asks_to_retain_nothing_new():
    """RetainExceptOnCreate of a request deletes new resources in a roll-back, whatever their policy is."""
    created, updated = Engine(), Engine()
    created.create(template("Retain", bad=True), retain_except_on_create=True)
    assert kept(created) == []
    updated.create(template("Retain", topic=False))
    updated.update(template("Retain", bad=True), retain_except_on_create=True)
    assert kept(updated) == ["Other"]


def test_policy_when_a_parameter_gives_it():
    """A policy may be a function of parameters; one that AWS does not have is refused."""
    engine = Engine()
    body = json.loads(template("Retain"))
    body["Parameters"] = {"Keep": {"Type": "String", "Default": "Retain"}}
    body["Resources"]["T"]["DeletionPolicy"] = {"Ref": "Keep"}
    engine.create(json.dumps(body))
    engine.delete()
    assert kept(engine) == ["T"]
