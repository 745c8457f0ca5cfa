"""The local stage: stands where AWS stands, for WebSocket APIs on your own machine.

Knows nothing of chats, notebooks or courses.
"""

from localstage.launcher import LocalStage, StageNotStarted

__all__ = ["LocalStage", "StageNotStarted"]
