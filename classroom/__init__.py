"""What the notebooks import: the target, the lesson, the chat panel, checks and clean-up.

    from classroom import start
    lesson = start(5)

Knows the course and its AWS resources; imports ``localstage`` only to start an
emulator, and the handlers never.
"""

from classroom.account.stack import StackFailed
from classroom.account.target import TargetError
from classroom.exercises.checks import CheckFailed, check, eventually
from classroom.labs.echo import EchoServer
from classroom.labs.impatient import ImpatientLocalstage
from classroom.lesson import Lesson, side_by_side, start
from classroom.operations.cleanup import SomethingIsLeft, clean_up, find_ours
from classroom.operations.preflight import BrowserCheck, preflight
from classroom.panel.chat_panel import Panel, PanelTimeout

__all__ = [
    "BrowserCheck",
    "CheckFailed",
    "EchoServer",
    "ImpatientLocalstage",
    "Lesson",
    "Panel",
    "PanelTimeout",
    "SomethingIsLeft",
    "StackFailed",
    "TargetError",
    "check",
    "clean_up",
    "eventually",
    "find_ours",
    "preflight",
    "side_by_side",
    "start",
]
