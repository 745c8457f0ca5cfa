"""The five write-ups side by side, as numbers that come of running them.

``compare`` deploys each variant, lets three people chat in it, reads what is
then in its stack, its tables, its roles and its logs, and deletes it again.
Everything in a row is measured or read from the account, on moto as on live;
all but the latency is the same on every run.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import unquote

import websocket

from classroom.account import stack
from classroom.account.account import Account
from classroom.exercises.checks import CheckFailed
from classroom.labs import variants
from classroom.labs.variants import VARIANTS, Variant

PEOPLE, MESSAGES = 3, 10
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Row:
    """One variant, measured. Units and calls are per message with ``PEOPLE`` connected; latency in milliseconds."""

    variant: str
    title: str
    functions: int
    tables: int
    permissions: int
    """Actions on resources that the functions' roles allow, logs aside."""
    read_units: float
    write_units: float
    management_calls: float
    kept: int
    """How many of ``MESSAGES`` messages are in a table afterwards."""
    ordered: bool
    """Whether the table of messages can give them in order: its key has a sort key."""
    sessions: int
    """How many of ``PEOPLE`` people can be found in a table after they have left."""
    writes_a_second: int
    """Above how many writes a second DynamoDB throttles the connections table; 0: on demand."""
    sender_hears: bool
    unknown_action: str
    """What answers an action without a route: API Gateway's Forbidden, or $default's text."""
    latency_ms: float = field(compare=False)

    @property
    def loses(self) -> tuple[str, ...]:
        """What is lost and when, as it follows from the measurements."""
        lost = []
        if not self.kept:
            lost.append("every message, once delivered")
        elif not self.ordered:
            lost.append("the order of messages, once stored")
        if not self.sessions:
            lost.append("who was there, once they leave")
        if self.writes_a_second:
            lost.append(f"connections, when more than {self.writes_a_second} come in a second")
        return tuple(lost)


def compare(account: Account, chosen: Iterable[Variant] = VARIANTS) -> list[Row]:
    """Deploy the variants, measure one after the other, delete them. Raises ``StackFailed`` or ``CheckFailed``.

    The stacks are made and deleted at the same time, since each spends most of it waiting.
    """
    chosen = list(chosen)
    stack.upload_handlers(account, subfolders=True)  # before the threads: the bucket is made once,
    account.client("cloudformation")  # and making a client is not safe in threads, using it is
    with ThreadPoolExecutor(len(chosen)) as at_once:
        urls = list(at_once.map(lambda variant: variants.deploy(account, variant.name), chosen))
        rows = [measure(account, variant, url) for variant, url in zip(chosen, urls, strict=True)]
        list(at_once.map(lambda variant: variants.remove(account, variant.name), chosen))
    return rows


def measure(account: Account, variant: Variant, url: str) -> Row:
    """Chat in a deployed variant and read what that left. Everybody has left when it returns."""
    resources = _resources(account, variant)
    tables = [
        account.client("dynamodb").describe_table(TableName=name)["Table"] for name in resources["AWS::DynamoDB::Table"]
    ]
    people = [_Person(url) for _ in range(PEOPLE)]
    latencies = [_round_trip(people, variant.send, f"message {number}") for number in range(MESSAGES)]
    frames = people[0].frames_until_unknown_action_is_answered()
    for person in people:
        person.socket.close()
    connections = next(table for table in tables if _expires(account, table["TableName"]))
    _until("everybody's row to go", lambda: not _rows(account, connections["TableName"]))
    histories = _closed_histories(account, [table["TableName"] for table in tables if table is not connections])
    messages = next(
        (table for table in tables if any("message" in row for row in histories.get(table["TableName"], ()))), None
    )
    per_message = _per_message(account, resources["AWS::Lambda::Function"])
    return Row(
        variant=variant.name,
        title=variant.title,
        functions=len(resources["AWS::Lambda::Function"]),
        tables=len(tables),
        permissions=sum(_permissions(account, role) for role in resources["AWS::IAM::Role"]),
        read_units=per_message["readUnits"],
        write_units=per_message["writeUnits"],
        management_calls=per_message["managementCalls"],
        kept=len(histories[messages["TableName"]]) if messages else 0,
        ordered=messages is not None and len(messages["KeySchema"]) == 2,
        sessions=sum("duration_seconds" in row for rows in histories.values() for row in rows),
        writes_a_second=connections.get("ProvisionedThroughput", {}).get("WriteCapacityUnits", 0),
        sender_hears=len(frames) > 1,
        unknown_action=json.loads(frames[-1])["message"],
        latency_ms=statistics.median(latencies),
    )


def table(rows: Iterable[Row], latency: bool = True) -> str:
    """The rows as a Markdown table, one variant to a column; without latencies it is the same on every run."""
    rows = list(rows)
    lines: dict[str, list[Any]] = {
        "functions": [row.functions for row in rows],
        "tables": [row.tables for row in rows],
        "permissions": [row.permissions for row in rows],
        "read units per message": [f"{row.read_units:g}" for row in rows],
        "write units per message": [f"{row.write_units:g}" for row in rows],
        f"management calls per message, {PEOPLE} connected": [f"{row.management_calls:g}" for row in rows],
        "the sender hears it": ["yes" if row.sender_hears else "no" for row in rows],
        "an unknown action is answered": [row.unknown_action for row in rows],
        f"messages kept, of {MESSAGES}": [row.kept for row in rows],
        f"sessions kept, of {PEOPLE}": [row.sessions for row in rows],
        "what it loses": ["; ".join(row.loses) or "nothing of these" for row in rows],
    }
    if latency:
        lines["latency, median"] = [f"{row.latency_ms:.0f} ms" for row in rows]
    head = ["", *(f"{row.variant}: {row.title}" for row in rows)]
    cells = [head, ["---"] * len(head), *([name, *map(str, values)] for name, values in lines.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


class _Person:
    """One client of a variant, with everything it has received."""

    def __init__(self, url: str):
        self.socket = websocket.create_connection(url, timeout=_PATIENCE_S)
        self.frames: list[str] = []

    def wait_for(self, text: str) -> None:
        """Receive until a frame holds ``text``."""
        while not (self.frames and text in self.frames[-1]):
            self.frames.append(self.socket.recv())

    def frames_until_unknown_action_is_answered(self) -> list[str]:
        """Everything received, the last being the answer to an action that has no route."""
        self.socket.send('{"action": "dance"}')
        while not self.frames or re.search(r"message \d", self.frames[-1]):
            self.frames.append(self.socket.recv())
        return self.frames


def _round_trip(people: list[_Person], action: str, text: str) -> float:
    """Send as the first person; milliseconds until the last one has it."""
    begin = time.perf_counter()
    people[0].socket.send(json.dumps({"action": action, "sender": "Student", "message": text}))
    for person in people[1:]:
        person.wait_for(text)
    return (time.perf_counter() - begin) * 1000


def _resources(account: Account, variant: Variant) -> dict[str, list[str]]:
    """The physical ids of a variant's stack, by type."""
    found: dict[str, list[str]] = {}
    stack_name = variants.stack_name(account, variant.name)
    for entry in account.pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack_name
    ):
        found.setdefault(entry["ResourceType"], []).append(entry["PhysicalResourceId"])
    return found


def _expires(account: Account, name: str) -> bool:
    """Whether rows of a table expire: in every variant those of the connections, and no others."""
    return "AttributeName" in account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]


def _rows(account: Account, name: str) -> list[dict[str, Any]]:
    return account.pages("dynamodb", "scan", "Items", TableName=name, ConsistentRead=True)


def _closed_histories(account: Account, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of tables that outlive connections, as soon as every session in them is closed."""
    found: dict[str, list[dict[str, Any]]] = {}

    def closed() -> bool:
        found.update({name: _rows(account, name) for name in names})
        return all("duration_seconds" in row for rows in found.values() for row in rows if "connected_at" in row)

    _until("every session to be closed", closed)
    return found


def _per_message(account: Account, functions: list[str]) -> dict[str, float]:
    """The medians of what the function that takes messages has logged about each."""
    readings: list[dict[str, Any]] = []

    def complete() -> bool:
        readings[:] = [
            json.loads(event["message"])
            for function in functions
            for event in account.pages(
                "logs", "filter_log_events", "events", logGroupName=f"/aws/lambda/{function}", filterPattern='"metered"'
            )
        ]
        return len(readings) >= MESSAGES

    _until("the logs of all messages", complete)
    return {
        name: statistics.median(reading[name] for reading in readings)
        for name in ("readUnits", "writeUnits", "managementCalls")
    }


def _permissions(account: Account, role: str) -> int:
    """How many actions on resources a role's policies allow, logs aside."""
    iam = account.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in account.pages("iam", "list_role_policies", "PolicyNames", RoleName=role)
    ]
    for policy in account.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role):
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        documents.append(
            iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
        )
    statements = [statement for document in map(_parsed, documents) for statement in _listed(document["Statement"])]
    return sum(
        len(_listed(statement["Resource"]))
        for statement in statements
        for action in _listed(statement["Action"])
        if not action.startswith("logs:")
    )


def _parsed(document: Any) -> dict[str, Any]:
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _until(what: str, is_so: Any) -> None:
    """Look until it is so. Raises ``CheckFailed`` with what was waited for."""
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise CheckFailed(f"{_PATIENCE_S:.0f} s were not enough for {what}.")
        Event().wait(0.2)
