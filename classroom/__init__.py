"""What the notebooks import: the target, the lesson, the chat panel, checks and clean-up.

    from classroom import start
    lesson = start(5)

Knows the course and its AWS resources; imports ``localstage`` only to start a
stage, and the handlers never.
"""

from .checks import CheckFailed, check, eventually
from .cleanup import SomethingIsLeft, clean_up, find_ours
from .echo import EchoServer
from .impatient import ImpatientStage
from .lesson import Lesson, side_by_side, start
from .panel import Panel, PanelTimeout
from .preflight import BrowserCheck, preflight
from .stack import StackFailed
from .target import TargetError

__all__ = ["BrowserCheck", "CheckFailed", "EchoServer", "ImpatientStage", "Lesson", "Panel", "PanelTimeout",
           "SomethingIsLeft", "StackFailed", "TargetError", "check", "clean_up", "eventually", "find_ours", "preflight",
           "side_by_side", "start"]
