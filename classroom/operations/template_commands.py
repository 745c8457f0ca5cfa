"""The commands about templates: ``python -m classroom variants …``, ``name-deployment …`` and ``packages``.

Words to and from a terminal; the work is done in ``variants``, ``comparison``,
``deployment_name`` and ``packages``. On moto they join the localstage of ``LOCALSTAGE_URL``.
"""

from __future__ import annotations

from pathlib import Path

import click

from classroom.account.account import Account
from classroom.account.deployment_name import routes_hash, stamped
from classroom.account.packages import unpack_functions
from classroom.account.stack import ROOT
from classroom.account.target import ask_for_consent, enter
from classroom.labs.comparison import compare, table
from classroom.labs.variants import MENDED, VARIANTS, deploy, remove, variant


@click.group("variants")
def variants_() -> None:
    """The five write-ups that the course is made from."""


@variants_.command("list")
def list_() -> None:
    """Show the variants."""
    for known in VARIANTS:
        click.echo(f"{known.name}  {known.title:30}  cloudformation/{known.template}")


_form = click.option("--form", default=MENDED, show_default=True, help="published or mended; s2 has let-in, too.")


@variants_.command("deploy")
@click.argument("name")
@_form
def deploy_(name: str, form: str) -> None:
    """Create or update the stack of the variant NAME and show its address."""
    what = f"This makes a stack of the variant {variant(name).name}."
    click.echo(deploy(_account(what), name, form)["WebSocketUrl"])


@variants_.command("remove")
@click.argument("name")
@_form
def remove_(name: str, form: str) -> None:
    """Delete the stack of the variant NAME."""
    remove(_account(f"This deletes a stack of the variant {variant(name).name}."), name, form)


@variants_.command("compare")
def compare_() -> None:
    """Deploy each variant as published and as mended, chat in it, delete it, and show what was measured."""
    count = sum(len(known.forms) for known in VARIANTS)
    click.echo(table(compare(_account(f"This makes and deletes {count} stacks, one for each form of each variant."))))


@click.command("name-deployment", short_help="Name the deployment in templates after its routes.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def name_deployment(files: tuple[Path, ...]) -> None:
    """Name the deployment in each template FILE after its routes, where the name is out of date."""
    for path in files:
        before = path.read_text("utf-8")
        after = stamped(before)
        if after != before:
            path.write_text(after, "utf-8")
        click.echo(f"{path}: {'renamed to' if after != before else 'is'} Deployment{routes_hash(after)}")


@click.command("packages", short_help="Make a folder for each function, for SAM.")
@click.argument("folder", default=ROOT / "packages", type=click.Path(file_okay=False, path_type=Path))
def packages_(folder: Path) -> None:
    """Make a folder for each function in FOLDER, packages/ unless given, where cloudformation/template.yaml has them."""
    for name in unpack_functions(folder):
        click.echo(f"{folder / name}")


def _account(what: str) -> Account:
    target = enter()
    ask_for_consent(target, what)
    return Account(target)
