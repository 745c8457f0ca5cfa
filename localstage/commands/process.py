"""serve, run, env, status, stop: the emulator's process, and a program beside it."""

from __future__ import annotations

import gc
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import click

from localstage.commands.words import (
    as_aws_option,
    chosen_settings,
    complain,
    meant,
    none_runs,
    port_option,
    settings_options,
    the_running_one,
)
from localstage.environment import changes_for
from localstage.launcher import LocalStage, NotStarted
from localstage.running import run_command
from localstage.state import RunningEmulator, ask, note_path, running_emulators, status_of


@click.command()
@settings_options()
@click.option("--work-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), hidden=True)
@click.option("--owned", is_flag=True, hidden=True)
def serve(work_dir: Path | None, owned: bool, **chosen: Any) -> None:
    """Run localstage until Ctrl-C or SIGTERM."""
    settings = chosen_settings(chosen)
    if sys.stderr.isatty():  # To load everything takes a second or more; a program waits for the line that it is ready.
        click.echo("localstage is starting …", err=True)
    gc.disable()  # What is loaded now lives as long as the process; serving.py enables it.
    _import_aiohttp()
    from localstage import serving

    sys.exit(serving.serve(settings, work_dir, owned))


def _import_aiohttp() -> None:
    """aiohttp reads all public roots when it is imported, 25 ms and 2 MB, for calls that few stages make; here none.

    Who calls an https endpoint reads them (gateway/http_integration.py).
    """
    named = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    os.environ.update(dict.fromkeys(named, os.devnull))
    try:
        import aiohttp  # noqa: F401
    finally:
        for name, path in named.items():
            if path is None:
                del os.environ[name]
            else:
                os.environ[name] = path


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run a program with a fresh localstage in AWS's place.",
)
@settings_options(port=0)
@as_aws_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(as_aws: bool, command: tuple[str, ...], **chosen: Any) -> None:
    """Run COMMAND with a fresh localstage in AWS's place; its exit status is ours."""
    try:
        sys.exit(run_command(LocalStage(chosen_settings(chosen)), list(command), as_aws))
    except NotStarted as error:
        complain(str(error).removeprefix("localstage: "))


@click.command(short_help="Print shell exports that lead programs to localstage.")
@port_option
@as_aws_option
def env(port: int | None, as_aws: bool) -> None:
    """Print shell exports that make programs reach the running localstage: eval "$(localstage env)"."""
    changes = changes_for(the_running_one(port).access, os.environ, as_aws)
    for name in changes.removals:
        click.echo(f"unset {name}")
    for name, value in changes.settings.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command(short_help="Say where localstage runs and what it does.")
@port_option
def status(port: int | None) -> None:
    """Say where localstage runs, what it does and which stages it serves; exit status 1 if it does not run."""
    found = running_emulators() if port is None else meant(port)
    if not found:
        click.echo(f"localstage {none_runs(port)}")
        sys.exit(1)
    for emulator in found:
        try:
            facts, stages = status_of(emulator), ask(emulator.access.url, "overview")["stages"]
        except OSError as error:
            click.echo(f"{emulator.access.url} (pid {emulator.pid}) does not answer: {error}")
            sys.exit(1)
        click.echo(
            f"{emulator.access.url} (pid {emulator.pid}, {facts['region']}); connections: {facts['connections']}, "
            f"execution environments: {facts['environments']}\n  live: {emulator.access.url}/_localstage/"
        )
        for stage in stages:
            click.echo(f"  {stage['api_name']}, stage {stage['stage']}:\n    {stage['local_url']}\n    {stage['url']}")


@click.command()
@port_option
def stop(port: int | None) -> None:
    """End the running localstage and wait until it is gone."""
    if not meant(port):
        complain(f"It {none_runs(port)} Nothing was ended.", 1)
    emulator = the_running_one(port)
    _check_that_it_is(emulator)
    os.kill(emulator.pid, signal.SIGTERM)
    if not _gone_within(emulator, 20):
        complain(f"It did not end within 20 seconds (pid {emulator.pid} at {emulator.access.url}); end it by its pid.")
    click.echo(f"localstage at {emulator.access.url} has ended.")


def _check_that_it_is(emulator: RunningEmulator) -> None:
    """A note may outlive its process, and the pid may be a stranger's by now: only what answers is signalled."""
    try:
        answers = status_of(emulator)["pid"] == emulator.pid
    except OSError:
        answers = False
    if not answers:
        complain(
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
