"""No stack is left in progress, whatever is raised while it is driven, at either pace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localstage.stacks import operations
from localstage.stacks.driver import Driver
from localstage.stacks.resource_work import ResourceWork
from localstage.stacks.stack import Exports, Stack
from tests.process.stack_engine import Engine, PacedAtOnce, Topic


def template(output: str = "a", **display_names: str) -> str:
    """A template with a topic of each name, each after the one before it."""
    resources: dict[str, Any] = {}
    for name, before in zip(display_names, (None, *display_names), strict=False):
        properties = {"DisplayName": display_names[name]}
        resources[name] = {
            "Type": "AWS::SNS::Topic",
            "Properties": properties,
            **({"DependsOn": before} if before else {}),
        }
    outputs = {"X": {"Value": {"Fn::Sub": f"{output} ${{A.TopicName}}"}, "Export": {"Name": "x"}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


MADE = template(A="one", B="one", C="one")
STEPS = {
    "new_record": (ResourceWork, "new_record"),
    "properties": (ResourceWork, "wanted"),
    "replacement": (ResourceWork, "replacement_reasons"),
    "create": (ResourceWork, "create"),
    "update": (ResourceWork, "update"),
    "fail_update": (ResourceWork, "fail_update"),
    "delete": (ResourceWork, "delete_unless"),
    "type creates": (Topic, "create"),
    "type updates": (Topic, "update"),
    "type deletes": (Topic, "delete"),
    "type reads": (Topic, "attributes"),
    "outputs": (operations, "resolved_outputs"),
    "exports": (Exports, "refusal"),
    "order": (Stack, "in_creation_order"),
    "events": (Stack, "note"),
}
OPERATIONS = {
    "create": lambda engine: engine.create(MADE),
    "create, rolled back": lambda engine: engine.create(template(A="one", B="one", C="refused")),
    "create, deleted": lambda engine: engine.create(template(A="one", B="refused"), on_failure="DELETE"),
    "create, kept": lambda engine: engine.create(template(A="one", B="refused"), on_failure="DO_NOTHING"),
    "update": lambda engine: engine.update(template("b", A="two", D="one")),
    "update, rolled back": lambda engine: engine.update(template("b", A="two", D="one", B="refused")),
    "update, kept": lambda engine: engine.update(template("b", A="two", B="refused"), disable_rollback=True),
    "delete": lambda engine: engine.delete(),
}


@pytest.mark.parametrize("driver", [Driver, PacedAtOnce])
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("step", STEPS)
def test_stack_when_a_step_of_an_operation_raises(monkeypatch, step, operation, driver):
    """After an unexpected exception at any call of a step the stack has a final status and can be deleted."""
    owner, name = STEPS[step]
    original = getattr(owner, name)
    for failing in (1, 2, 3, None):
        engine = Engine(driver())
        if not operation.startswith("create"):
            engine.create(MADE)
        drive = engine.backend.driver.drive
        calls = iter(range(1, 1000))

        def raising(*arguments, _calls=calls, _failing=failing, **named):
            if _failing in (None, next(_calls)):
                raise LookupError("nobody expects this")
            return original(*arguments, **named)

        def drive_with_fault(*arguments, _drive=drive, _raising=raising):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, _raising)
                _drive(*arguments)

        engine.backend.driver.drive = drive_with_fault
        OPERATIONS[operation](engine)
        engine.backend.driver.drive = drive
        for stack in engine.backend.stacks.values():
            assert not stack.status.endswith("IN_PROGRESS"), (failing, stack.status)
        engine.delete()
        assert engine.backend.stacks == {}, failing


def test_stack_when_its_topics_cannot_be_told(monkeypatch):
    """What is raised where events are published has no part in the operation."""
    engine = Engine()
    stack = engine.create(MADE, notification_arns=["arn:aws:sns:us-east-1:123456789012:gone"])
    assert stack.status == "CREATE_COMPLETE"


def test_stack_when_an_unexpected_failure_is_told():
    """The reason of the roll-back names what was raised."""
    engine = Engine()
    engine.topics.attributes = lambda *_: {"TopicName": 1 / 0}  # type: ignore[method-assign]
    stack = engine.create(MADE)
    assert stack.status == "ROLLBACK_COMPLETE"
    assert "division by zero" in [
        event.resource_status_reason for event in stack.events if event.resource_status == "CREATE_FAILED"
    ]
