"""localstage stands where AWS stands, for WebSocket APIs on your own machine.

Knows nothing of chats, notebooks or courses.
"""

from localstage.launcher import LocalStage, NotStarted

__all__ = ["LocalStage", "NotStarted", "__version__"]

__version__ = "0.1.0"
