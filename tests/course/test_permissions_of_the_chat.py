"""chat.yaml gives each function what it needs, and nothing that it does not.

One permission (an action on a resource) is taken away at a time, from a chat
that runs: the call that needs it fails, in words that name it, and the other
functions go on as before.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import websocket

from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, Site, heard, say
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

NAME = "least"
GONE = "AAAAAAAAAAAAAAA="
FUNCTIONS = {"Connect": "connect", "Disconnect": "disconnect", "SendMessage": "send_message", "Default": "default"}
ALL_WELL = {"connect": True, "disconnect": True, "message": True, "error": False, "pong": True, "usage": True}


@dataclass
class Chat:
    """The whole chat deployed once, with someone in it."""

    site: Site
    outputs: dict[str, str]
    roles: dict[str, str]
    policies: dict[str, tuple[str, dict[str, Any]]]
    ann: websocket.WebSocket
    _seen: dict[str, int] = field(default_factory=dict)

    def lines(self, function: str) -> list[str]:
        """What a function has logged since ``mark``."""
        return self.site.logged(f"{NAME}-{FUNCTIONS[function]}")[self._seen.get(function, 0) :]

    def mark(self) -> None:
        """From here on counts what ``lines`` gives."""
        self._seen = {}
        self._seen = {function: len(self.lines(function)) for function in FUNCTIONS}

    def set_policy(self, function: str, document: dict[str, Any]) -> None:
        self.site.target.client("iam").put_role_policy(
            RoleName=self.roles[function], PolicyName=self.policies[function][0], PolicyDocument=json.dumps(document)
        )

    def denials(self, function: str) -> list[str]:
        """The actions that were denied to a function, out of its log, each as often as it was."""
        marker = "is not authorized to perform: "
        return [line.partition(marker)[2].split()[0] for line in self.lines(function) if marker in line]


@pytest.fixture(scope="module")
def chat(emptied: LocalStage) -> Iterator[Chat]:
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    outputs = site.deploy(NAME, "chat.yaml")
    formation, iam = site.target.client("cloudformation"), site.target.client("iam")
    roles = {
        function: formation.describe_stack_resource(StackName=NAME, LogicalResourceId=f"{function}Role")[
            "StackResourceDetail"
        ]["PhysicalResourceId"]
        for function in FUNCTIONS
    }
    policies = {}
    for function, role in roles.items():
        [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policies[function] = policy, iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    ann = site.connect(outputs["WebSocketUrl"])
    yield Chat(site, outputs, roles, policies, ann)
    site.close()


# Function, action, a part of the resource, and what is then different for the people in the chat.
CASES = [
    ("Connect", "dynamodb:PutItem", "ChatConnections", {"connect": False}),
    ("Connect", "dynamodb:PutItem", "ChatSessions", {"connect": False}),
    ("Disconnect", "dynamodb:DeleteItem", "ChatConnections", {"disconnect": False}),
    ("Disconnect", "dynamodb:UpdateItem", "ChatSessions", {"disconnect": False}),
    ("SendMessage", "dynamodb:PutItem", "ChatMessages", {"message": False, "error": True}),
    ("SendMessage", "dynamodb:Scan", "ChatConnections", {"message": False, "error": True}),
    ("SendMessage", "dynamodb:DeleteItem", "ChatConnections", {"error": True}),
    ("SendMessage", "execute-api:ManageConnections", "/POST/", {"message": False}),
    ("Default", "execute-api:ManageConnections", "/POST/", {"pong": False, "usage": None}),
    ("Default", "execute-api:ManageConnections", "/GET/", {"usage": False}),
]


@pytest.mark.fidelity("10.1", "10.2")
@pytest.mark.parametrize(("function", "action", "resource", "different"), CASES)
def test_chat_when_one_permission_is_missing(
    chat: Chat, function: str, action: str, resource: str, different: dict[str, Any]
) -> None:
    """The call that needs the permission fails, its function's log names the action, and the rest works."""
    policy = without(chat.policies[function][1], action, resource)
    chat.set_policy(function, policy)
    chat.mark()
    try:
        expected = {**ALL_WELL, **different}
        assert what_happens(chat, expected) == expected
        eventually(lambda: chat.denials(function), lambda seen: set(seen) == {action}, f"{action} to be denied")
        assert all(not chat.denials(other) for other in FUNCTIONS if other != function)
    finally:
        chat.set_policy(function, chat.policies[function][1])


@pytest.mark.fidelity("10.3")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_chat_when_a_function_may_not_log(chat: Chat, function: str) -> None:
    """Without the logs permissions everything works, and that function's log says nothing."""
    policy = copy.deepcopy(chat.policies[function][1])
    policy["Statement"] = [s for s in policy["Statement"] if "logs:PutLogEvents" not in s["Action"]]
    chat.set_policy(function, policy)
    chat.mark()
    try:
        assert what_happens(chat, ALL_WELL) == ALL_WELL
        for other in FUNCTIONS:
            eventually(
                lambda: chat.lines(other), lambda lines: bool(lines) is (other != function), f"the log of {other}"
            )
            assert not chat.denials(other)
    finally:
        chat.set_policy(function, chat.policies[function][1])


def test_cases_name_every_permission_of_the_template(chat: Chat) -> None:
    """Whatever the roles grant but logs is taken away in some case above: nothing is granted that no call needs."""
    granted = [
        (function, action, arn)
        for function, (_, document) in chat.policies.items()
        for statement in document["Statement"]
        for action in listed(statement["Action"])
        if not action.startswith("logs:")
        for arn in listed(statement["Resource"])
    ]
    named = [
        (function, action, arn)
        for function, action, arn in granted
        if any((function, action) == case[:2] and case[2] in arn for case in CASES)
    ]
    assert named == granted and len(granted) == len(CASES)


def test_chat_when_every_permission_is_there(chat: Chat) -> None:
    """The template as it is denies nobody anything."""
    chat.mark()
    assert what_happens(chat, ALL_WELL) == ALL_WELL
    assert not any(chat.denials(function) for function in FUNCTIONS)


def what_happens(chat: Chat, expected: dict[str, Any]) -> dict[str, Any]:
    """What people see who come, write, ask and go.

    All that is expected for Ann is read before she goes on, and where nothing is, the denials are awaited that make
    it so: else what is late would be taken for the answer to what she does next, in the next test at the latest.
    """
    dynamodb = chat.site.target.client("dynamodb")
    tidy(chat)
    dynamodb.put_item(
        TableName=chat.outputs["ConnectionsTableName"], Item={"connection_id": {"S": GONE}, "connected_at": {"N": "0"}}
    )
    seen: dict[str, Any] = {"connect": False, "disconnect": ALL_WELL["disconnect"]}
    try:
        bob = chat.site.connect(chat.outputs["WebSocketUrl"])
        seen["connect"] = True
        bob.close()
        seen["disconnect"] = is_forgotten(chat)
    except websocket.WebSocketBadStatusException:
        pass
    text = f"Hello {uuid.uuid4().hex}"
    say(chat.ann, text)
    if expected["message"] or expected["error"]:
        said = [heard(chat.ann)["message"] for _ in range(expected["message"] + expected["error"])]
    else:
        said = []
        await_denials(chat, "SendMessage", 2)  # of the posts to Ann and to whoever is gone
    seen["message"], seen["error"] = text in said, "Internal server error" in said
    chat.ann.send('{"action": "ping"}')
    if expected["pong"]:
        seen["pong"] = heard(chat.ann) == {"type": "pong"}
    else:
        await_denials(chat, "Default", 1)
        seen["pong"] = False
    chat.ann.send('{"action": "dance"}')
    if expected["usage"] is not None:
        frame = heard(chat.ann)
        seen["usage"] = frame["type"] == "usage" and "sourceIp" in frame["connection"]
    else:
        await_denials(chat, "Default", 2)
        seen["usage"] = None
    dynamodb.delete_item(TableName=chat.outputs["ConnectionsTableName"], Key={"connection_id": {"S": GONE}})
    return seen


def await_denials(chat: Chat, function: str, count: int) -> None:
    """Returns when a function has been denied something so often."""
    eventually(
        lambda: chat.denials(function), lambda denied: len(denied) >= count, f"{count} denials in the log of {function}"
    )


def is_forgotten(chat: Chat) -> bool:
    """Whether Bob's row goes and his session gets its end, before the function is denied something."""

    def look() -> tuple[bool, bool]:
        rows = {row["connection_id"]["S"] for row in chat.site.rows(chat.outputs["ConnectionsTableName"])}
        closed = [row for row in chat.site.rows(chat.outputs["SessionsTableName"]) if "duration_seconds" in row]
        sessions = chat.site.rows(chat.outputs["SessionsTableName"])
        return len(rows - {GONE}) == 1 and len(closed) == len(sessions) - 1, bool(chat.denials("Disconnect"))

    forgotten, denied = eventually(look, any, "Bob to be forgotten")
    return forgotten and not denied


def tidy(chat: Chat) -> None:
    """Does what a function could not: Ann alone is left, as she was first."""
    dynamodb, tables = chat.site.target.client("dynamodb"), chat.outputs
    living = sorted(chat.site.rows(tables["ConnectionsTableName"]), key=lambda row: int(row["connected_at"]["N"]))
    ann = next(row["connection_id"] for row in living if row["connection_id"]["S"] != GONE)
    for table in ("ConnectionsTableName", "SessionsTableName"):
        for row in chat.site.rows(tables[table]):
            if row["connection_id"] not in (ann, {"S": GONE}):
                dynamodb.delete_item(TableName=tables[table], Key={"connection_id": row["connection_id"]})


def without(policy: dict[str, Any], action: str, resource: str) -> dict[str, Any]:
    """The policy less one action on the one resource whose ARN contains ``resource``."""
    permissions = [
        (each, arn)
        for statement in policy["Statement"]
        for each in listed(statement["Action"])
        for arn in listed(statement["Resource"])
    ]
    kept = [(each, arn) for each, arn in permissions if each != action or resource not in arn]
    assert len(kept) == len(permissions) - 1
    return {**policy, "Statement": [{"Effect": "Allow", "Action": each, "Resource": arn} for each, arn in kept]}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
