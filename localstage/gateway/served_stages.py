"""What each stage serves now: the one owner of it, on the event loop.

The account says what has changed when it changes, so a message costs one
look-up here and nothing in the account. A change that was published before an
API call was answered is seen by every request that follows the answer: both
come to the event loop in the order in which the account's thread sent them.
"""

from __future__ import annotations

import asyncio

from localstage.clock import Clock, Timer
from localstage.core.snapshot import KnownApis, ServedStage

_Name = tuple[str, str]


class ServedStages:
    """Finds what a stage serves.

    With ``delay_s`` a change is seen so much later, as on AWS; that a stage is
    gone is seen at once. ``begin`` must be called before the first ``publish``.
    """

    def __init__(self, clock: Clock, delay_s: float = 0.0):
        self._clock = clock
        self._delay_s = delay_s
        self._stages: dict[_Name, ServedStage] = {}
        self._coming: dict[_Name, list[Timer]] = {}
        self._apis = KnownApis()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the event loop that the changes come to."""
        self._loop = loop

    def publish(self, api_id: str, stage_name: str, served: ServedStage | None) -> None:
        """Tells what a stage serves from now on, None for one that is gone. May be called on any thread."""
        assert self._loop is not None, "begin() comes first"
        self._loop.call_soon_threadsafe(self._take, (api_id, stage_name), served)

    def publish_apis(self, apis: KnownApis) -> None:
        """Tells what else is known of APIs from now on, all of it. May be called on any thread."""
        self._apis = apis

    def find(self, api_id: str, stage_name: str) -> ServedStage | None:
        """What the stage serves now; None if there is none or it has no deployment (AWS: FIDELITY section 3, 403)."""
        return self._stages.get((api_id, stage_name))

    def all(self) -> list[ServedStage]:
        """A list of all stages that serve something now."""
        return list(self._stages.values())

    def name_of(self, api_id: str) -> str:
        """The name of a WebSocket API, its id if it has gone."""
        return self._apis.names.get(api_id, api_id)

    def unserved_kind(self, api_id: str) -> str | None:
        """``HTTP`` or ``REST`` for an API that exists and that localstage does not serve."""
        return self._apis.unserved.get(api_id)

    def has_api_key(self, stage: ServedStage, key: str) -> bool:
        """Whether an enabled API key of a usage plan with this stage has this value."""
        return key in self._apis.api_keys.get((stage.api_id, stage.stage_name), ())

    def _take(self, name: _Name, served: ServedStage | None) -> None:
        if served is None:
            self._stages.pop(name, None)
            for timer in self._coming.pop(name, ()):
                timer.cancel()
        elif self._delay_s:
            self._coming.setdefault(name, []).append(
                self._clock.call_later(self._delay_s, lambda: self._show(name, served))
            )
        else:
            self._stages[name] = served

    def _show(self, name: _Name, served: ServedStage) -> None:
        self._stages[name] = served
        del self._coming[name][0]
