"""The SAM twin of the chat, deployed: by ``sam`` itself where it is installed, else by CloudFormation.

Both apply the same transform to ``cloudformation/template.yaml``: ``sam deploy``
packs each function's folder and hands the rest to CloudFormation. Settings come
from a file of the learner's such as ``sam.env``, which holds no credentials.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING

from classroom.account import boundary, packages, stack
from classroom.account.account import Account
from classroom.errors import OneSentence

if TYPE_CHECKING:
    from classroom.lesson import Lesson

TEMPLATE = "template.yaml"
PARAMETERS = {
    "CHAT_STAGE": "StageName",
    "CHAT_DELIVER_TO_SENDER": "DeliverToSender",
    "CHAT_LOG_RETENTION_DAYS": "LogRetentionDays",
}
"""The template's parameter for each setting. Prefix, region and bucket are the lesson's."""
_LINE = re.compile(r"(?P<name>\w+)=(?P<value>\S*)")
_UNPACKED = re.compile(r"(Handler: (\w+)\.lambda_handler\n +CodeUri: )\.\./packages/\2/")
_WITHIN_S = 600.0


class BadSettings(OneSentence, ValueError):
    """A file of settings has a line that is none."""


def settings(text: str) -> dict[str, str]:
    """The settings of a file, by name. Raises ``BadSettings``."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match["name"] not in PARAMETERS:
            raise BadSettings(
                f"Line {number} is no setting: {line.strip()!r}. A line is a name, an equals sign and a value, "
                f"without spaces; the names are {', '.join(PARAMETERS)}."
            )
        found[match["name"]] = match["value"]
    return found


def deploy(lesson: Lesson, file: str) -> dict[str, str]:
    """Deploy the SAM template with the settings of a file of ``my_chat/``, print by what means, and give the outputs.

    Raises ``BadSettings`` and ``StackFailed``.
    """
    account = lesson.account
    given = parameters(account, settings(lesson.my_chat.folder.text(file) or ""))
    name = account.name("sam-chat")
    packages.ensure_bucket(account)  # sam packs by itself, and needs the bucket
    sam = shutil.which("sam")
    if sam is None:
        begin = f"s3://{account.bucket}/{packages.upload_functions(account)}"
        body = _UNPACKED.sub(rf"\1{begin}/\2.zip", stack.template_body(TEMPLATE))
        outputs = stack.deploy_body(account, name, body, given, TEMPLATE)
        print("sam is not installed here, so CloudFormation was given the template; the transform is the same.")
        return outputs
    packages.unpack_functions(stack.ROOT / "packages")
    run([sam, *words(account, name, given)], name)
    print("Deployed by sam.")
    return stack.outputs(account, name)


def parameters(account: Account, chosen: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters for some settings."""
    given = {"Prefix": account.name("sam"), **{PARAMETERS[name]: value for name, value in chosen.items()}}
    return given | ({"PermissionsBoundary": boundary.boundary()} if boundary.boundary() else {})


def words(account: Account, stack_name: str, given: Mapping[str, str]) -> list[str]:
    """The words of ``sam deploy``. Nothing has to be built first: the handlers need boto3 only, which Lambda has."""
    return [
        *("deploy", "--template-file", str(stack.TEMPLATES / TEMPLATE), "--stack-name", stack_name),
        *("--region", account.target.region, "--s3-bucket", account.bucket),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--tags", *(f"{key}={value}" for key, value in account.tags.items())),
        *("--parameter-overrides", *(f"{key}={value}" for key, value in given.items())),
    ]


def run(command: list[str], stack_name: str) -> None:
    """Run ``sam`` and wait for it. Raises ``StackFailed`` with what it said of its error."""
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise stack.StackFailed(f"sam did not end within {_WITHIN_S:g} s; look at the stack {stack_name}.") from None
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        why = next((line for line in reversed(said) if line.startswith("Error")), (said or ["it said nothing"])[-1])
        raise stack.StackFailed(f"sam ended with status {done.returncode}: {why}")
