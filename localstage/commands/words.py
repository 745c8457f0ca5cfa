"""What the commands share: kinds of options, the emulator that is meant, and one sentence for what is wrong."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from localstage.settings import Settings, options
from localstage.state import RunningEmulator, running_emulators

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h)?$")
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""A color, or a control character that is neither a tab nor the end of a line."""
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}


class Duration(click.ParamType):
    """A time such as ``20s``, ``10m``, ``2h`` or a number of seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _DURATION.match(str(value))
        if match is None:
            self.fail(f"{value!r} is not a time; write it as 20s, 10m or 2h.", param, ctx)
        return float(match.group(1)) * _UNITS_S[match.group(2)]


class PortNumber(click.ParamType):
    """The number of a TCP port, ``least`` or more."""

    name = "port"

    def __init__(self, least: int):
        self._least = least

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and self._least <= int(text) <= 65535):
            self.fail(f"{text!r} is no port; give a number from {self._least} to 65535.", param, ctx)
        return int(text)


def settings_options(**defaults: Any) -> Callable[[F], F]:
    """A decorator: the options of all settings; ``defaults`` are those that this command has instead."""

    def decorate(command: F) -> F:
        for one, name in reversed(list(options())):
            default = defaults.get(one.name, one.default)
            command = click.option(name, one.name, **_shape_of(one.name, default), help=one.metadata["help"])(command)
        return command

    return decorate


def _shape_of(name: str, default: Any) -> dict[str, Any]:
    """How click reads a setting and shows its default."""
    if isinstance(default, bool):
        return {"is_flag": True, "default": False, "callback": lambda _, __, given: given is not default}
    if name == "port":
        return {"type": PortNumber(0), "default": default, "show_default": True if default else "any"}
    if name.endswith("_s"):
        return {"type": Duration(), "default": _duration_text(default), "show_default": True}
    if name == "pace":
        return {"type": click.FloatRange(0, min_open=True), "default": default, "show_default": True}
    if default is None:
        return {"type": click.Path(path_type=Path, exists=name == "pages", file_okay=False), "default": None}
    return {"type": type(default), "default": default, "show_default": True}


def _duration_text(seconds: float) -> str:
    unit = next(unit for unit in ("h", "m", "s") if not seconds % _UNITS_S[unit] or unit == "s")
    return f"{seconds / _UNITS_S[unit]:g}{unit}"


def chosen_settings(chosen: dict[str, Any]) -> Settings:
    """The settings that the options of a command give; ends the program where they contradict each other."""
    paced = click.get_current_context().get_parameter_source("pace") is click.core.ParameterSource.COMMANDLINE
    if paced and not chosen["like_aws"]:
        complain("--pace is for --like-aws only: without it nothing is delayed.")
    return Settings(**chosen)


port_option = click.option("--port", type=PortNumber(1), default=None, help="Which one, if several run.")
as_aws_option = click.option("--as-aws", is_flag=True, help="Set no AWS_ENDPOINT_URL: only the proxy and CA variables.")


def the_running_one(port: int | None) -> RunningEmulator:
    """The emulator that a command means; ends the program where that is none, or not clear."""
    found = meant(port)
    if not found:
        complain(f"It {none_runs(port)} Start it with: localstage serve{f' --port {port}' if port else ''}")
    if len(found) > 1:
        complain(f"Several run (ports {_ports(found)}); choose one with --port.")
    return found[0]


def meant(port: int | None) -> list[RunningEmulator]:
    """The running emulators that a command may mean: that of the port, else of this terminal, else all."""
    running = running_emulators()
    if port is not None:
        return [one for one in running if one.port == port]
    of_terminal = [one for one in running if one.access.url == os.environ.get("LOCALSTAGE_URL")]
    return of_terminal or running


def none_runs(port: int | None) -> str:
    """What to say of localstage where a command finds none; it names those that could have been meant."""
    if port is None:
        return "is not running."
    others = running_emulators()
    beside = f", but on port{'s'[: len(others) > 1]} {_ports(others)}" if others else ""
    return f"is not running on port {port}{beside}."


def _ports(emulators: list[RunningEmulator]) -> str:
    return ", ".join(str(one.port) for one in emulators)


def show(text: str, err: bool = False) -> None:
    """Prints what others may have written: messages, functions' output, templates. On a terminal it only shows.

    Anybody who may send a message to a chat could otherwise move the cursor, hide lines or
    write the clipboard of who looks at the log. Colors stay; a pipe gets every byte.
    """
    is_shown = (sys.stderr if err else sys.stdout).isatty()
    click.echo(_CONTROL.sub(_written_out, text) + "\x1b[0m" * ("\x1b[" in text) if is_shown else text, err=err)


def _written_out(control: re.Match[str]) -> str:
    found = control.group()
    return found if found.endswith("m") else f"\\x{ord(found):02x}"


def complain(sentence: str, status: int = 2) -> NoReturn:
    """Ends the program with one sentence on standard error."""
    show(f"localstage: {sentence}", err=True)
    sys.exit(status)
