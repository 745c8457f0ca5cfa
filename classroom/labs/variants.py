"""The five write-ups that the course is made from: which they are, in which forms, and how to deploy one.

Each is a template in ``cloudformation/variants/``, and each form of it a stack of
its own, ``lab-s2-published``, whose name begins all its names. ``comparison``
compares them, and ``python -m classroom variants`` does both from a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from classroom.account import api, packages, stack
from classroom.account.account import Account
from classroom.errors import OneSentence

PUBLISHED, LET_IN, MENDED = "published", "let-in", "mended"
_HANDLER_OF_THE_COURSE = re.compile(r"(?<!/)\b(\w+)\.lambda_handler")
_HANDLERS = ("ConnectHandler", "DisconnectHandler", "SendMessageHandler", "DefaultHandler")


class NoSuchVariant(OneSentence, LookupError):
    """There is no variant of that name, or it has no such form."""


@dataclass(frozen=True)
class Variant:
    """One write-up. ``send`` is the route key of chat messages: route keys are case-sensitive.

    ``connections`` is its table of connections, ``forms`` are the values of its
    template's parameter Form, from as published to as mended.
    """

    name: str
    title: str
    template: str
    functions: tuple[str, ...]
    connections: str
    send: str = "sendMessage"
    forms: tuple[str, ...] = (PUBLISHED, MENDED)


VARIANTS = (
    Variant("s0", "one function, two modules", "variants/s0-one-function.yaml", ("chat_handler",), "ChatConnections"),
    Variant(
        "s1",
        "three functions, one table",
        "variants/s1-three-functions.yaml",
        ("onConnect", "onDisconnect", "sendMessage"),
        "WebSocketConnections",
    ),
    Variant(
        "s2",
        "sessions, history, a page",
        "variants/s2-sessions.yaml",
        _HANDLERS,
        "ActiveConnections",
        send="sendmessage",
        forms=(PUBLISHED, LET_IN, MENDED),
    ),
    Variant("s3", "a CloudFormation stack", "variants/s3-cloudformation.yaml", _HANDLERS, "ConnectionsTable"),
    Variant(
        "s4", "Python and SAM", "variants/s4-sam.yaml", ("connect", "disconnect", "message"), "WebSocketConnections"
    ),
)


def variant(name: str) -> Variant:
    """The variant of a name such as s2. Raises ``NoSuchVariant``."""
    for known in VARIANTS:
        if known.name == name:
            return known
    raise NoSuchVariant(f"There is no variant {name!r}; there are: {', '.join(known.name for known in VARIANTS)}.")


def stack_name(account: Account, name: str, form: str = MENDED) -> str:
    """The name of the stack of a variant's form, which begins all its names: ``lab-s2-published``."""
    forms = variant(name).forms
    if form not in forms:
        raise NoSuchVariant(f"The variant {name} has no form {form!r}; it has: {', '.join(forms)}.")
    return account.name(f"{name}-{form}")


def package() -> bytes:
    """The deployment package of the variants' functions: ``cloudformation/variants/*.py``, and what they need of the course's.

    That is what those files import, and the handlers that a template names itself.
    """
    own = {f"variants/{path.name}": path.read_text("utf-8") for path in (stack.TEMPLATES / "variants").glob("*.py")}
    needed = {module for text in own.values() for module in packages.imports_of(text)}
    for known in VARIANTS:
        needed.update(_HANDLER_OF_THE_COURSE.findall((stack.TEMPLATES / known.template).read_text("utf-8")))
    shared = {name: text for module in needed for name, text in packages.sources_of(module).items()}
    return packages.package_of({**own, **shared})


def deploy(
    account: Account, name: str, form: str = MENDED, parameters: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Create or update the stack of a variant's form and wait for it; its outputs. Raises ``StackFailed``."""
    stack_ = stack_name(account, name, form)
    key = packages.upload(account, package())
    given = {"Prefix": stack_, "CodeBucket": account.bucket, "CodeKey": key, "Form": form, **(parameters or {})}
    outputs = stack.deploy(account, stack_, variant(name).template, given)
    api.wait_until_served(account, outputs["WebSocketUrl"])
    return outputs


def remove(account: Account, name: str, form: str = MENDED) -> None:
    """Delete the stack of a variant's form and wait until it is gone; harmless when there is none."""
    stack.remove(account, stack_name(account, name, form))
