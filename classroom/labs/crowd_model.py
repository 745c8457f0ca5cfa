"""A queueing model of telling a crowd something: how long until the last has heard it, on any system and in any way.

A message starts one or more invocations. Each goes through its connections with
some workers, and each post takes two steps: processor time of the function, then
an answer of API Gateway; the listener takes a moment, too. A step waits where
others are in front of it:

- an execution environment's processor runs one worker at a time, as Python does, at the share that its memory buys,
- API Gateway takes so many requests a second from an account (a token bucket), and may compute for one request
  after the other, also when it has answered: the frame has to reach the listener, and the metrics have to be counted,
- on one machine all of that, listeners included, shares the machine's processors.

What it leaves out: the start of an execution environment, a second page of the query, and everything else that
the machine has to do.

The simulation goes from event to event; chance has a seed. Pure: it knows no
clock, no socket and no AWS, and what it is told in a ``System`` is all it knows.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from random import Random

FULL_CPU_MB = 1_769
"""AWS: Lambda's guide, "Configure Lambda function memory": a whole virtual processor."""


@dataclass(frozen=True)
class System:
    """Where the chat runs. Times are seconds; a limit of None does not exist."""

    answer_s: float
    """From a post being sent to its answer, with nobody in front."""
    gateway_s: float = 0.0
    """What API Gateway computes for each request, one at a time: before its answer, and after it if that is more."""
    begin_s: float = 0.0
    """From what somebody says to the function's first post: the route, the invocation, the query."""
    give_s: float = 0.0
    """What the first invocation takes to give a part away."""
    part_begin_s: float = 0.0
    """From a part given to its first post, in an invocation of its own."""
    listen_s: float = 0.0
    """What a listener takes of the one process in which all of them are; 0 where each has a machine of its own."""
    tail: float = 0.0
    """The share of ``answer_s`` that varies: exponentially, around its mean."""
    processors: int | None = None
    """Of a machine on which functions and API Gateway run together."""
    rate: float | None = None
    """Requests a second that API Gateway takes in the long run; so many more at once as ``burst`` says."""
    burst: float = 0.0
    environments: int | None = None
    """Invocations that run at the same time. AWS: Lambda quotas, concurrent executions."""


@dataclass(frozen=True)
class Way:
    """How a function goes through a crowd: processor seconds for each post, workers, and connections of one invocation.

    ``answer_s`` is what this way's client waits for an answer, where that is not the system's.
    """

    post_s: float
    workers: int = 1
    part: int | None = None
    memory_mb: int = FULL_CPU_MB
    answer_s: float | None = None


AWS = System(
    answer_s=0.015, tail=0.5, begin_s=0.03, give_s=0.02, part_begin_s=0.05, rate=10_000, burst=5_000, environments=1_000
)
"""AWS in a region with the larger quotas. Rate, burst and environments are written down; the times are assumptions."""


def delivery_s(system: System, way: Way, connections: int, seed: int = 1) -> float:
    """Seconds from what somebody says until the last post is answered and heard."""
    if not connections:
        return 0.0
    run = _Run(system, way, Random(seed))
    size = way.part or connections
    for number, start in enumerate(range(0, connections, size)):
        begin = system.begin_s + ((number + 1) * system.give_s + system.part_begin_s if way.part else 0.0)
        run.at(begin, run.invocation(min(size, connections - start)))
    return run.end()


def growth_s(system: System, way: Way, connections: int) -> float:
    """Seconds that a crowd takes longer than one listener: to be added to what one listener was measured to take."""
    return delivery_s(system, way, connections) - delivery_s(system, way, 1)


def fitted(system: System, way: Way, connections: int, seconds: float) -> System:
    """The system whose ``gateway_s`` makes a crowd take so much longer than one listener; 0 if it takes longer without."""
    low, high = 0.0, 2 * seconds / connections
    for _ in range(20):
        middle = (low + high) / 2
        if growth_s(replace(system, gateway_s=middle), way, connections) < seconds:
            low = middle
        else:
            high = middle
    return replace(system, gateway_s=(low + high) / 2)


def error(modelled: float, measured: float) -> float:
    """How far the model is off, as a share of what was measured: 0.1 is a tenth too much."""
    return modelled / measured - 1


_Step = Callable[["_Run", "_Process"], None]
_Process = Iterator[_Step]


class _Station:
    """So many can be served at once, the others in the order in which they came; None is no limit."""

    def __init__(self, places: int | None):
        self.free = places
        self.waiting: deque[_Process] = deque()

    def enter(self, run: _Run, process: _Process) -> None:
        if self.free == 0:
            self.waiting.append(process)
            return
        if self.free is not None:
            self.free -= 1
        run.at(run.now, process)

    def leave(self, run: _Run) -> None:
        if self.waiting:
            run.at(run.now, self.waiting.popleft())
        elif self.free is not None:
            self.free += 1


class _Run:
    """One message on its way. A process is a generator of steps; each step says when the process goes on."""

    def __init__(self, system: System, way: Way, chance: Random):
        self.now = 0.0
        self._system, self._way, self._chance = system, way, chance
        self._agenda: list[tuple[float, int, _Process]] = []
        self._numbers = count()
        self._machine = _Station(system.processors)
        self._gateway = _Station(1)
        self._environments = _Station(system.environments)
        self._listeners = _Station(1)
        self._ready = -system.burst / system.rate if system.rate else 0.0
        """When the bucket of tokens was, or will be, empty: a token that is taken moves it by 1 / rate."""

    def at(self, moment: float, process: _Process) -> None:
        heapq.heappush(self._agenda, (moment, next(self._numbers), process))

    def end(self) -> float:
        """Run until nothing is left to do; the moment of the last event."""
        while self._agenda:
            self.now, _, process = heapq.heappop(self._agenda)
            step = next(process, None)
            if step is not None:
                step(self, process)
        return self.now

    def invocation(self, posts: int) -> _Process:
        """One invocation with its workers; its environment is free again when the last worker has ended."""
        yield self._environments.enter
        processor, left = _Station(1), [posts]
        workers = min(self._way.workers, posts)
        running = [workers]
        for _ in range(workers):
            self.at(self.now, self._worker(processor, left, running))

    def _worker(self, processor: _Station, left: list[int], running: list[int]) -> _Process:
        share = min(1.0, self._way.memory_mb / FULL_CPU_MB)
        compute = self._way.post_s / share
        while left[0]:
            left[0] -= 1
            yield processor.enter
            yield self._machine.enter
            yield _after(compute)
            self._machine.leave(self)
            processor.leave(self)
            if self._system.rate:
                yield _Run.take_token
            if self._system.gateway_s:
                yield _Run.request
            else:
                yield _after(self._answer_s())
            if self._system.listen_s:
                self.at(self.now, self._listener())
        running[0] -= 1
        if not running[0]:
            self._environments.leave(self)

    def request(self, worker: _Process) -> None:
        """Let API Gateway compute for a post; the worker goes on when it is answered."""
        self.at(self.now, self._request(worker))

    def _request(self, worker: _Process) -> _Process:
        answer, computed = self._answer_s(), self._system.gateway_s
        yield self._gateway.enter
        yield self._machine.enter
        yield _after(min(answer, computed))
        self.at(self.now + max(0.0, answer - computed), worker)
        yield _after(max(0.0, computed - answer))
        self._machine.leave(self)
        self._gateway.leave(self)

    def _listener(self) -> _Process:
        yield self._listeners.enter
        yield self._machine.enter
        yield _after(self._system.listen_s)
        self._machine.leave(self)
        self._listeners.leave(self)

    def _answer_s(self) -> float:
        own, tail = self._way.answer_s, self._system.tail
        mean = self._system.answer_s if own is None else own
        return mean * (1 - tail) + (self._chance.expovariate(1 / (mean * tail)) if mean and tail else 0.0)

    def take_token(self, process: _Process) -> None:
        """Go on when the account has a request left: a post that would be answered 429 waits here instead."""
        assert self._system.rate
        full = self.now - self._system.burst / self._system.rate
        self._ready = max(self._ready, full) + 1 / self._system.rate
        self.at(max(self.now, self._ready), process)


def _after(seconds: float) -> _Step:
    return lambda run, process: run.at(run.now + seconds, process)
