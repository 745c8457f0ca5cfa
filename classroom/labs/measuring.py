"""One day in a variant's chat, the same for all of them, and what is then in its tables, roles and logs.

Three people come. The first sends ten messages, then a long one, then one while
the connections fill two pages; the third vanishes without a ``$disconnect``,
and somebody writes once more; then everybody leaves. What cannot be measured in
a chat is None: where nobody is let in, nobody can be heard.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from classroom.account.account import Account
from classroom.exercises.checks import CheckFailed
from classroom.labs.people import Person, until
from classroom.labs.variants import Variant, stack_name

PEOPLE, MESSAGES = 3, 10
_TEN = f" of {MESSAGES}"
_LONG = "A long one. " + "ε" * 25_000
"""50 KB as UTF-8, and 150 KB where each letter is written as six ASCII characters; a frame may have 128 KB."""
_FILLER_BYTES = 390_000
"""In each of three rows: more than the 1 MB that one answer of a scan holds. AWS: DynamoDB, Scan, 1 MB a page."""
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Row:
    """A variant in one form, measured. Units and calls are the medians of ten messages."""

    variant: str
    form: str
    let_in: int
    """How many of ``PEOPLE`` the handshake lets in."""
    everywhere: bool
    """Whether its functions may touch everything in the account, and not only its own tables and connections."""
    left: int
    """Rows of connections when everybody has gone."""
    unknown_action: str | None = None
    """Who answers an action without a route: ``API Gateway``, or the function of ``$default``."""
    heard: int | None = None
    """How many of ``MESSAGES`` messages somebody else has received."""
    sender_hears: bool | None = None
    kept: int | None = None
    """How many of ``MESSAGES`` messages are in a table afterwards."""
    seconds: float | None = field(default=None, compare=False)
    """How long the ten messages took: a clock of whole seconds has told as many times, and two more at most."""
    ordered: bool | None = None
    """Whether the table of messages can give them in order: its key has a sort key."""
    sessions: int | None = None
    """How many sessions in a table have a duration afterwards."""
    read_units: float | None = None
    write_units: float | None = None
    management_calls: float | None = None
    long_missed: int | None = None
    """How many people miss a long message in Greek."""
    long_lost: int | None = None
    """How many people lose their row by it."""
    page_missed: int | None = None
    """How many people miss a message when the connections fill two pages; None where the table cannot be filled."""
    forgotten: str | None = None
    """Whose row a message deletes when somebody has vanished."""


def measure(account: Account, variant: Variant, form: str, url: str) -> Row:
    """Let people chat in a deployed variant and read what that left. Everybody has gone when it returns."""
    return _Day(account, variant, form).row(url)


class _Day:
    """A deployed stack, and the people in its chat by connection id."""

    def __init__(self, account: Account, variant: Variant, form: str):
        self._account, self._variant, self._form = account, variant, form
        name = stack_name(account, variant.name, form)
        self._resources = _resources(account, name)
        tables = {
            one: account.client("dynamodb").describe_table(TableName=one)["Table"]
            for one in self._resources["AWS::DynamoDB::Table"]
        }
        self._connections = tables.pop(f"{name}-{variant.connections}")
        self._histories = tables
        self._key = self._connections["KeySchema"][0]["AttributeName"]
        self._changed = threading.Condition()
        self._people: dict[str, Person] = {}
        self._rows: dict[str, dict[str, Any]] = {}
        self._handled = MESSAGES

    def row(self, url: str) -> Row:
        """Live through the day, and describe it."""
        self._arrive(url)
        found: dict[str, Any] = {"let_in": len(self._people), "everywhere": self._everywhere()}
        if self._people:
            found |= self._ten_messages()
        if found.get("heard"):
            hearers = set(self._people) if found["sender_hears"] else set(self._people) - {self._sender}
            found |= self._long_message(hearers) | self._second_page(hearers) | self._vanished()
        for person in self._people.values():
            person.leave()
        until("everybody's $disconnect", lambda: not self._people.keys() & self._connected().keys())
        return Row(
            self._variant.name, self._form, left=len(self._connected()), sessions=self._sessions_closed(), **found
        )

    def _arrive(self, url: str) -> None:
        """Let the people come; a chat lets in all of them or nobody. Raises ``CheckFailed`` with the answers otherwise."""
        refused: list[str] = []
        for _ in range(PEOPLE):
            before = self._connected().keys()
            try:
                person = Person(url, self._changed)
            except Person.Refused as answer:
                refused.append(str(answer))
                continue
            [connection_id] = self._connected().keys() - before
            self._people[connection_id] = person
        if refused and self._people:
            for person in self._people.values():
                person.leave()
            name = stack_name(self._account, self._variant.name, self._form)
            raise CheckFailed(
                f"{name} let in {len(self._people)} of {PEOPLE} people and refused the others with {', '.join(refused)}: "
                "its functions' logs may say why."
            )
        self._rows = self._connected()
        self._settle()

    def _ten_messages(self) -> dict[str, Any]:
        sender, listener, _ = self._people.values()
        begin = time.monotonic()
        for number in range(1, MESSAGES + 1):
            self._until_heard(sender, f"message {number} of {MESSAGES}", listener)
        found: dict[str, Any] = {"seconds": time.monotonic() - begin, "heard": listener.heard(_TEN)}
        if found["heard"]:
            found |= self._per_message()
        found["unknown_action"] = "API Gateway" if sender.ask() == "Forbidden" else "$default"
        found["sender_hears"] = bool(sender.heard(_TEN))
        kept = {
            name: sum(_TEN in row.get("message", {}).get("S", "") for row in self._all(name))
            for name in self._histories
        }
        found["kept"] = sum(kept.values())
        if found["kept"]:
            [name] = [name for name, count in kept.items() if count]
            found["ordered"] = len(self._histories[name]["KeySchema"]) == 2
        return found

    def _until_heard(self, sender: Person, text: str, listener: Person) -> None:
        """Say something, and wait until it is heard, or its sender is told that there is no such action."""
        answers = len(sender.answers)
        sender.say(self._variant.send, text)
        sender.wait_for(
            lambda: listener.heard(text) > 0 or len(sender.answers) > answers, "a message to be heard or answered"
        )

    def _long_message(self, hearers: set[str]) -> dict[str, Any]:
        missed = self._missed(_LONG, hearers)
        lost = len(self._people.keys() - self._connected().keys())
        self._put_back()
        return {"long_missed": missed, "long_lost": lost}

    def _second_page(self, hearers: set[str]) -> dict[str, Any]:
        if self._connections.get("ProvisionedThroughput", {}).get("WriteCapacityUnits"):
            return {}  # to fill it would take minutes on AWS
        for row in self._rows.values():
            self._put({**row, "filler": {"S": "x" * _FILLER_BYTES}})
        self._settle()
        missed = self._missed("Is there a second page?", hearers)
        self._put_back()
        return {"page_missed": missed}

    def _vanished(self) -> dict[str, Any]:
        """Somebody's ``$disconnect`` is undone, as if it had never come, and a minute goes by."""
        *_, gone = self._people
        self._people.pop(gone).leave()
        until("the $disconnect of one", lambda: gone not in self._connected())
        row = self._rows[gone]
        if "connected_at" in row:
            row["connected_at"]["N"] = str(int(row["connected_at"]["N"]) - _MINUTE_MS)
        self._put(row)
        self._settle()
        self._say("Is anybody there?")
        deleted = self._rows.keys() - self._connected().keys()
        whose = {frozenset(): "nobody's", frozenset([gone]): "their own", frozenset([self._sender]): "the sender's"}
        return {"forgotten": whose.get(frozenset(deleted), f"{len(deleted)} rows")}

    @property
    def _sender(self) -> str:
        return next(iter(self._people))

    def _missed(self, text: str, hearers: set[str]) -> int:
        """Say something; how many of those who should hear it do not."""
        self._say(text)
        for person in self._people.values():
            person.ask()  # what was posted before has come by then
        return sum(not self._people[one].heard(text[:12]) for one in hearers)

    def _say(self, text: str) -> None:
        """The first of the people says something, and the function that takes it has ended."""
        self._people[self._sender].say(self._variant.send, text)
        self._handled += 1
        self._readings(self._handled)

    def _put_back(self) -> None:
        for row in self._rows.values():
            self._put(row)
        self._settle()

    def _settle(self) -> None:
        """Wait until the connections are the same in every read: as published, all functions read what may be old.

        AWS: DynamoDB, read consistency.
        """
        name = self._connections["TableName"]
        until("every read to show the same", lambda: self._all(name, consistent=False) == self._all(name))

    def _put(self, row: dict[str, Any]) -> None:
        self._account.client("dynamodb").put_item(TableName=self._connections["TableName"], Item=row)

    def _connected(self) -> dict[str, dict[str, Any]]:
        """The rows of the connections by connection id."""
        return {row[self._key]["S"]: row for row in self._all(self._connections["TableName"])}

    def _sessions_closed(self) -> int | None:
        """How many sessions have a duration, once all are closed that will be; None if no table has sessions."""
        if not any("connected_at" in row for name in self._histories for row in self._all(name)):
            return None
        found: list[dict[str, Any]] = []

        def closed() -> bool:
            found[:] = [row for name in self._histories for row in self._all(name) if "connected_at" in row]
            return not self._people or all("disconnected_at" in row for row in found)

        until("every session to be closed", closed)
        return sum("N" in row.get("duration_seconds", {}) for row in found)

    def _all(self, name: str, consistent: bool = True) -> list[dict[str, Any]]:
        return self._account.pages("dynamodb", "scan", "Items", TableName=name, ConsistentRead=consistent)

    def _per_message(self) -> dict[str, Any]:
        readings = self._readings(MESSAGES)
        return {
            field: statistics.median(reading[name] for reading in readings)
            for field, name in (
                ("read_units", "readUnits"),
                ("write_units", "writeUnits"),
                ("management_calls", "managementCalls"),
            )
        }

    def _readings(self, count: int) -> list[dict[str, Any]]:
        """What the function that takes messages has logged about each, as soon as there are so many."""
        found: list[dict[str, Any]] = []

        def complete() -> bool:
            found[:] = [
                reading
                for function in self._resources["AWS::Lambda::Function"]
                for event in self._account.pages(
                    "logs",
                    "filter_log_events",
                    "events",
                    logGroupName=f"/aws/lambda/{function}",
                    filterPattern='"metered"',
                )
                if (reading := json.loads(event["message"]))["route"] == self._variant.send
            ]
            return len(found) >= count

        until("the logs of all messages", complete)
        return found

    def _everywhere(self) -> bool:
        """Whether a policy of its roles allows anything but logs on every resource."""
        return any(
            not action.startswith("logs:")
            for role in self._resources["AWS::IAM::Role"]
            for document in self._policies(role)
            for statement in _listed(document["Statement"])
            if "*" in _listed(statement["Resource"])
            for action in _listed(statement["Action"])
        )

    def _policies(self, role: str) -> list[dict[str, Any]]:
        iam = self._account.client("iam")
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in self._account.pages("iam", "list_role_policies", "PolicyNames", RoleName=role)
        ]
        for policy in self._account.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role):
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            documents.append(
                iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
            )
        return [json.loads(unquote(one)) if isinstance(one, str) else one for one in documents]


def _resources(account: Account, name: str) -> dict[str, list[str]]:
    """The physical ids of a stack's resources, by type."""
    found: dict[str, list[str]] = {}
    for entry in account.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name):
        found.setdefault(entry["ResourceType"], []).append(entry["PhysicalResourceId"])
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
