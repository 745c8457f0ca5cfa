"""The command line: serve, run, env, status, stop.

Bad input ends with one sentence on standard error and exit status 2.
"""

from __future__ import annotations

import gc
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import click

from localstage.environment import changes_for
from localstage.launcher import LocalStage, NotStarted
from localstage.running import run_command
from localstage.settings import Settings, options
from localstage.state import RunningEmulator, note_path, running_emulators, status_of

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h)?$")
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}


class Duration(click.ParamType):
    """A time such as ``20s``, ``10m``, ``2h`` or a number of seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _DURATION.match(str(value))
        if match is None:
            self.fail(f"{value!r} is not a time; write it as 20s, 10m or 2h.", param, ctx)
        return float(match.group(1)) * _UNITS_S[match.group(2)]


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
        return {"type": click.IntRange(0, 65535), "default": default, "show_default": True if default else "any"}
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


def _settings(chosen: dict[str, Any]) -> Settings:
    """The settings that the options of a command give; ends the program where they contradict each other."""
    paced = click.get_current_context().get_parameter_source("pace") is click.core.ParameterSource.COMMANDLINE
    if paced and not chosen["like_aws"]:
        _complain("--pace is for --like-aws only: without it nothing is delayed.")
    return Settings(**chosen)


_port_option = click.option("--port", type=click.IntRange(1, 65535), default=None, help="Which one, if several run.")
_as_aws_option = click.option(
    "--as-aws", is_flag=True, help="Set no AWS_ENDPOINT_URL: only the proxy and CA variables."
)


@click.group()
def main() -> None:
    """localstage stands where AWS stands, for WebSocket APIs on your own machine."""


@main.command()
@settings_options()
@click.option("--work-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), hidden=True)
@click.option("--owned", is_flag=True, hidden=True)
def serve(work_dir: Path | None, owned: bool, **chosen: Any) -> None:
    """Run localstage until Ctrl-C or SIGTERM."""
    gc.disable()  # What is loaded now lives as long as the process; serving.py enables it.
    from localstage import serving

    sys.exit(serving.serve(_settings(chosen), work_dir, owned))


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@settings_options(port=0)
@_as_aws_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(as_aws: bool, command: tuple[str, ...], **chosen: Any) -> None:
    """Run COMMAND with a fresh localstage in AWS's place; its exit status is ours."""
    try:
        sys.exit(run_command(LocalStage(_settings(chosen)), list(command), as_aws))
    except NotStarted as error:
        _complain(str(error).removeprefix("localstage: "))


@main.command()
@_port_option
@_as_aws_option
def env(port: int | None, as_aws: bool) -> None:
    """Print shell exports that make programs reach the running localstage: eval "$(localstage env)"."""
    changes = changes_for(_the_running_one(port).access, os.environ, as_aws)
    for name in changes.removals:
        click.echo(f"unset {name}")
    for name, value in changes.settings.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
@_port_option
def status(port: int | None) -> None:
    """Say where localstage runs and what it does; exit status 1 if it does not run."""
    found = [one for one in running_emulators() if port in (None, one.port)]
    if not found:
        click.echo("localstage is not running.")
        sys.exit(1)
    for emulator in found:
        try:
            facts = status_of(emulator)
            click.echo(
                f"{emulator.access.url} (pid {emulator.pid}, {facts['region']}): {facts['connections']} connections, "
                f"{facts['environments']} execution environments"
            )
        except OSError as error:
            click.echo(f"{emulator.access.url} (pid {emulator.pid}) does not answer: {error}")
            sys.exit(1)


@main.command()
@_port_option
def stop(port: int | None) -> None:
    """End the running localstage and wait until it is gone."""
    emulator = _the_running_one(port)
    _check_that_it_is(emulator)
    os.kill(emulator.pid, signal.SIGTERM)
    if not _gone_within(emulator, 20):
        _complain(f"It did not end within 20 seconds (pid {emulator.pid} at {emulator.access.url}); end it by its pid.")
    click.echo(f"localstage at {emulator.access.url} has ended.")


def _the_running_one(port: int | None) -> RunningEmulator:
    found = [one for one in running_emulators() if port in (None, one.port)]
    if not found:
        where = f" on port {port}" if port else ""
        _complain(f"It is not running{where}; start it with: localstage serve")
    if len(found) > 1:
        _complain(f"Several run (ports {', '.join(str(one.port) for one in found)}); choose one with --port.")
    return found[0]


def _check_that_it_is(emulator: RunningEmulator) -> None:
    """A note may outlive its process, and the pid may be a stranger's by now: only what answers is signalled."""
    try:
        answers = status_of(emulator)["pid"] == emulator.pid
    except OSError:
        answers = False
    if not answers:
        _complain(
            f"What is noted at {emulator.access.url} (pid {emulator.pid}) does not answer there as localstage, "
            f"so nothing was ended; if that process is not localstage, delete {note_path(emulator.port)}."
        )


def _gone_within(emulator: RunningEmulator, seconds: float) -> bool:
    """Waits for its note to go, which it removes last; a killed one's goes by our looking."""
    deadline, never = time.monotonic() + seconds, Event()
    while note_path(emulator.port).exists() and any(one.pid == emulator.pid for one in running_emulators()):
        if time.monotonic() > deadline:
            return False
        never.wait(0.05)
    return True


def _complain(sentence: str) -> None:
    click.echo(f"localstage: {sentence}", err=True)
    sys.exit(2)
