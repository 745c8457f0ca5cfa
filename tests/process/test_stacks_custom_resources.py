"""Stacks with custom resources, whose function is the test: events, answers, and what becomes of the stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from localstage.stacks.custom_resources import CustomResource
from localstage.stacks.driver import Driver
from localstage.stacks.registry import Registry
from localstage.stacks.stack import Stack
from tests.process.stack_engine import Engine, PacedAtOnce

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"
Event = dict[str, Any]
Reply = dict[str, Any] | bytes | str | None
"""Members of an answer besides those that are copied; what is sent as it is; why the function failed; or nothing."""


class Exchange:
    """What is answered at once, or when the test says so."""

    def __init__(self, event: Event, reply: Reply, later: list[Callable[[], None]] | None, delivered: bool):
        self.delivered, self.failure, self.answer = delivered, "", None
        self.dropped = False
        self._later = later
        if isinstance(reply, str):
            self.failure = reply
        elif isinstance(reply, dict):
            copied = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
            self.answer = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "one", **copied, **reply}).encode()
        else:
            self.answer = reply

    def wait(self, over: Callable[[], None]) -> None:
        if self._later is None:
            over()
        else:
            self._later.append(over)

    def drop(self) -> None:
        self.dropped = True


class Account(Engine):
    """An account with one function that provides custom resources."""

    def __init__(self, driver: Any = None):
        super().__init__(driver)
        self.sent: list[Event] = []
        self.exchanges: list[Exchange] = []
        self.reply: Callable[[Event], Reply] = lambda event: {}
        self.later: list[Callable[[], None]] | None = None
        self.delivers = True
        self.denial: str | None = None
        self.times: list[float] = []
        types = (self.topics, CustomResource(self._send))
        self.backend.registry = Registry("us-east-1", types, lambda name, properties: None)
        self.backend.apis.denial = lambda action, resource="*": self.denial  # type: ignore[method-assign]

    def _send(self, function_arn: str, event: Event, timeout_s: float) -> Exchange:
        assert function_arn == FUNCTION
        self.sent.append(event)
        self.times.append(timeout_s)
        self.exchanges.append(Exchange(event, self.reply(event), self.later, self.delivers))
        return self.exchanges[-1]

    def kinds(self) -> list[tuple[str, str | None]]:
        """Each event's RequestType and PhysicalResourceId."""
        return [(event["RequestType"], event.get("PhysicalResourceId")) for event in self.sent]


@pytest.fixture(params=[Driver, PacedAtOnce])
def account(request: pytest.FixtureRequest) -> Account:
    return Account(request.param())


def template(size: Any = 1, topic: str = "t", kind: str = "Custom::Room", outputs: Any = None, **more: Any) -> str:
    """A custom resource, and a topic that is made after it and named after what it told."""
    room = {"Type": kind, "Properties": {"ServiceToken": FUNCTION, "Size": size, **more}}
    wanted = {"DisplayName": topic, "TopicName": {"Fn::Sub": "${Room}-${Room.Place}"}}
    after = {"Type": "AWS::SNS::Topic", "Properties": wanted}
    return json.dumps({"Resources": {"Room": room, "After": after}, "Outputs": outputs or {}})


def placed(event: Event) -> Reply:
    return {"Data": {"Place": f"floor-{event['ResourceProperties']['Size']}"}}


def reason(stack: Stack, status: str, logical_id: str = "Room") -> str | None:
    """The reason of the newest event of a resource with this status."""
    found = [e for e in stack.events if (e.logical_resource_id, e.resource_status) == (logical_id, status)]
    return found[-1].resource_status_reason


@pytest.mark.parametrize("kind", ["Custom::Room", "AWS::CloudFormation::CustomResource"])
@pytest.mark.fidelity("11.7")
def test_custom_resource_when_a_stack_lives(account: Account, kind: str):
    """Create, Update and Delete have AWS's members, scalars are strings, and Data and the id are what others refer to."""
    account.reply = placed
    made = account.create(template(1, kind=kind, Open=True, Seats=[{"Row": 2, "Note": "ü"}]))
    assert made.status == "CREATE_COMPLETE"
    assert made.resources["After"].properties["TopicName"] == "one-floor-1"
    account.update(template(2, kind=kind, ServiceTimeout=30))
    account.delete()
    created, updated, deleted = account.sent
    common = {"ServiceToken": FUNCTION, "StackId": made.stack_id, "LogicalResourceId": "Room", "ResourceType": kind}
    first = {"ServiceToken": FUNCTION, "Size": "1", "Open": "true", "Seats": [{"Row": "2", "Note": "ü"}]}
    second = {"ServiceToken": FUNCTION, "Size": "2", "ServiceTimeout": "30"}
    ids = {event.pop("RequestId") for event in account.sent}
    assert len(ids) == 3
    assert created == {"RequestType": "Create", "ResponseURL": "", **common, "ResourceProperties": first}
    of_room = {**common, "ResponseURL": "", "PhysicalResourceId": "one", "ResourceProperties": second}
    assert updated == {"RequestType": "Update", **of_room, "OldResourceProperties": first}
    assert deleted == {"RequestType": "Delete", **of_room}
    assert account.times == [3600, 30, 30]
    events = [(event.logical_resource_id, event.resource_status) for event in made.events][1:4]
    assert events == [("Room", "CREATE_IN_PROGRESS"), ("Room", "CREATE_IN_PROGRESS"), ("Room", "CREATE_COMPLETE")]


def named_by_size(event: dict[str, Any]) -> dict[str, Any]:
    """The answer of a function whose resource is another one when its size is."""
    return {"PhysicalResourceId": f"room-{event['ResourceProperties']['Size']}", "Data": {"Place": "here"}}


@pytest.mark.fidelity("11.7")
def test_custom_resource_when_an_update_renames_it(account: Account):
    """Another physical id is another resource: the old one is deleted once the update is complete."""
    account.reply = named_by_size
    account.create(template(1))
    stack = account.update(template(2))
    assert stack.status == "UPDATE_COMPLETE"
    assert stack.resources["Room"].physical_id == "room-2"
    assert account.kinds() == [("Create", None), ("Update", "room-1"), ("Delete", "room-1")]
    assert account.sent[-1]["ResourceProperties"]["Size"] == "1"
    after = [event.resource_status for event in stack.events if event.resource_type == "AWS::CloudFormation::Stack"]
    assert after[-2:] == ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


@pytest.mark.fidelity("11.7")
def test_custom_resource_when_an_update_is_rolled_back(account: Account):
    """The roll-back is an Update with the old properties; what the first one had put in its place is deleted."""
    account.reply = named_by_size
    account.create(template(1))
    stack = account.update(template(2, topic="refused"))
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.resources["Room"].physical_id == "room-1"
    assert account.kinds() == [("Create", None), ("Update", "room-1"), ("Update", "room-2"), ("Delete", "room-2")]
    back = account.sent[2]
    assert (back["ResourceProperties"]["Size"], back["OldResourceProperties"]["Size"]) == ("1", "2")


@pytest.mark.fidelity("11.7")
def test_custom_resource_when_the_function_refuses(account: Account):
    """A FAILED creation is told with its reason and rolled back by a Delete of what it named."""
    account.reply = lambda event: (
        {"Status": "FAILED", "Reason": "no space", "PhysicalResourceId": "half"}
        if event["RequestType"] == "Create"
        else {}
    )
    stack = account.create(template())
    assert stack.status == "ROLLBACK_COMPLETE"
    assert account.kinds() == [("Create", None), ("Delete", "half")]
    assert reason(stack, "CREATE_FAILED") == (
        "Received response status [FAILED] from custom resource. Message returned: no space "
        f"(RequestId: {account.sent[0]['RequestId']})"
    )
    account.delete()
    assert account.backend.stacks == {}
    assert len(account.sent) == 2


def test_custom_resource_when_an_update_is_refused(account: Account):
    """A FAILED update is undone by an Update with the old properties of what the function named."""
    account.reply = placed
    account.create(template(1))
    account.reply = lambda event: (
        {"Status": "FAILED", "Reason": "no", "PhysicalResourceId": "other"}
        if event["ResourceProperties"]["Size"] == "2"
        else placed(event)
    )
    stack = account.update(template(2))
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert account.kinds()[1:] == [("Update", "one"), ("Update", "other"), ("Delete", "other")]
    assert stack.resources["Room"].physical_id == "one"


NO_RESPONSE = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId ["
)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (None, NO_RESPONSE),
        ("The function failed", "The function failed"),
        (b"{", "Invalid Response object: "),
        (b"[]", "Invalid Response object: "),
        ({"Status": "FAILURE"}, "Invalid Response object: 'FAILURE' is not a valid ResponseStatus"),
        ({"PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": "x" * 1025}, "Invalid PhysicalResourceId"),
        ({"Status": "FAILED", "Reason": "why", "PhysicalResourceId": None}, "Invalid PhysicalResourceId"),
        ({"RequestId": "another"}, "Invalid RequestId"),
        ({"StackId": "another"}, "Invalid StackId"),
        ({"Data": ["x"]}, "Invalid Response object: "),
        ({"Data": {"Place": "x" * 4096}}, "Response object is too long."),
    ],
)
def test_custom_resource_when_there_is_no_good_answer(account: Account, reply: Reply, told: str):
    """What is no answer fails the creation, which a Delete of a made-up id follows; that one may fail, too."""
    account.reply = lambda event: reply if event["RequestType"] == "Create" else {}
    stack = account.create(template())
    assert stack.status == "ROLLBACK_COMPLETE"
    assert str(reason(stack, "CREATE_FAILED")).startswith(told)
    assert account.kinds()[1] == ("Delete", stack.resources["Room"].physical_id)
    assert account.kinds()[1][1].startswith("s-Room-")  # type: ignore[union-attr]


def test_custom_resource_when_it_cannot_be_deleted(account: Account):
    """A Delete that fails leaves a stack that can be deleted without the resource."""
    account.reply = placed
    account.create(template())
    account.reply = lambda event: None
    account.delete()
    (stack,) = account.backend.stacks.values()
    assert stack.status == "DELETE_FAILED"
    assert str(reason(stack, "DELETE_FAILED")).startswith(NO_RESPONSE)
    account.backend.delete_stack("s", retained=("Room",))
    assert account.backend.stacks == {}


def test_custom_resource_when_its_function_was_never_invoked(account: Account):
    """Where no event has reached a function, none follows to undo it."""
    account.delivers = False
    account.reply = lambda event: "Function not found"
    stack = account.create(template())
    assert stack.status == "ROLLBACK_COMPLETE"
    assert reason(stack, "CREATE_FAILED") == "Function not found"
    assert account.kinds() == [("Create", None)]


def test_custom_resource_when_the_function_may_not_be_invoked(account: Account):
    """Whoever a stack acts for needs lambda:InvokeFunction on the function."""
    account.denial = "User: anna is not authorized to perform: lambda:InvokeFunction"
    stack = account.create(template())
    assert reason(stack, "CREATE_FAILED") == account.denial
    assert (stack.status, account.sent) == ("ROLLBACK_COMPLETE", [])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"ServiceToken": ""}, "Resource Room of type Custom::Room has no ServiceToken"),
        (
            {"ServiceToken": "arn:aws:sns:us-east-1:123456789012:rooms"},
            "localstage has custom resources of functions only; Room names arn:aws:sns:us-east-1:123456789012:rooms as "
            "its ServiceToken",
        ),
        ({"ServiceTimeout": 3601}, "ServiceTimeout must be an integer from 1 to 3600, not 3601"),
        ({"ServiceTimeout": "soon"}, "ServiceTimeout must be an integer from 1 to 3600, not soon"),
    ],
)
def test_custom_resource_when_its_own_properties_are_wrong(account: Account, more: dict[str, Any], told: str):
    """What localstage cannot send is refused by name before anything is sent."""
    stack = account.create(template(**more))
    assert (stack.status, reason(stack, "CREATE_FAILED"), account.sent) == ("ROLLBACK_COMPLETE", told, [])


def test_custom_resource_when_its_service_token_changes(account: Account):
    """Another function cannot take a resource over."""
    account.reply = placed
    account.create(template())
    stack = account.update(template(ServiceToken=FUNCTION + "2"))
    assert (stack.status, len(account.sent)) == ("UPDATE_ROLLBACK_COMPLETE", 1)
    assert reason(stack, "UPDATE_FAILED") == "Modifying service token is not allowed."


def test_attribute_when_the_function_has_not_told_it(account: Account):
    """Only what the function told is an attribute, a property is none."""
    stack = account.create(template(Place="a property"))
    assert stack.status == "ROLLBACK_COMPLETE"
    assert reason(stack, "CREATE_FAILED", "After") == (
        f"CustomResource attribute error: Vendor response doesn't contain Place attribute in object {stack.stack_id}|Room"
    )


def test_attributes_when_they_are_secret(account: Account):
    """With NoEcho no event shows what the function told, and the resources get it."""
    account.reply = lambda event: {"NoEcho": True, "Data": {"Place": "hush"}}
    stack = account.create(template())
    assert stack.resources["After"].properties["TopicName"] == "one-hush"
    assert not [event for event in stack.events if "hush" in (event.resource_properties or "")]
    assert "one-*****" in [json.loads(e.resource_properties or "{}").get("TopicName") for e in stack.events]


def test_stack_when_the_function_takes_its_time():
    """A stack is in progress until its function answers; what is done meanwhile is not held up."""
    account = Account()
    account.reply, account.later = placed, []
    stack = account.create(template())
    assert (stack.status, stack.resources.keys()) == ("CREATE_IN_PROGRESS", {"Room"})
    account.later.pop()()
    assert stack.status == "CREATE_COMPLETE"


def test_stack_when_it_is_deleted_while_its_function_works():
    """The deletion takes over: nobody waits for the creation any more, and a Delete follows it."""
    account = Account()
    account.later = []
    account.create(template())
    account.delete()
    assert account.exchanges[0].dropped
    late, now = account.later
    now()
    assert account.backend.stacks == {}
    late()
    assert [kind for kind, _ in account.kinds()] == ["Create", "Delete"]


def test_stack_when_the_account_is_emptied_while_its_function_works():
    """What was waited for is dropped, and an answer that comes later changes nothing."""
    account = Account()
    account.later = []
    stack = account.create(template())
    account.backend.driver.forget()
    assert account.exchanges[0].dropped
    account.later.pop()()
    assert stack.status == "CREATE_IN_PROGRESS"
