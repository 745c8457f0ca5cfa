"""CloudFormation for cells: create or update a stack, wait for it, say why it failed.

This file knows no particular template.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from botocore.exceptions import ClientError, WaiterError

from classroom.account import boundary
from classroom.account.account import Account
from classroom.account.deployment_name import stamped
from classroom.errors import OneSentence

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "cloudformation"
_WAIT = {"Delay": 1, "MaxAttempts": 300}
_SETTLED_BADLY = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")


class StackFailed(OneSentence):
    """A stack did not become what was asked; the text is one sentence with the first cause."""


def template_body(name: str) -> str:
    """The text of a template in ``cloudformation/``, ready to be deployed. Raises ``StackFailed`` if there is none.

    It is the file's text, save two things: the deployment's name follows the
    routes (``deployment_name``), and where ``CHAT_BOUNDARY`` holds the ARN of a
    permissions boundary, that is the default of the parameter PermissionsBoundary.
    """
    path = TEMPLATES / name
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in TEMPLATES.glob("*.yaml")))
        raise StackFailed(f"There is no template cloudformation/{name}; there are: {known}.")
    return boundary.in_template(stamped(path.read_text("utf-8")))


def deploy(account: Account, stack_name: str, template: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create or update the stack of a template in ``cloudformation/`` and wait; its outputs. Raises ``StackFailed``."""
    return deploy_body(account, stack_name, template_body(template), parameters, template)


def deploy_body(
    account: Account, stack_name: str, body: str, parameters: Mapping[str, str], called: str
) -> dict[str, str]:
    """Create the stack, or update it, wait until it is complete, and return its outputs.

    ``body`` is the template's text, ``called`` what an error calls it. An update
    without changes is fine. A stack that failed to be created is deleted first. Raises ``StackFailed``.
    """
    formation = account.client("cloudformation")
    status = status_at_rest(account, stack_name)
    if status and status.endswith(_SETTLED_BADLY) and status != "UPDATE_ROLLBACK_COMPLETE":
        remove(account, stack_name)
        status = None
    arguments = {
        "StackName": stack_name,
        "TemplateBody": body,
        "Tags": account.tag_list,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    try:
        formation.update_stack(**arguments) if status else formation.create_stack(**arguments)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise StackFailed(f"CloudFormation refused {called}: {error.response['Error']['Message']}") from None
    else:
        wait(account, stack_name, "stack_update_complete" if status else "stack_create_complete")
    return outputs(account, stack_name)


def parameter_names(account: Account, body: str) -> set[str]:
    """The names of a template's parameters, as CloudFormation reads them. Raises ``StackFailed``."""
    try:
        found = account.client("cloudformation").validate_template(TemplateBody=body)
    except ClientError as error:
        raise StackFailed(f"CloudFormation refused the template: {error.response['Error']['Message']}") from None
    return {one["ParameterKey"] for one in found["Parameters"]}


def wait(account: Account, stack_name: str, waiter: str) -> None:
    """Wait for a boto3 waiter of CloudFormation. Raises ``StackFailed`` with the first failed resource."""
    try:
        account.client("cloudformation").get_waiter(waiter).wait(StackName=stack_name, WaiterConfig=_WAIT)
    except WaiterError:
        raise StackFailed(
            f"The stack {stack_name} is {stack_status(account, stack_name)}: {first_failure(account, stack_name)}"
        ) from None


def first_failure(account: Account, stack_name: str) -> str:
    """The first failed resource of the last operation on a stack, and why, as one sentence."""
    failure = "CloudFormation gave no reason."
    for event in account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=stack_name):
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED") and "cancelled" not in reason:
            failure = f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and status in (
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
        ):
            break  # events come newest first, and older operations do not matter
    return failure


def stack_status(account: Account, stack_name: str) -> str | None:
    """The status of a stack, None if there is none of that name."""
    try:
        return account.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise


def status_at_rest(account: Account, stack_name: str) -> str | None:
    """The status of a stack once nothing is in progress: an interrupted lesson may have left it at work."""
    deadline = time.monotonic() + _WAIT["Delay"] * _WAIT["MaxAttempts"]
    while (
        (status := stack_status(account, stack_name))
        and status.endswith("_IN_PROGRESS")
        and status != "REVIEW_IN_PROGRESS"
    ):
        if time.monotonic() > deadline:
            raise StackFailed(f"The stack {stack_name} is still {status}; look at its events.")
        Event().wait(_WAIT["Delay"])
    return status


def outputs(account: Account, stack_name: str) -> dict[str, str]:
    """The outputs of a stack by key."""
    stack = account.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def parameters(account: Account, stack_name: str) -> dict[str, str]:
    """The parameters of a stack by key."""
    stack = account.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack.get("Parameters", ())}


def remove(account: Account, stack_name: str) -> None:
    """Delete a stack and wait until it is gone; harmless when there is none."""
    if status_at_rest(account, stack_name):
        account.client("cloudformation").delete_stack(StackName=stack_name)
        wait(account, stack_name, "stack_delete_complete")
