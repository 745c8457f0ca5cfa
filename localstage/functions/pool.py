"""Which invocation runs in which execution environment, and when one starts or ends.

Pure decisions: environments, functions and tickets are names and opaque
values, the time is a number of seconds that only grows. The caller tells what
happened (``enqueue``, ``ended``, … and each step of an environment's
``Lifecycle``) and carries out what ``decide`` returns, in that order. Nothing
here knows of processes or the event loop.

The rules: a free environment of the current revision takes the oldest waiting
invocation, the one that was started first before others: its code is compiled, its
connections are open, and those that only a burst needed rest and end. A start costs
much processor time, so a function that has an environment gets another only for an
invocation that has waited ``grow_after_s``, and only few start together. The bound holds
for all functions together; an environment of another function that rests makes
room. A function without any environment always gets one, beyond the bound if
none rests in time, so a function that invokes another cannot wait for itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localstage.functions.lifecycle import Lifecycle, Phase, Step

_LOOK_AGAIN_S = 0.25


@dataclass(frozen=True)
class PoolLimits:
    """How many environments there may be, and how patient the pool is. Times in seconds."""

    max_environments: int
    concurrent_inits: int
    idle_environment_s: float
    grow_after_s: float = 0.05
    """How long an invocation waits for a busy environment before another is started for it."""
    settling_s: float = 1.0
    """An init that takes longer no longer counts as one that keeps a processor busy; also how long
    another function's only environment must have rested before growth may take its room."""


@dataclass(frozen=True)
class Assign:
    """Give the ticket to the environment, now."""

    environment: str
    ticket: Any


@dataclass(frozen=True)
class Start:
    """Start an environment for the function's current revision, because this ticket has none yet."""

    environment: str
    function: str
    ticket: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class End:
    """End the environment; ``Pool.ended`` must be called when its process is gone."""

    environment: str


Action = Assign | Start | End


@dataclass
class _Function:
    revision: str
    waiting: deque[tuple[Any, float]] = field(default_factory=deque)
    retired: bool = False


class Pool:
    """The environments of all functions. ``identify`` gives a new environment's name."""

    def __init__(self, limits: PoolLimits, identify: Callable[[], str]) -> None:
        self._limits = limits
        self._identify = identify
        self._lives: dict[str, Lifecycle] = {}
        self._functions: dict[str, _Function] = {}

    def __len__(self) -> int:
        """How many environments there are, those that are ending included."""
        return len(self._lives)

    def knows(self, function: str) -> bool:
        """Whether anything of the function is left here: an environment or a waiting invocation."""
        return function in self._functions

    def enqueue(self, function: str, revision: str, ticket: Any, now: float) -> None:
        """An invocation arrived. A new revision takes over the function's waiting invocations too."""
        known = self._functions.setdefault(function, _Function(revision))
        known.revision = revision
        known.retired = False
        known.waiting.append((ticket, now))

    def life_of(self, environment: str) -> Lifecycle:
        """The life of an environment that has been started and has not ``ended``."""
        return self._lives[environment]

    def ended(self, environment: str) -> None:
        """The environment's process is gone, whatever the reason."""
        self._forget_if_unused(self._lives.pop(environment).function)

    def init_failed(self, environment: str, now: float) -> list[Any]:
        """The environment ends without having served; returns the tickets that get its error.

        Lambda would have given each invocation an environment of its own, and
        each would have failed: so all that already waited when this one started
        fail. Where another environment of the same code works, only the oldest does.
        """
        life = self._lives[environment]
        started = life.since
        life.take(Step.END, now)
        function = self._functions[life.function]
        if function.revision != life.revision:
            return []
        works = any(other.phase is not Phase.INIT for other in self._current(life.function))
        failed: list[Any] = []
        while function.waiting and function.waiting[0][1] <= started and not (works and failed):
            failed.append(function.waiting.popleft()[0])
        return failed

    def retire(self, matches: Callable[[str], bool]) -> None:
        """The functions are deleted: their environments end as soon as nothing waits for them."""
        for name, function in self._functions.items():
            if matches(name):
                function.retired = True

    def abandon(self) -> list[Any]:
        """Empties all queues and returns the tickets that waited."""
        tickets = [ticket for function in self._functions.values() for ticket, _ in function.waiting]
        for function in self._functions.values():
            function.waiting.clear()
        return tickets

    def decide(self, now: float) -> list[Action]:
        """What is to be done now. The pool counts it as done."""
        actions: list[Action] = list(self._ends(now))
        for name, function in self._waiting_longest():
            actions += self._assignments(name, function, now)
        for name, function in self._waiting_longest():
            actions += self._starts(name, function, now)
        return actions

    def wake_at(self, now: float) -> float | None:
        """When ``decide`` must be called again although nothing happens until then."""
        times = [
            life.since + self._limits.idle_environment_s for life in self._lives.values() if life.phase is Phase.READY
        ]
        for name, function in self._waiting_longest():
            starting = self._starting(name)
            if starting < len(function.waiting):
                due = function.waiting[starting][1] + self._limits.grow_after_s
                times.append(due if due > now else now + _LOOK_AGAIN_S)
        return min(times, default=None)

    def _ends(self, now: float) -> Iterator[End]:
        for life in self._lives.values():
            if life.phase is not Phase.READY:
                continue
            function = self._functions[life.function]
            if (
                life.revision != function.revision
                or (function.retired and not function.waiting)
                or now >= life.since + self._limits.idle_environment_s
            ):
                life.take(Step.END, now)
                yield End(life.environment)

    def _assignments(self, name: str, function: _Function, now: float) -> Iterator[Assign]:
        ready = [life for life in self._current(name) if life.phase is Phase.READY]  # In the order of their starts.
        for life in ready:
            if not function.waiting:
                return
            life.take(Step.ASSIGN, now)
            yield Assign(life.environment, function.waiting.popleft()[0])

    def _starts(self, name: str, function: _Function, now: float) -> Iterator[Start | End]:
        starting = self._starting(name)
        while starting < len(function.waiting):
            first = not any(True for _ in self._current(name))
            waited_enough = now >= function.waiting[starting][1] + self._limits.grow_after_s
            if not first and not waited_enough:
                return
            if self._busy_inits(now) >= self._limits.concurrent_inits:
                return
            if len(self._lives) >= self._limits.max_environments:
                if any(life.phase is Phase.ENDED for life in self._lives.values()):
                    return
                victim = self._victim(name, now, only_rested=not first)
                if victim is not None:
                    victim.take(Step.END, now)
                    yield End(victim.environment)
                    return
                if not first or not waited_enough:
                    return
            life = Lifecycle(self._identify(), name, function.revision, now)
            self._lives[life.environment] = life
            starting += 1
            yield Start(life.environment, name, function.waiting[starting - 1][0])

    def _victim(self, function: str, now: float, only_rested: bool) -> Lifecycle | None:
        """The idle environment that makes room: of a function with several before an only one."""
        idle = sorted(
            (life for life in self._lives.values() if life.phase is Phase.READY and life.function != function),
            key=lambda life: life.since,
        )
        for life in idle:
            if sum(1 for _ in self._current(life.function)) > 1:
                return life
        rested = [life for life in idle if not only_rested or now - life.since >= self._limits.settling_s]
        return rested[0] if rested else None

    def _current(self, function: str) -> Iterator[Lifecycle]:
        """The function's environments that can serve its current revision, sooner or later."""
        revision = self._functions[function].revision
        return (
            life
            for life in self._lives.values()
            if life.function == function and life.revision == revision and life.phase is not Phase.ENDED
        )

    def _starting(self, function: str) -> int:
        return sum(1 for life in self._current(function) if life.phase is Phase.INIT)

    def _busy_inits(self, now: float) -> int:
        return sum(
            1
            for life in self._lives.values()
            if life.phase is Phase.INIT and now - life.since < self._limits.settling_s
        )

    def _waiting_longest(self) -> list[tuple[str, _Function]]:
        waiting = [(name, function) for name, function in self._functions.items() if function.waiting]
        return sorted(waiting, key=lambda pair: pair[1].waiting[0][1])

    def _forget_if_unused(self, name: str) -> None:
        used = any(life.function == name for life in self._lives.values())
        if not used and not self._functions[name].waiting:
            del self._functions[name]
