"""Delays at random in an emulator, put there from outside: localstage itself has none of it.

Python imports a module of this name at its start, wherever ``PYTHONPATH`` has this folder; with ``LATE_SEED``
it wraps what ``PLACES`` names as soon as it is imported. Each place has draws of its own, which the seed gives,
so a place waits alike whatever the others do. Late is what may be so on a busy machine, or on AWS, which promises
nothing of when a log line can be read; lines of one log and frames of one socket keep their order.
``LATE_NOTES`` names a file that gets a line for each draw. Most processes are no emulators: nothing is imported
here before it is needed.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from importlib import import_module
from importlib.machinery import PathFinder

LONGEST_S = 0.3


class NoSuchPlace(Exception):
    """localstage has been changed, and the table has not."""

    def __init__(self, where: str):
        super().__init__(f"localstage has no {where} any more: give its row in {__file__} the new name.")


class Draws:
    """How long each place waits: most times not at all, else up to ``LONGEST_S``."""

    def __init__(self, seed: str):
        self._seed = seed
        self._chances = {}

    def next(self, place: str, share: float) -> float:
        """The next wait, in seconds, of a place that waits in this share of all cases."""
        from random import Random

        chance = self._chances.setdefault(place, Random(f"{self._seed} {place}"))
        waits, length = chance.random() < share, chance.random()
        return round(length * LONGEST_S, 3) if waits else 0.0


class Lateness:
    """This process's draws, None while nothing is late, and how many things wait."""

    draws = None
    waiting = 0

    def next(self, place: str) -> float:
        """The next wait of a place, noted if there is a file for it."""
        if self.draws is None:
            return 0.0
        pause_s = self.draws.next(place, SHARES[place])
        notes = os.environ.get("LATE_NOTES")
        if notes:
            file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{place}: {pause_s}\n".encode())
            os.close(file)
        return pause_s

    async def pause(self, pause_s: float) -> None:
        """Waits on the event loop, if at all."""
        import asyncio

        if not pause_s:
            return
        self.waiting += 1
        try:
            await asyncio.sleep(pause_s)
        finally:
            self.waiting -= 1

    def hold(self, pause_s: float, call, *arguments) -> None:
        """Makes a call on the event loop later."""
        import asyncio

        def make() -> None:
            self.waiting -= 1
            call(*arguments)

        self.waiting += 1
        asyncio.get_running_loop().call_later(pause_s, make)


LATENESS = Lateness()


def begins_late(place, original):
    """A coroutine function waits before it begins."""

    @functools.wraps(original)
    async def late(*arguments, **named):
        await LATENESS.pause(LATENESS.next(place))
        return await original(*arguments, **named)

    return late


def returns_late(place, original):
    """A coroutine function waits before it returns; one that raises does not."""

    @functools.wraps(original)
    async def late(*arguments, **named):
        result = await original(*arguments, **named)
        await LATENESS.pause(LATENESS.next(place))
        return result

    return late


def given_late(place, original):
    """What a function has given to be awaited comes late."""

    async def later(given, pause_s):
        result = await given
        await LATENESS.pause(pause_s)
        return result

    @functools.wraps(original)
    def late(*arguments):
        given, pause_s = original(*arguments), LATENESS.next(place)
        return later(given, pause_s) if pause_s and hasattr(given, "__await__") else given

    return late


def called_late(place, original):
    """A function that returns nothing is called later, by the event loop."""

    @functools.wraps(original)
    def late(*arguments):
        pause_s = LATENESS.next(place)
        if pause_s:
            LATENESS.hold(pause_s, original, *arguments)
        else:
            original(*arguments)

    return late


def taken_in_turn(place, original):
    """A method that returns nothing is called later, but never before an earlier call for the same object."""

    @functools.wraps(original)
    def late(self, *arguments):
        queue = vars(self).setdefault("_late_calls", [])
        pause_s = LATENESS.next(place)
        entry = [functools.partial(original, self, *arguments), False]
        queue.append(entry)

        def make_due() -> None:
            entry[1] = True
            while queue and queue[0][1]:
                queue.pop(0)[0]()

        if pause_s:
            LATENESS.hold(pause_s, make_due)
        else:
            make_due()

    return late


def written_late(place, original):
    """A frame waits to be written, until anything else is written to its socket."""

    @functools.wraps(original)
    def late(self, *arguments):
        pause_s = LATENESS.next(place)
        if pause_s:
            self._flush = lambda: LATENESS.hold(pause_s, type(self)._flush, self)
        try:
            original(self, *arguments)
        finally:
            vars(self).pop("_flush", None)

    return late


def done_late(place, original):
    """The thread that calls a function waits before it does."""

    @functools.wraps(original)
    def late(*arguments):
        time.sleep(LATENESS.next(place))
        return original(*arguments)

    return late


SHARES = {
    "an environment starts": 0.2,
    "a function gets its invocation": 0.2,
    "a function's answer is taken": 0.2,
    "an environment's end is noticed": 0.2,
    "log lines are kept": 0.15,
    "a frame is written": 0.2,
    "$connect is answered": 0.25,
    "a stack goes on": 0.3,
    "an account call is done": 0.05,
}
"""Each place, and in which share of all cases something waits there."""
PLACES = (
    ("an environment starts", "localstage.functions.launch:Launcher.start", begins_late),
    ("a function gets its invocation", "localstage.functions.runtime_api:_next", given_late),
    ("a function's answer is taken", "localstage.functions.runtime_api:_posted", begins_late),
    ("an environment's end is noticed", "localstage.functions.child_process:ChildProcess.process_exited", called_late),
    ("log lines are kept", "localstage.status.activity:Activity.put", taken_in_turn),
    ("log lines are kept", "localstage.status.activity:Activity.record_event", taken_in_turn),
    ("log lines are kept", "localstage.status.activity:Activity.record_execution", taken_in_turn),
    ("a frame is written", "localstage.gateway.socket:WebSocket.send_text", written_late),
    ("$connect is answered", "localstage.gateway.executions:Executions.connect", returns_late),
    ("a stack goes on", "localstage.stacks.driver:Driver._later", called_late),
    ("an account call is done", "localstage.door.account_thread:AccountThread._do", done_late),
)
"""What is wrapped there, and how."""
USED = ("localstage.gateway.socket:WebSocket._flush",)
"""What the wraps themselves use of localstage's."""


def find(where: str):
    """The module or class that has what ``where`` names, and its name there. Raises NoSuchPlace."""
    module, _, path = where.partition(":")
    *classes, name = path.split(".")
    try:
        owner = sys.modules.get(module) or import_module(module)
    except ModuleNotFoundError:
        raise NoSuchPlace(where) from None
    for step in classes:
        owner = getattr(owner, step, None)
    if name not in vars(owner or object):
        raise NoSuchPlace(where)
    return owner, name


def wrap(module: str) -> None:
    """Makes late what the table names of a module that has been imported. Raises NoSuchPlace."""
    for where in USED:
        if where.startswith(f"{module}:"):
            find(where)
    for place, where, how in PLACES:
        if where.startswith(f"{module}:"):
            owner, name = find(where)
            setattr(owner, name, how(place, vars(owner)[name]))


class _WrapsWhatIsImported:
    """Among the finders of modules, the first: finds those of the table as ever, and wraps what they have."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not any(where.startswith(f"{name}:") for _, where, _ in PLACES):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_wrap(module) -> None:
                execute(module)
                wrap(name)

            spec.loader.exec_module = execute_and_wrap
        return spec


def install() -> None:
    """Makes late what this process has imported of the table, and what it will import. Idempotent."""
    if _WrapsWhatIsImported in sys.meta_path:
        return
    sys.meta_path.insert(0, _WrapsWhatIsImported)
    for module in {where.partition(":")[0] for _, where, _ in PLACES} & set(sys.modules):
        wrap(module)


def begin(seed) -> None:
    """Draws by this seed from now on; None: nothing is late any more."""
    LATENESS.draws = None if seed is None else Draws(seed)


if __name__ == "sitecustomize":
    sys.modules["tests.late.sitecustomize"] = sys.modules[__name__]  # Whoever imports it from there gets this one.
    if "LATE_SEED" in os.environ:
        install()
        begin(os.environ["LATE_SEED"])
