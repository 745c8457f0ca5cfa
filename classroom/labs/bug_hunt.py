"""The bug hunt of lesson 7b: six chats that people complain about, deployed one at a time, and mended in the file.

The handlers lie in ``notebooks/bug_hunt/``. ``begin`` puts one into service as
it was reported and a copy of it into ``my_chat/``; ``deploy`` puts the
learner's copy into service. This file does not know what is wrong with any of
them: the judges of ``classroom/exercises/lesson_07b.py`` do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import TYPE_CHECKING, Any

import yaml

from classroom.account import packages
from classroom.errors import OneSentence
from classroom.exercises.checks import eventually
from classroom.labs.practice import Practice
from classroom.my_chat.chat import HANDLER
from classroom.my_chat.folder import given

if TYPE_CHECKING:
    from classroom.lesson import Lesson
    from classroom.panel.chat_panel import Panel

LISTED = "case_6.yaml"
"""The list of what the function of the sixth case may do."""
ROUTES = ("$connect", "$disconnect", "sendMessage", "ping")
_HANDLED_WITHIN_S = 30.0
_LOGGED_WITHIN_S = 10.0
_LEFT_WITHIN_S = 3.0
_OF_LAMBDA = ("INIT_START", "START ", "END ", "REPORT ")


class HandlerRaised(OneSentence, RuntimeError):
    """The function raised while it handled a message; the text is its own error."""


class NoList(OneSentence, ValueError):
    """A file is no list of permissions that a role can be given."""


class BugHunt:
    """A chat that misbehaves: the practice function behind the chat's routes. ``end`` when done."""

    def __init__(self, lesson: Lesson):
        self._lesson = lesson
        self._account = lesson.account
        self._practice = Practice(lesson.account, str(lesson.api_id))
        self._listed_only = True
        self._began_ms = 0

    def begin(self, case: int) -> None:
        """Put a case into service as it was reported, and its file into ``my_chat/`` unless the learner has it already."""
        name = f"case_{case}.py"
        self._empty_the_room()  # before the new code is there: what it remembers begins with nobody
        self._began_ms = int(time.time() * 1000)
        self._release({HANDLER: given(name) or ""})
        if self._listed_only:
            self._allow_what_a_chat_needs()
        wanted = LISTED if case == 6 else name
        self._lesson.my_chat.folder.hand_out(wanted)
        print(f"Case {case} is in service, as it was reported. Its file is my_chat/{wanted}.")

    def deploy(self, exercise: str) -> None:
        """Put the learner's file of an exercise into service: a handler, or the list of the sixth case."""
        version = self._lesson.my_chat.version(exercise)
        if version.name == LISTED:
            self._put_list(version.files[LISTED])
        else:
            self._release(version.files)
        print(f"In service: {version}.")

    def use_list(self) -> None:
        """Let the function do what the list of the sixth case allows, as it was reported, and nothing else."""
        self._put_list(given(LISTED) or "")
        print("From now on the function may do what the list allows, and nothing else.")

    def people(self, *names: str) -> list[Panel]:
        """Empty the room, and connect these people to it; returns when each of them has a row."""
        self._empty_the_room()
        people = self._lesson.panels(*names)

        def there() -> int:
            for person in people:
                person.connect()  # again, if the function's permissions were not there yet
            return len(self.connected())

        eventually(f"connected: {', '.join(names)}", there, len(names), timeout=60)
        return people

    def leave_a_row(self, name: str) -> str:
        """Connect and disconnect somebody, and put their row back, as if ``$disconnect`` had been lost; their id."""
        before = self.connected()
        panel = self._lesson.panel(name)
        [gone] = self.connected() - before
        panel.disconnect()
        deadline = time.monotonic() + _HANDLED_WITHIN_S
        while gone in self.connected() and time.monotonic() < deadline:
            Event().wait(0.1)
        self._account.client("dynamodb").put_item(
            TableName=self._account.name("ChatConnections"), Item={"connection_id": {"S": gone}}
        )
        return gone

    def connected(self) -> set[str]:
        """The connection ids in the table of connections."""
        return {row["connection_id"]["S"] for row in self.rows("ChatConnections")}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table of the chat."""
        return self._account.pages(
            "dynamodb", "scan", "Items", TableName=self._account.name(table), ConsistentRead=True
        )

    def after(self, act: Callable[[], Any], messages: int = 1, route: str = "sendMessage") -> None:
        """Do something that sends ``messages`` messages, and wait until they are handled and on the screens.

        Raises ``HandlerRaised`` with the function's own error, ``TimeoutError`` when its log tells of neither in time.
        """
        handled, now_ms = len(self._logged(f"handled {route}")), int(time.time() * 1000)
        act()
        deadline = time.monotonic() + _HANDLED_WITHIN_S
        while len(self._logged(f"handled {route}")) < handled + messages:
            errors = self._logged("[ERROR]", now_ms)  # not those of handshakes before the permissions were there
            if errors:
                raise HandlerRaised(f"the handler raised {errors[0].splitlines()[0].removeprefix('[ERROR] ').strip()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the function did not log within {_HANDLED_WITHIN_S:g} s that it handled a message")
            Event().wait(0.1)
        self._lesson.catch_up()  # What it has sent is on its way: that it was sent does not say that it was received.

    def log(self, text: str = "", lines: int = 12) -> None:
        """Print the newest lines that the function has printed since the case began, or those with ``text`` in them.

        Waits a moment for the first one; shows the account's number as ACCOUNT.
        """
        deadline = time.monotonic() + _LOGGED_WITHIN_S
        while not (found := self._printed(text)) and time.monotonic() < deadline:
            Event().wait(0.2)
        for line in found[-lines:] or ["The log has no such line."]:
            print(line.replace(self._account.target.account_id, "ACCOUNT"))

    def end(self) -> None:
        """Empty the room, give the chat its own functions back and delete what the hunt made."""
        self._empty_the_room()
        self._practice.end()

    def _empty_the_room(self) -> None:
        """Disconnect everybody, let the function handle that, and delete the rows that it leaves."""
        self._lesson.disconnect_all()
        deadline = time.monotonic() + _LEFT_WITHIN_S
        while self.connected() and time.monotonic() < deadline:
            Event().wait(0.1)
        for connection_id in self.connected():
            self._account.client("dynamodb").delete_item(
                TableName=self._account.name("ChatConnections"), Key={"connection_id": {"S": connection_id}}
            )

    def _release(self, files: Mapping[str, str]) -> None:
        self._practice.release(f"{HANDLER.removesuffix('.py')}.lambda_handler", packages.package_of(files))
        if not self._practice.serving:
            self._practice.serve(*ROUTES)

    def _allow_what_a_chat_needs(self) -> None:
        arn = self._practice.arn
        self._practice.permit(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], self._practice.log_arn),
            allow("dynamodb:PutItem", [arn("ChatMessages"), arn("ChatSessions")]),
            allow(["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Scan"], arn("ChatConnections")),
            allow("execute-api:ManageConnections", self._practice.connections_arn("POST")),
        )
        self._listed_only = False

    def _put_list(self, text: str) -> None:
        target = self._account.target
        names = {
            "AWS::Region": target.region,
            "AWS::AccountId": target.account_id,
            "Prefix": self._account.prefix,
            "ApiId": str(self._lesson.api_id),
        }
        self._practice.permit(*policy_of(text, names)["Statement"])
        self._listed_only = True

    def _printed(self, text: str) -> list[str]:
        lines = [line.rstrip() for line in self._logged(text, self._began_ms)]
        return [line for line in lines if not line.startswith(_OF_LAMBDA)]

    def _logged(self, text: str, since_ms: int = 0) -> list[str]:
        return [
            event["message"]
            for event in self._account.pages(
                "logs",
                "filter_log_events",
                "events",
                logGroupName=self._practice.log_group,
                startTime=since_ms,
                **({"filterPattern": f'"{text}"'} if text else {}),
            )
        ]


def allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    """A statement of a policy that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def policy_of(text: str, names: Mapping[str, str]) -> dict[str, Any]:
    """A list of permissions, written as YAML, as a policy document. ``names`` are what stands for ``${…}`` in it.

    Raises ``NoList``.
    """
    for name, value in names.items():
        text = text.replace(f"${{{name}}}", value)
    unknown = re.search(r"\$\{[\w:]+\}?", text)
    if unknown:
        raise NoList(f"{LISTED} names {unknown[0]}, and only these names are filled in: {', '.join(names)}")
    document = yaml.safe_load(text)
    statements = document.get("Statement") if isinstance(document, dict) else None
    if not isinstance(statements, list) or not statements:
        raise NoList(f"{LISTED} has no list of statements under the key Statement")
    for number, one in enumerate(statements, 1):
        missing = [key for key in ("Effect", "Action", "Resource") if not isinstance(one, dict) or key not in one]
        if missing:
            raise NoList(f"statement {number} of {LISTED} has no {missing[0]}")
    return document
