"""What must be true of the handlers' source, so that it can be read and copied without harm."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pure.chat_account import HANDLERS

FUNCTIONS = ("authorizer", "chat_handler", "connect", "default", "disconnect", "room_messages", "rooms", "send_message")
FILES = sorted(HANDLERS.glob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
BROAD = {"Exception", "BaseException"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_its_entry_point(name: str) -> None:
    """Each function's file defines lambda_handler(event, context)."""
    tree = ast.parse((HANDLERS / f"{name}.py").read_text())
    [handler] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "lambda_handler"]
    assert [argument.arg for argument in handler.args.args] == ["event", "context"]


@each_file
def test_no_exception_caught_blindly(path: Path) -> None:
    """No handler is bare or catches Exception: each catches what it knows how to answer."""
    assert [
        handler.lineno
        for attempt in _attempts(path)
        for handler in attempt.handlers
        if handler.type is None or _names(handler) & BROAD
    ] == []


def test_no_post_past_the_outcomes() -> None:
    """Nothing posts with boto3, and one place alone posts at all: it tells who is gone from who has a bad moment."""
    names = [
        (path.name, node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Constant)
    ]
    assert [name for name, node in names if isinstance(node, ast.Attribute) and node.attr == "post_to_connection"] == []
    assert [name for name, node in names if isinstance(node, ast.Constant) and node.value == "POST"] == ["delivery.py"]


@each_file
def test_file_short_and_opens_with_its_purpose(path: Path) -> None:
    """A file is read whole in a notebook: a docstring first, at most 100 lines of at most 120 characters."""
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 100
    assert [line for line in text.splitlines() if len(line) > 120] == []


@each_file
def test_no_table_name_written_into_the_source(path: Path) -> None:
    """Table names come from the environment, so that they can carry a prefix."""
    constants = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert not {"ChatMessages", "ChatConnections", "ChatSessions", "ChatRooms", "ChatMembers", "ChatHistory"} & {
        value for value in constants if isinstance(value, str)
    }


def _attempts(path: Path) -> Iterator[ast.Try]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Try))


def _names(handler: ast.ExceptHandler) -> set[str]:
    """The last names of what an except clause catches."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {kind.attr if isinstance(kind, ast.Attribute) else kind.id for kind in kinds}
