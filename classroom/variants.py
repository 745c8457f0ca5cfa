"""The five write-ups that the course is made from: which they are, and how to deploy one.

Each is a template in ``cloudformation/variants/`` and a stack of its own,
``lab-s2`` for s2, whose name begins all its names. ``comparison`` measures
them. ``python -m classroom.variants`` does both from a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

from . import api, stack
from .account import Account
from .errors import OneSentence
from .target import ask_once, enter


class NoSuchVariant(OneSentence, LookupError):
    """There is no variant of that name."""


@dataclass(frozen=True)
class Variant:
    """One write-up. ``send`` is the route key of chat messages: route keys are case-sensitive."""

    name: str
    title: str
    template: str
    send: str = "sendMessage"


VARIANTS = (
    Variant("s0", "one function, two modules", "variants/s0-one-function.yaml"),
    Variant("s1", "three functions, one table", "variants/s1-three-functions.yaml"),
    Variant("s2", "sessions, history, a page", "variants/s2-sessions.yaml", send="sendmessage"),
    Variant("s3", "a CloudFormation stack", "variants/s3-cloudformation.yaml"),
    Variant("s4", "Python and SAM", "variants/s4-sam.yaml"),
)


def variant(name: str) -> Variant:
    """The variant of a name such as s2. Raises ``NoSuchVariant``."""
    for known in VARIANTS:
        if known.name == name:
            return known
    raise NoSuchVariant(f"There is no variant {name!r}; there are: {', '.join(known.name for known in VARIANTS)}.")


def stack_name(account: Account, name: str) -> str:
    """The name of a variant's stack, which begins all its names: ``lab-s2``."""
    return account.name(variant(name).name)


def deploy(account: Account, name: str, parameters: Mapping[str, str] | None = None) -> str:
    """Create or update a variant's stack and wait for it; the WebSocket URL. Raises ``StackFailed``."""
    bucket, key = stack.upload_handlers(account)
    given = {"Prefix": stack_name(account, name), "CodeBucket": bucket, "CodeKey": key, **(parameters or {})}
    url = stack.deploy(account, stack_name(account, name), variant(name).template, given)["WebSocketUrl"]
    api.settle(account, url)
    return url


def remove(account: Account, name: str) -> None:
    """Delete a variant's stack and wait until it is gone; harmless when there is none."""
    stack.remove(account, stack_name(account, name))


@click.group()
def main() -> None:
    """The five source write-ups. CHAT_TARGET, CHAT_PREFIX and CHAT_REGION say where."""


@main.command("list")
def list_() -> None:
    """Show the variants."""
    for known in VARIANTS:
        click.echo(f"{known.name}  {known.title:30}  cloudformation/{known.template}")


@main.command("deploy")
@click.argument("name")
def deploy_(name: str) -> None:
    """Create or update the stack of the variant NAME and show its address."""
    click.echo(deploy(_account(f"This makes the stack of the variant {variant(name).name}."), name))


@main.command("remove")
@click.argument("name")
def remove_(name: str) -> None:
    """Delete the stack of the variant NAME."""
    remove(_account(f"This deletes the stack of the variant {variant(name).name}."), name)


@main.command("compare")
def compare_() -> None:
    """Deploy each variant, chat in it, delete it, and show what was measured."""
    from .comparison import compare, table

    click.echo(table(compare(_account("This makes and deletes five stacks, one for each variant."))))


def _account(what: str) -> Account:
    target = enter()
    ask_once(target, what)
    return Account(target)


if __name__ == "__main__":
    try:
        main(prog_name="python -m classroom.variants")
    except OneSentence as error:
        raise SystemExit(str(error)) from None
