"""The five write-ups that the course is made from: which they are, and how to deploy one.

Each is a template in ``cloudformation/variants/`` and a stack of its own,
``lab-s2`` for s2, whose name begins all its names. ``comparison`` measures
them, and ``python -m classroom variants`` does both from a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from classroom.account import api, stack
from classroom.account.account import Account
from classroom.errors import OneSentence

_HANDLERS = ("ConnectHandler", "DisconnectHandler", "SendMessageHandler", "DefaultHandler")


class NoSuchVariant(OneSentence, LookupError):
    """There is no variant of that name."""


@dataclass(frozen=True)
class Variant:
    """One write-up. ``send`` is the route key of chat messages: route keys are case-sensitive."""

    name: str
    title: str
    template: str
    functions: tuple[str, ...]
    send: str = "sendMessage"


VARIANTS = (
    Variant("s0", "one function, two modules", "variants/s0-one-function.yaml", ("chat_handler",)),
    Variant(
        "s1",
        "three functions, one table",
        "variants/s1-three-functions.yaml",
        ("onConnect", "onDisconnect", "sendMessage"),
    ),
    Variant("s2", "sessions, history, a page", "variants/s2-sessions.yaml", _HANDLERS, send="sendmessage"),
    Variant("s3", "a CloudFormation stack", "variants/s3-cloudformation.yaml", _HANDLERS),
    Variant("s4", "Python and SAM", "variants/s4-sam.yaml", ("connect", "disconnect", "message")),
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
    bucket, key = stack.upload_handlers(account, subfolders=True)
    given = {"Prefix": stack_name(account, name), "CodeBucket": bucket, "CodeKey": key, **(parameters or {})}
    url = stack.deploy(account, stack_name(account, name), variant(name).template, given)["WebSocketUrl"]
    api.wait_until_served(account, url)
    return url


def remove(account: Account, name: str) -> None:
    """Delete a variant's stack and wait until it is gone; harmless when there is none."""
    stack.remove(account, stack_name(account, name))
