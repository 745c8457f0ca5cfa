"""The command line: serve, run, env, status, stop.

Bad input ends with one sentence on standard error and exit status 2.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path
from threading import Event

import click

from localstage.environment import changes_for
from localstage.launcher import LocalStage, StageNotStarted
from localstage.running import run_command
from localstage.settings import DEFAULT_PORT, DEFAULT_REGION, Settings
from localstage.state import RunningStage, note_path, running_stages, status_of

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


def stage_options(command):
    """The options that every command which starts a stage has."""
    for option in reversed(
        (
            click.option(
                "--port",
                type=click.IntRange(0, 65535),
                default=None,
                help=f"The loopback port; 0 takes any free one. [serve: {DEFAULT_PORT}, run: any]",
            ),
            click.option("--region", default=DEFAULT_REGION, show_default=True, help="The AWS region."),
            click.option(
                "--idle-timeout",
                type=Duration(),
                default="10m",
                show_default=True,
                help="Close a connection after so long without a message.",
            ),
            click.option(
                "--connection-duration",
                type=Duration(),
                default="2h",
                show_default=True,
                help="Close a connection after so long in any case.",
            ),
            click.option("--no-iam", is_flag=True, help="Evaluate no policies: who has a key may do everything."),
            click.option(
                "--like-aws",
                is_flag=True,
                help="Keep AWS's pace: nothing is ready at once, and calls are throttled now and then.",
            ),
            click.option(
                "--pace",
                type=click.FloatRange(0, min_open=True),
                default=None,
                help="With --like-aws: all its delays times this. [default: 1]",
            ),
            click.option(
                "--pages",
                type=click.Path(path_type=Path, exists=True, file_okay=False),
                help="Serve this folder's files to a browser, under /_localstage/pages/.",
            ),
            click.option(
                "--pages-for-any-host",
                is_flag=True,
                help="Serve pages under any Host header: for a stage behind a proxy with a name of its own.",
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """A local stage stands where AWS stands, for WebSocket APIs on your own machine."""


@main.command()
@stage_options
@click.option("--work-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), hidden=True)
@click.option("--owned", is_flag=True, hidden=True)
def serve(
    port: int | None,
    region: str,
    idle_timeout: float,
    connection_duration: float,
    no_iam: bool,
    like_aws: bool,
    pace: float | None,
    pages: Path | None,
    pages_for_any_host: bool,
    work_dir: Path | None,
    owned: bool,
) -> None:
    """Run a stage until Ctrl-C or SIGTERM."""
    from localstage.serving import serve as serve_stage

    settings = Settings(
        port=DEFAULT_PORT if port is None else port,
        region=region,
        idle_timeout_s=idle_timeout,
        connection_duration_s=connection_duration,
        pace=_factor(like_aws, pace),
        pages=pages,
        pages_for_any_host=pages_for_any_host,
        iam_enforced=not no_iam,
    )
    sys.exit(serve_stage(settings, work_dir, owned))


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@stage_options
@click.option("--as-aws", is_flag=True, help="Set no AWS_ENDPOINT_URL: only the proxy and CA variables.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(
    port: int | None,
    region: str,
    idle_timeout: float,
    connection_duration: float,
    no_iam: bool,
    like_aws: bool,
    pace: float | None,
    pages: Path | None,
    pages_for_any_host: bool,
    as_aws: bool,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND with a fresh stage in AWS's place; its exit status is ours."""
    options = ("--idle-timeout", f"{idle_timeout}s", "--connection-duration", f"{connection_duration}s")
    stage = LocalStage(
        port or 0, region, options, pages, pages_for_any_host, like_aws, _factor(like_aws, pace) or 1.0, iam=not no_iam
    )
    try:
        sys.exit(run_command(stage, list(command), as_aws))
    except StageNotStarted as error:
        _complain(str(error).removeprefix("localstage: "))


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="The stage's port, if several run.")
@click.option("--as-aws", is_flag=True, help="Set no AWS_ENDPOINT_URL: only the proxy and CA variables.")
def env(port: int | None, as_aws: bool) -> None:
    """Print shell exports that make programs reach the running stage: eval "$(localstage env)"."""
    changes = changes_for(_the_stage(port).reach, os.environ, as_aws)
    for name in changes.removals:
        click.echo(f"unset {name}")
    for name, value in changes.settings.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="The stage's port, if several run.")
def status(port: int | None) -> None:
    """Say where the running stage is and what it does; exit status 1 if none runs."""
    found = [s for s in running_stages() if port in (None, s.port)]
    if not found:
        click.echo("No local stage is running.")
        sys.exit(1)
    for stage in found:
        try:
            facts = status_of(stage)
            click.echo(
                f"{stage.reach.url} (pid {stage.pid}, {facts['region']}): {facts['connections']} connections, "
                f"{facts['environments']} execution environments"
            )
        except OSError as error:
            click.echo(f"{stage.reach.url} (pid {stage.pid}) does not answer: {error}")
            sys.exit(1)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="The stage's port, if several run.")
def stop(port: int | None) -> None:
    """End the running stage and wait until it is gone."""
    stage = _the_stage(port)
    _check_that_it_is(stage)
    os.kill(stage.pid, signal.SIGTERM)
    if not _gone_within(stage, 20):
        _complain(f"The stage at {stage.reach.url} (pid {stage.pid}) did not end within 20 seconds; end it by its pid.")
    click.echo(f"The stage at {stage.reach.url} has ended.")


def _factor(like_aws: bool, pace: float | None) -> float | None:
    """What the delays of ``--like-aws`` are multiplied with; None without it."""
    if not like_aws and pace is not None:
        _complain("--pace is for --like-aws only: without it nothing is delayed.")
    return (pace or 1.0) if like_aws else None


def _the_stage(port: int | None) -> RunningStage:
    found = [s for s in running_stages() if port in (None, s.port)]
    if not found:
        where = f" on port {port}" if port else ""
        _complain(f"No local stage is running{where}; start one with: localstage serve")
    if len(found) > 1:
        _complain(f"Several stages run (ports {', '.join(str(s.port) for s in found)}); choose one with --port.")
    return found[0]


def _check_that_it_is(stage: RunningStage) -> None:
    """A note may outlive its process, and the pid may be a stranger's by now: only what answers is signalled."""
    try:
        answers = status_of(stage)["pid"] == stage.pid
    except OSError:
        answers = False
    if not answers:
        _complain(
            f"What is noted at {stage.reach.url} (pid {stage.pid}) does not answer there as localstage, "
            f"so nothing was ended; if that process is not localstage, delete {note_path(stage.port)}."
        )


def _gone_within(stage: RunningStage, seconds: float) -> bool:
    """Waits for the stage's note to go, which a stage removes last; a killed one's goes by our looking."""
    deadline, never = time.monotonic() + seconds, Event()
    while note_path(stage.port).exists() and any(s.pid == stage.pid for s in running_stages()):
        if time.monotonic() > deadline:
            return False
        never.wait(0.05)
    return True


def _complain(sentence: str) -> None:
    click.echo(f"localstage: {sentence}", err=True)
    sys.exit(2)
