"""Which AWS a notebook works with: ``moto``, which is localstage, or ``live``, a real account.

Reads ``CHAT_TARGET``, ``CHAT_PREFIX``, ``CHAT_REGION`` and ``CHAT_YES``. On
``moto`` it joins the localstage of ``LOCALSTAGE_URL``, or, if there is none or it has
ended, starts one that ends with this kernel, and hands out nothing before the guard's proof. On ``live`` it
leaves boto3's own settings alone and asks before the first change. On both boto3
tries a throttled call more often than by default, unless it is told how often. The cells
are the same on both; this file knows no lesson.
"""

from __future__ import annotations

import atexit
import getpass
import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from classroom.account import guard
from classroom.errors import OneSentence
from classroom.my_chat.folder import default_path
from classroom.page import HTML, on_a_hub
from installation.words import PREFIX, PREFIX_RULE
from localstage import LocalStage, NotStarted

TARGETS = ("moto", "live")
DEFAULT_PREFIX = "lab"
_ATTEMPTS = 8
"""A notebook that runs by itself makes two deployments within AWS's five seconds; boto3's three attempts end before."""
_OWNER = "CHAT_LOCALSTAGE_OF"
"""The variable that holds the id of the process that has started its localstage itself."""


class TargetError(OneSentence, ValueError):
    """The target cannot be used; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Target:
    """Where the AWS calls of this kernel go.

    ``rehearsal``: live code, localstage in AWS's place. ``alone``: localstage was started by this kernel, has
    no other, and ends with it.
    """

    name: str
    prefix: str
    region: str
    account_id: str
    rehearsal: bool = False
    alone: bool = False

    def __str__(self) -> str:
        where = "localstage" if self.name == "moto" else "a rehearsal on localstage" if self.rehearsal else "AWS"
        return f"{where}, account {self.account_id}, region {self.region}, names begin with {self.prefix}-"


def enter(environ: MutableMapping[str, str] | None = None) -> Target:
    """Make this process ready for its target; may be called again at any time.

    Afterwards ``boto3.client(...)`` in a cell reaches the target. Raises ``TargetError``.
    """
    environ = os.environ if environ is None else environ
    name, prefix = target_name(environ), chosen_prefix(environ)
    if name == "moto":
        _enter_localstage(environ)
    if environ.get("CHAT_REGION"):
        environ["AWS_REGION"] = environ["AWS_DEFAULT_REGION"] = environ["CHAT_REGION"]
    boto3.setup_default_session(botocore_session=_patient_session())  # an older one may hold a real profile
    if name == "moto":
        _prove_localstage(environ)
    elif any(variable.startswith("AWS_ENDPOINT_URL") for variable in environ):
        raise TargetError(
            "CHAT_TARGET is live, but AWS_ENDPOINT_URL leads elsewhere: unset it, "
            "or start Jupyter with CHAT_TARGET=live from a fresh terminal."
        )
    rehearsal = name == "live" and guard.leads_to_localstage(environ)
    return Target(name, prefix, _region(), _account_id(), rehearsal, environ.get(_OWNER) == str(os.getpid()))


def target_name(environ: Mapping[str, str]) -> str:
    """``CHAT_TARGET``, moto unless it is set. Raises ``TargetError`` for anything unknown."""
    name = environ.get("CHAT_TARGET", "").strip() or TARGETS[0]
    if name not in TARGETS:
        raise TargetError(f"CHAT_TARGET is {name!r}; it must be one of: {', '.join(TARGETS)}.")
    return name


def chosen_prefix(environ: Mapping[str, str]) -> str:
    """What all names begin with: ``CHAT_PREFIX``, else lab on moto and the user's name on live."""
    given = environ.get("CHAT_PREFIX", "").strip()
    if not given:
        return DEFAULT_PREFIX if target_name(environ) == "moto" else prefix_of(_user_name())
    if not PREFIX.fullmatch(given):
        raise TargetError(f"CHAT_PREFIX is {given!r}; {PREFIX_RULE}.")
    return given


def prefix_of(user: str) -> str:
    """A valid prefix made from a user name, the same every time."""
    plain = re.sub(r"[^a-z0-9]+", "", user.lower())[:20]
    return re.sub(r"^[^a-z]+", "", plain) or DEFAULT_PREFIX


def ask_for_consent(
    target: Target, what: str, environ: MutableMapping[str, str] | None = None, ask: Callable[[str], str] = input
) -> None:
    """On live, say where we are and what will be made, and go on only after a yes.

    The answer holds for this kernel. ``CHAT_YES=1`` answers beforehand; a
    rehearsal costs nothing and is not asked. Raises ``TargetError`` on anything but yes.
    """
    environ = os.environ if environ is None else environ
    if target.name == "moto" or target.rehearsal or environ.get("CHAT_YES") == "1":
        return
    try:
        answer = ask(f"This is {target}.\n{what}\nType yes to go on: ")
    except (EOFError, NotImplementedError, RuntimeError):
        raise TargetError(
            "CHAT_TARGET is live and nobody is here to ask: set CHAT_YES=1 to agree beforehand."
        ) from None
    if answer.strip().lower() not in ("y", "yes"):
        raise TargetError("Nothing was changed, because the answer was not yes; run the cell again to go on.")
    environ["CHAT_YES"] = "1"


def may_delete(who: str, what: str, ask: Callable[[str], str] | None = None) -> bool:
    """Name what would be deleted, and whether the answer is yes. Raises ``TargetError`` when nobody is here to ask."""
    try:
        answer = (ask or input)(f"{who} deletes {what}; your files in my_chat/ stay. Type yes to delete it: ")
    except (EOFError, NotImplementedError, RuntimeError):
        raise TargetError(
            f"{who} would delete {what}, and nobody is here to ask: set CHAT_FRESH=1 to agree beforehand."
        ) from None
    return answer.strip().lower() in ("y", "yes")


def _enter_localstage(environ: MutableMapping[str, str]) -> None:
    """Join the localstage of the environment, or start one, also where that one has been killed meanwhile."""
    joined = environ.get("LOCALSTAGE_URL", "")
    if joined and not guard.has_ended(joined):
        return
    if joined:
        print(f"localstage at {joined} has ended, and what your account held is gone; this kernel starts another.")
        _forget_proxy(environ, joined)
    emulator = LocalStage(pages=HTML, more_pages=default_path(), pages_for_any_host=on_a_hub(environ))
    try:
        emulator.start()
    except NotStarted as error:
        guard.block_aws(environ)
        raise TargetError(f"localstage did not start: {error}.") from None
    atexit.register(emulator.stop)
    emulator.activate()
    environ[_OWNER] = str(os.getpid())


def _forget_proxy(environ: MutableMapping[str, str], ended: str) -> None:
    """Nobody must be led through a localstage that has ended: the next one would take it for the user's own proxy."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        if urlsplit(environ.get(name, "")).port == urlsplit(ended).port:
            del environ[name]


def _patient_session() -> botocore.session.Session:
    """A session for boto3 that tries often, unless the environment or a configuration file says how often.

    The session holds the number, so that nothing of it is left in the environment when the session has gone.
    """
    session = guard.new_session()
    if session.get_config_variable("max_attempts") is None:
        session.set_config_variable("max_attempts", _ATTEMPTS)
    return session


def _prove_localstage(environ: MutableMapping[str, str]) -> None:
    try:
        guard.check(environ)
    except guard.NotAtLocalstage as error:
        guard.block_aws(environ)
        raise TargetError(
            f"CHAT_TARGET is moto, but {error}; nothing was called. Restart the kernel without "
            "LOCALSTAGE_URL, or start Jupyter with: python3 course.py lab."
        ) from None


def _region() -> str:
    region = boto3.Session().region_name
    if not region:
        raise TargetError("No AWS region is set: set CHAT_REGION, for instance to us-east-1.")
    return region


def _account_id() -> str:
    try:
        return boto3.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise TargetError(
            f"AWS did not tell which account this is ({error}); "
            "check your credentials with: aws sts get-caller-identity."
        ) from None


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return DEFAULT_PREFIX
