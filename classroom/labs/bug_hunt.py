"""The bug hunt of lesson 7b: published mistakes, deployed one at a time, each mended by one function of a cell.

The handlers lie in ``notebooks/bug_hunt/``, whole and readable. A mended one is
the same file with one function replaced by the learner's. This file does not
know what is wrong with any of them: the lesson's checks look at the chat.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from collections.abc import Callable
from threading import Event
from typing import Any

from classroom.account import packages
from classroom.account.account import Account
from classroom.errors import OneSentence
from classroom.labs.practice import Practice
from classroom.operations.notebooks import NOTEBOOKS

BUGS = NOTEBOOKS / "bug_hunt"
ROUTES = ("$connect", "$disconnect", "sendMessage")
_HANDLED_WITHIN_S = 30.0


class CannotBeMended(OneSentence, ValueError):
    """What the learner's cell gave cannot take the place of a function of the handler."""


class HandlerRaised(OneSentence, RuntimeError):
    """A mended handler raised while it handled a message; the text is its own error."""


class BugHunt:
    """A chat that misbehaves: the practice function behind the chat's routes. ``end`` when done."""

    def __init__(self, account: Account, api_id: str):
        self._account = account
        self.practice = Practice(account, api_id)
        self.rights_of_a_chat()

    def rights_of_a_chat(self) -> None:
        """Give the role all that the first five handlers need."""
        arn = self.practice.arn
        self.practice.rights(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], self.practice.log_arn),
            allow("dynamodb:PutItem", arn("ChatMessages")),
            allow(["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Scan"], arn("ChatConnections")),
            allow("execute-api:ManageConnections", self.practice.connections_arn("POST")),
        )

    def release(self, bug: str, fix: Callable | None = None) -> None:
        """Let the chat run a handler of ``notebooks/bug_hunt/``, with ``fix`` in place of its function of that name.

        Raises ``CannotBeMended`` when ``fix`` is no function, or the handler has none of its name.
        """
        source = source_of(bug) if fix is None else mended(source_of(bug), fix)
        self.practice.release(f"{bug}.lambda_handler", packages.package_of({f"{bug}.py": source}))
        if not self.practice.serving:
            self.practice.serve(*ROUTES)

    def show(self, bug: str, function: str) -> None:
        """Print one function of a handler."""
        source = source_of(bug)
        begin, end = _lines_of(source, function)
        print("\n".join(source.splitlines()[begin:end]))

    def after(self, act: Callable[[], Any], messages: int = 1) -> None:
        """Do something that sends ``messages`` messages, and wait until the function has handled them.

        Raises ``HandlerRaised`` with the function's own error, ``TimeoutError`` when its log tells of neither in time.
        """
        handled, raised = len(self._logged("handled sendMessage")), len(self._logged("[ERROR]"))
        act()
        deadline = time.monotonic() + _HANDLED_WITHIN_S
        while len(self._logged("handled sendMessage")) < handled + messages:
            errors = self._logged("[ERROR]")[raised:]
            if errors:
                raise HandlerRaised(f"the handler raised {errors[0].splitlines()[0].removeprefix('[ERROR] ').strip()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the function did not log within {_HANDLED_WITHIN_S:g} s that it handled a message")
            Event().wait(0.1)

    def end(self) -> None:
        """Give the chat its own functions back and delete what the hunt made."""
        self.practice.end()

    def _logged(self, text: str) -> list[str]:
        return [
            event["message"]
            for event in self._account.pages(
                "logs", "filter_log_events", "events", logGroupName=self.practice.log_group, filterPattern=f'"{text}"'
            )
        ]


def allow(action: str | list[str], resource: str) -> dict[str, Any]:
    """A statement of a policy that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def source_of(bug: str) -> str:
    """The text of a handler of the hunt."""
    return (BUGS / f"{bug}.py").read_text("utf-8")


def mended(source: str, fix: Callable) -> str:
    """The source of a handler with one function replaced. Raises ``CannotBeMended``."""
    if not inspect.isfunction(fix):
        raise CannotBeMended(f"a function is wanted, and the cell gave {fix!r}")
    begin, end = _lines_of(source, fix.__name__)
    lines = source.splitlines()
    lines[begin:end] = textwrap.dedent(inspect.getsource(fix)).splitlines()
    return "\n".join(lines) + "\n"


def _lines_of(source: str, function: str) -> tuple[int, int]:
    """Where a function begins and ends, as a slice of the source's lines. Raises ``CannotBeMended``."""
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    if function not in functions:
        raise CannotBeMended(f"the handler has no function {function}; it has: {', '.join(functions)}")
    node = functions[function]
    return node.lineno - 1, node.end_lineno or node.lineno
