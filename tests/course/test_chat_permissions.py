"""chat.yaml's roles allow what the functions call, and nothing else: each action taken away is missed by one call."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cfnlint.decode import decode

from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, TEMPLATES, Site
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

GONE = "AAAAAAAAAAAAAAA="
FUNCTIONS = ("connect", "disconnect", "send_message", "default")
ROLES = {"connect": "ConnectRole", "disconnect": "DisconnectRole", "send_message": "SendMessageRole", "default": "DefaultRole"}


def granted(function: str) -> list[tuple[int, str, int]]:
    """Each action on each resource that a function's role allows: the statement, the action, the resource's place."""
    template, _ = decode(str(TEMPLATES / "chat.yaml"))
    statements = template["Resources"][ROLES[function]]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return [(number, action, place) for number, statement in enumerate(statements) for action in listed(statement["Action"])
            for place in range(len(listed(statement["Resource"])))]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass
class Chat:
    """A deployed chat, somebody connected to it, and its roles as they were."""

    site: Site
    outputs: dict[str, str]
    connection_id: str
    roles: dict[str, tuple[str, str, dict[str, Any]]]
    last_request_id: str = ""

    def without(self, function: str, number: int, action: str, place: int) -> None:
        """Take one action on one resource from a function's role."""
        role, policy, document = self.roles[function]
        changed = copy.deepcopy(document)
        statement = changed["Statement"].pop(number)
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        for other in actions:
            left = [resource for at, resource in enumerate(resources) if (other, at) != (action, place)]
            if left:
                changed["Statement"].append({"Effect": "Allow", "Action": other, "Resource": left})
        self.put(role, policy, changed)

    def restore(self, function: str) -> None:
        self.put(*self.roles[function])

    def put(self, role: str, policy: str, document: dict[str, Any]) -> None:
        self.site.target.client("iam").put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))

    def denied(self, function: str) -> set[str]:
        """Run a function as API Gateway does; the actions and tables or methods that it was not allowed."""
        invoked = self.site.target.client("lambda").invoke(
            FunctionName=f"rights-{function}", LogType="Tail", Payload=json.dumps(self.event(function)))
        text = invoked["Payload"].read().decode() + base64.b64decode(invoked["LogResult"]).decode()
        self.last_request_id = re.search(r"RequestId: (\S+)", text)[1]
        return set(re.findall(r"not authorized to perform: (\S+) on resource: \S+?(?:table/rights-|/prod/)(\w+)", text))

    def event(self, function: str) -> dict[str, Any]:
        host = self.outputs["WebSocketUrl"].removeprefix("wss://").split("/")[0]
        route = {"connect": "$connect", "disconnect": "$disconnect", "send_message": "sendMessage", "default": "$default"}[function]
        leaver = "AAAAAAAAAAAAAAE=" if function in ("connect", "disconnect") else self.connection_id
        return {"body": '{"action": "sendMessage", "sender": "Ann", "message": "hi"}', "requestContext": {
            "connectionId": leaver, "connectedAt": 1_700_000_000_000, "requestTimeEpoch": 1_700_000_009_000,
            "routeKey": route, "requestId": "r", "messageId": "m", "domainName": host, "stage": "prod",
            "identity": {"sourceIp": "192.0.2.1"}}}

    def leave_a_gone_connection(self) -> None:
        """A row whose connection is not there any more: send_message has something to delete."""
        self.site.target.client("dynamodb").put_item(TableName=self.outputs["ConnectionsTableName"],
                                                     Item={"connection_id": {"S": GONE}, "connected_at": {"N": "1"}})


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    with LocalStage() as stage:
        site = Site(StageTarget(stage))
        site.target.client("s3").create_bucket(Bucket=BUCKET)
        outputs = site.deploy("rights", "chat.yaml")
        site.connect(outputs["WebSocketUrl"])
        [row] = site.rows(outputs["ConnectionsTableName"])
        yield Chat(site, outputs, row["connection_id"]["S"], policies(site))
        site.close()


def policies(site: Site) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Each function's role, the name of its policy, and the policy."""
    iam, found = site.target.client("iam"), {}
    for function in FUNCTIONS:
        arn = site.target.client("lambda").get_function_configuration(FunctionName=f"rights-{function}")["Role"]
        role = arn.rsplit("/", 1)[1]
        [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        found[function] = role, policy, iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    return found


def test_functions_when_nothing_is_taken_away(chat: Chat) -> None:
    """With its whole policy no function is refused anything."""
    chat.leave_a_gone_connection()
    assert {function: chat.denied(function) for function in FUNCTIONS} == dict.fromkeys(FUNCTIONS, set())


@pytest.mark.parametrize(("function", "number", "action", "place"), [
    (function, *grant) for function in FUNCTIONS for grant in granted(function) if not grant[1].startswith("logs:")])
def test_functions_when_one_action_is_taken_away(chat: Chat, function: str, number: int, action: str, place: int) -> None:
    """The function is refused exactly that action on exactly that resource, and the other functions nothing."""
    resource = listed(chat.roles[function][2]["Statement"][number]["Resource"])[place]
    target = resource.split("/prod/")[-1].split("/")[0] if "execute-api" in resource else resource.split("table/rights-")[-1]
    chat.leave_a_gone_connection()
    chat.without(function, number, action, place)
    try:
        refused = {name: chat.denied(name) for name in FUNCTIONS}
    finally:
        chat.restore(function)
    assert refused == {**dict.fromkeys(FUNCTIONS, set()), function: {(action, target)}}


@pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_when_logs_may_not_be_written(chat: Chat, function: str, action: str) -> None:
    """Without the permission to write logs a function works, and its log group gets nothing more."""
    lambda_ = chat.site.target.client("lambda")
    chat.without(function, 0, action, 0)
    try:
        lambda_.update_function_configuration(FunctionName=f"rights-{function}", Timeout=11 if action == "logs:PutLogEvents" else 12)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=f"rights-{function}")
        assert chat.denied(function) == set()
        silent = chat.last_request_id
    finally:
        chat.restore(function)
    chat.denied(function)
    text = eventually(lambda: "".join(chat.site.logged(f"rights-{function}")), lambda text: chat.last_request_id in text,
                      "the lines of the invocation that might log")
    assert silent not in text
