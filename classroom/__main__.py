"""The classroom's commands, which ``course.py`` starts in the course's environment.

    python -m classroom check          whether a class can be held on the target live
    python -m classroom progress [--class FOLDER] [--json] [--junit]   which exercises are done
    python -m classroom clean [--yes]  delete what the course has made for this prefix
    python -m classroom variants …     deploy, compare and remove the five source write-ups
    python -m classroom name-deployment FILE …   name a template's deployment after its routes
    python -m classroom packages       a folder for each function, which SAM packs

They obey ``CHAT_TARGET``, ``CHAT_PREFIX`` and ``CHAT_REGION``. Exit status 0:
done; 1: something is missing or left; 2: bad input, or no AWS to ask.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from classroom.account.account import Account
from classroom.account.guard import has_ended
from classroom.account.target import enter, target_name
from classroom.errors import OneSentence
from classroom.exercises.progress import FILE, read
from classroom.exercises.report import Report, class_reports, class_table, junit_of
from classroom.my_chat.folder import default_path
from classroom.operations import readiness
from classroom.operations.cleanup import Resource, SomethingIsLeft, clean_up, find_ours
from classroom.operations.template_commands import name_deployment, packages_, variants_
from localstage.environment import changes_for
from localstage.state import running_emulators


class _OneSentenceGroup(click.Group):
    """A group whose commands end with one sentence and status 2 when AWS or the input is not as it must be."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SomethingIsLeft as error:
            _complain(str(error), 1)
        except OneSentence as error:
            _complain(str(error), 2)
        except (ClientError, BotoCoreError) as error:
            _complain(f"AWS refused: {error}", 2)


@click.group(cls=_OneSentenceGroup)
def main() -> None:
    """What the course does with an AWS account outside its notebooks."""


main.add_command(variants_)
main.add_command(name_deployment)
main.add_command(packages_)


@main.command(short_help="Look whether the AWS account can hold a class.")
def check() -> None:
    """Look whether a class can be held in the AWS account; change nothing."""
    os.environ["CHAT_TARGET"] = "live"
    account = Account(enter())
    identity = boto3.client("sts").get_caller_identity()["Arn"]
    words = []
    for fact in readiness.facts(account, identity):
        click.echo(str(fact))
        words.append(fact.word)
    sys.exit(1 if "not ok" in words else 0)


@main.command(short_help="Show which exercises are done.")
@click.option(
    "--class", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A class's files."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--junit", is_flag=True, help="Print JUnit's XML.")
def progress(folder: Path | None, as_json: bool, junit: bool) -> None:
    """Show which exercises are done: the learner's own, or one table of a class.

    A class's folder holds one file for each learner: NAME.json, or NAME/progress.json.
    """
    reports = class_reports(folder) if folder else [("", Report.of(read(default_path() / FILE)))]
    if junit:
        click.echo(junit_of(reports))
    elif as_json:
        click.echo(json.dumps([report.facts(name) for name, report in reports], indent=1, ensure_ascii=False))
    else:
        click.echo(repr(reports[0][1]) if folder is None else class_table(reports))


@main.command(short_help="Delete what the course has made under the prefix.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
def clean(yes: bool) -> None:
    """Delete everything of the course whose name begins with the prefix, in whatever state it is."""
    if target_name(os.environ) == "moto":
        of_terminal = os.environ.get("LOCALSTAGE_URL", "")
        if of_terminal and has_ended(of_terminal):
            click.echo(f"The localstage of this terminal ({of_terminal}) has ended, and it kept nothing: 0 left.")
            return
        if not of_terminal and not _join_localstage():
            click.echo("localstage is not running, and it keeps nothing when it ends: 0 left.")
            return
    account = Account(enter())
    found = find_ours(account)
    click.echo(f"In {account.target}: {len(found)} things of the course.")
    for resource in found:
        click.echo(f"  {resource.kind} {resource.name}")
    if not found:
        click.echo("0 left.")
        return
    if not yes and not _agreed(len(found)):
        _complain("nothing was deleted, because the answer was not yes; --yes agrees beforehand.", 2)
    clean_up(account, _say)
    click.echo(f"{len(find_ours(account))} left.")


def _say(resource: Resource, reason: str) -> None:
    click.echo(
        f"  waiting: {resource.kind} {resource.name}: {reason}"
        if reason
        else f"  deleted {resource.kind} {resource.name}"
    )


def _join_localstage() -> bool:
    """Make this process reach the one running localstage; False if none runs."""
    running = running_emulators()
    if len(running) > 1:
        ports = ", ".join(str(one.port) for one in running)
        _complain(
            f"several localstages are running (ports {ports}): in a terminal of the one you mean, run "
            'eval "$(localstage env --port PORT)" first.',
            2,
        )
    if running:
        changes = changes_for(running[0].access, os.environ, as_aws=False)
        for name in changes.removals:
            os.environ.pop(name, None)
        os.environ.update(changes.settings)
    return bool(running)


def _agreed(count: int) -> bool:
    try:
        return input(f"Type yes to delete {count} things: ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _complain(sentence: str, status: int) -> None:
    click.echo(f"classroom: {sentence}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main(prog_name="python -m classroom")
