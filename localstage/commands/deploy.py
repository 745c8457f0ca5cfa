"""deploy: a template with its local code on localstage, followed until Ctrl-C, and deployed again as files change."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localstage.commands.logs import Feed, hints_of, lines_of
from localstage.commands.words import complain, meant, none_runs, port_option, show, the_running_one
from localstage.environment import Access
from localstage.hints import hint_for
from localstage.launcher import LocalStage, NotStarted
from localstage.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from localstage.project.deployment import Deployment, SamConfig, StackEvent
    from localstage.sessions import StageSession

NAMES = ("template.yaml", "template.yml", "template.json")
_LOOK_S = 0.15
_LONG_S = 20.0
_PARAMETER = re.compile(r"\s+(?=[A-Za-z0-9]+=)")


@click.command(short_help="Deploy a SAM or CloudFormation template with its code.")
@click.argument("template", required=False, type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Deploy again whenever the template or its code changes.")
@click.option(
    "--follow/--no-follow", default=True, show_default=True, help="Show events and functions' output until Ctrl-C."
)
@click.option("--stack-name", default=None, help="The stack's name; by default samconfig.toml's, or the folder's.")
@click.option(
    "--parameter",
    "-p",
    "--parameter-overrides",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter's value.",
)
@click.option("--capabilities", multiple=True, metavar="NAME", help="Acknowledge this one only; by default all three.")
@port_option
def deploy(
    template: Path | None,
    watch: bool,
    follow: bool,
    stack_name: str | None,
    parameters: tuple[str, ...],
    capabilities: tuple[str, ...],
    port: int | None,
) -> None:
    """Deploy TEMPLATE, SAM or plain CloudFormation, with the local code that it names.

    TEMPLATE is a file or a folder; by default it is template.yaml here. Without
    a running localstage one is started, which ends with this command.
    """
    from botocore.exceptions import BotoCoreError

    path = _template(template)
    configured, own_name = _configured(path)
    given = dict(_parameter(word) for words in parameters for word in _PARAMETER.split(words.strip()))
    name, values = stack_name or configured.stack_name or own_name, {**configured.parameters, **given}
    try:
        with _access(port, ends_at_once=not (follow or watch)) as access:
            from localstage.project.building import Building
            from localstage.project.deployment import CAPABILITIES, Deployment, Wanted
            from localstage.sessions import StageSession

            wanted = Wanted(path, name, values, capabilities or CAPABILITIES, Building(_say).build)
            session = StageSession(access)
            deployment = Deployment(session, wanted, _show_event)
            feed = Feed(access.url)
            feed.skip()
            click.echo(f"Deploying {path} as the stack {wanted.stack_name}")
            deployed = _deploy(deployment, goes_on=watch)
            if deployed:
                for key, value in deployment.outputs().items():
                    show(f"  {key} = {value}")
                _show_addresses(session, access.url, wanted.stack_name)
            if follow or watch:
                _follow(feed, deployment, watch)
    except NotStarted as error:
        complain(str(error).removeprefix("localstage: "))
    except (OSError, BotoCoreError) as error:
        complain(f"localstage has ended, or does not answer: {error}", 1)
    except KeyboardInterrupt:
        return


def _template(given: Path | None) -> Path:
    """The template's file; ends the program where there is none."""
    path = given or Path()
    if path.is_dir():
        found = next((path / name for name in NAMES if (path / name).is_file()), None)
        if found is None and len(synthesised := sorted(path.glob("*.template.json"))) == 1:
            return synthesised[0]
        if found is None:
            complain(f"There is no {NAMES[0]} in {path.resolve()}; name the template: localstage deploy FILE")
        return found
    if not path.is_file():
        complain(f"There is no template {path}.")
    return path


def _configured(template: Path) -> tuple[SamConfig, str]:
    """What samconfig.toml says, and the stack's name where nobody says one; ends the program where they are unreadable."""
    from localstage.project.deployment import read_samconfig, stack_name_of
    from localstage.project.packaging import CannotPackage

    try:
        return read_samconfig(template), stack_name_of(template)
    except CannotPackage as error:
        complain(str(error))


def _parameter(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.isalnum():
        complain(f"{word!r} is no parameter; write it as NAME=VALUE.")
    return name, value.strip("\"'")


@contextmanager
def _access(port: int | None, ends_at_once: bool) -> Iterator[Access]:
    """How to reach the running localstage, or one of our own if none runs."""
    if meant(port):
        yield the_running_one(port).access
        return
    if ends_at_once:
        complain(f"It {none_runs(port)} Start it with: localstage serve (what is deployed ends with it)")
    click.echo("localstage is not running; one is started, which ends with this command.")
    with LocalStage(port=port or (DEFAULT_PORT if _is_free(DEFAULT_PORT) else 0)) as stage:
        yield stage.access


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _deploy(deployment: Deployment, goes_on: bool) -> bool:
    """Deploys and says in what time; whether it worked. Ends the program where it did not, unless it ``goes_on``."""
    from localstage.project.deployment import NotDeployed
    from localstage.project.packaging import CannotPackage

    began = time.monotonic()
    try:
        changed = deployment.deploy()
    except (CannotPackage, NotDeployed) as error:
        hint = hint_for(str(error))
        sentence = f"{error}\nlikely cause: {hint}" if hint else str(error)
        if not goes_on:
            complain(sentence, 1)
        show(click.style(f"Not deployed: {sentence}", fg="red"), err=True)
        return False
    what = f": new code for {', '.join(changed)}" if changed else ""
    click.secho(f"Deployed in {time.monotonic() - began:.2f} s{what}.", fg="green")
    return True


def _follow(feed: Feed, deployment: Deployment, watch: bool) -> None:
    """Shows what happens until Ctrl-C, and deploys what changes in between."""
    from localstage.project.watch import Watch

    seen = Watch(deployment.watched)
    click.echo("Ctrl-C ends this." if not watch else "Watching the template and its code; Ctrl-C ends this.")
    hints: set[str] = set()
    look_s = _LOOK_S
    while True:
        entries = feed.entries(look_s if watch else _LONG_S)
        for line in (*lines_of(entries, platform=False), *hints_of(entries, hints)):
            show(line)
        began = time.monotonic()
        if watch and seen.changed(deployment.watched):
            _deploy(deployment, goes_on=True)
        else:  # A project of very many files is looked at less often: at most a tenth of the time goes there.
            look_s = max(_LOOK_S, 10 * (time.monotonic() - began))


def _show_event(event: StackEvent) -> None:
    if not event.status.endswith("_IN_PROGRESS"):
        reason = f": {event.reason}" if event.reason else ""
        show(f"  {event.status:<16} {event.resource_type:<34} {event.logical_id}{reason}")


def _show_addresses(session: StageSession, url: str, stack_name: str) -> None:
    from localstage.project.deployment import addresses

    for address in addresses(session, url, stack_name):
        click.echo(f"\n{address.api_name}, stage {address.stage}:")
        click.echo(f"  {address.local_url}")
        click.echo(f"  {address.url}  (for programs in localstage's environment)")
        click.echo(f"  try it:  localstage connect {address.local_url}")
    click.echo(f"\nWhat happens is shown at {url}/_localstage/")


def _say(sentence: str) -> None:
    click.echo(f"  {sentence}")
