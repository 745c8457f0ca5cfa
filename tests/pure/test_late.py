"""What --late delays is still there in localstage, and the delays are as they say."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.late import sitecustomize, variables

ROWS = [(place, where, how) for place, where, how in sitecustomize.PLACES]


@pytest.mark.parametrize(("place", "where", "how"), ROWS, ids=[where for _, where, _ in ROWS])
def test_place_when_localstage_is_asked_for_it(place: str, where: str, how: Callable[..., Any]):
    """localstage has what the table wraps, and who calls it gets what it got before: a coroutine, or none."""
    owner, name = sitecustomize.find(where)
    original = vars(owner)[name]
    late = how(place, original)
    assert inspect.iscoroutinefunction(late) == inspect.iscoroutinefunction(original)
    assert 0 < sitecustomize.SHARES[place] <= 0.5


@pytest.mark.parametrize("where", sitecustomize.USED)
def test_place_when_a_wrap_uses_it(where: str):
    """localstage has what the wraps use besides."""
    sitecustomize.find(where)


@pytest.mark.parametrize(
    "where", ["localstage.gone:x", "localstage.stacks.driver:Gone._later", "localstage.stacks.driver:Driver._gone"]
)
def test_place_when_localstage_has_another_name_for_it(where: str):
    """What is gone is named in one sentence."""
    with pytest.raises(sitecustomize.NoSuchPlace) as told:
        sitecustomize.find(where)
    assert str(told.value).startswith(f"localstage has no {where} any more: give its row in ")


def waits(seed: str, place: str, share: float = 0.2) -> list[float]:
    """The first thousand waits of a place."""
    draws = sitecustomize.Draws(seed)
    return [draws.next(place, share) for _ in range(1000)]


def test_waits_when_they_are_drawn():
    """A seed gives each place waits of its own, most of them none, some of them long."""
    drawn = waits("7", "a frame is written")
    assert drawn == waits("7", "a frame is written") != waits("8", "a frame is written")
    assert drawn != waits("7", "log lines are kept")
    assert 700 < drawn.count(0) < 900
    assert 0.25 < max(drawn) <= sitecustomize.LONGEST_S


def test_variables_when_a_place_to_import_from_is_named(monkeypatch: pytest.MonkeyPatch):
    """The folder comes first, once, and what was there stays."""
    monkeypatch.setenv("PYTHONPATH", "/home/ann/lib")
    monkeypatch.setenv("PYTHONPATH", variables("7")["PYTHONPATH"])
    path = variables("8")["PYTHONPATH"].split(":")
    assert path == [str(Path(sitecustomize.__file__).parent), "/home/ann/lib"]


class Waits:
    """A lateness that a test sets, and ends in whatever order it likes."""

    def __init__(self, *pauses_s: float):
        self._pauses_s = list(pauses_s)
        self.held: list[Callable[[], None]] = []

    def next(self, place: str) -> float:
        return self._pauses_s.pop(0)

    def hold(self, pause_s: float, call: Callable[..., None], *arguments: Any) -> None:
        self.held.append(lambda: call(*arguments))


def test_lines_when_the_later_ones_are_due_first(monkeypatch: pytest.MonkeyPatch):
    """Lines keep their order, whichever of them waits for how long; those of another object do not wait for them."""
    monkeypatch.setattr(sitecustomize, "LATENESS", lateness := Waits(0.2, 0, 0.1, 0))
    kept: list[str] = []
    put = sitecustomize.taken_in_turn("log lines are kept", lambda self, line: kept.append(line))
    one, other = SimpleNamespace(), SimpleNamespace()
    for whose, line in ((one, "first"), (one, "second"), (one, "third"), (other, "another's")):
        put(whose, line)
    assert kept == ["another's"]
    first, third = lateness.held
    third()
    assert kept == ["another's"]
    first()
    assert kept == ["another's", "first", "second", "third"]


class Socket:
    """As much of a WebSocket as the wrap of ``send_text`` knows."""

    def __init__(self) -> None:
        self._unwritten: list[str] = []
        self.written: list[str] = []

    def send_text(self, text: str) -> None:
        self._unwritten.append(text)
        self._flush()

    def _flush(self) -> None:
        self.written += self._unwritten
        self._unwritten.clear()


def test_frame_when_another_is_written_before_it(monkeypatch: pytest.MonkeyPatch):
    """A late frame is written before whatever comes after it, and once."""
    monkeypatch.setattr(sitecustomize, "LATENESS", lateness := Waits(0.2, 0, 0.1))
    monkeypatch.setattr(Socket, "send_text", sitecustomize.written_late("a frame is written", Socket.send_text))
    socket = Socket()
    socket.send_text("first")
    assert socket.written == []
    socket.send_text("second")
    socket.send_text("third")
    assert socket.written == ["first", "second"]
    for write in lateness.held:
        write()
    assert socket.written == ["first", "second", "third"]
