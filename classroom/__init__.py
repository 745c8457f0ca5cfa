"""What the notebooks import: the target, the lesson, the chat panel, checks and clean-up.

    from classroom import start
    lesson = start(5)

Each name is imported when it is asked for: a trial of one handler, in a process of
its own, needs none of them.

Knows the course and its AWS resources; imports ``localstage`` only to start an
emulator, and the handlers never.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "StackFailed": "classroom.account.stack",
    "TargetError": "classroom.account.target",
    "CheckFailed": "classroom.exercises.checks",
    "check": "classroom.exercises.checks",
    "eventually": "classroom.exercises.checks",
    "EchoServer": "classroom.labs.echo",
    "ImpatientLocalstage": "classroom.labs.impatient",
    "Lesson": "classroom.lesson",
    "side_by_side": "classroom.lesson",
    "start": "classroom.lesson",
    "SomethingIsLeft": "classroom.operations.cleanup",
    "clean_up": "classroom.operations.cleanup",
    "find_ours": "classroom.operations.cleanup",
    "BrowserCheck": "classroom.operations.preflight",
    "preflight": "classroom.operations.preflight",
    "Panel": "classroom.panel.chat_panel",
    "PanelTimeout": "classroom.panel.chat_panel",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """One of the names above, from the module that has it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
