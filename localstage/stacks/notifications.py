"""Tell a stack's notification topics what happens to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from moto.core.utils import iso_8601_datetime_with_milliseconds

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.stack import Stack, StackEvent

log = logging.getLogger(__name__)


def notifier(stack: Stack, apis: AccountApis) -> Callable[[StackEvent], None]:
    """A function that publishes an event to the topics that the stack names then."""

    def notify(event: StackEvent) -> None:
        for arn in stack.notification_arns:
            try:
                apis.client("sns").publish(
                    TopicArn=arn,
                    Subject="AWS CloudFormation Notification",
                    Message=_message(stack, event, apis.account_id),
                )
            except Exception:  # Whom a stack tells has no part in what it does.
                log.info("An event of the stack %s was not published to %s", stack.name, arn, exc_info=True)

    return notify


def _message(stack: Stack, event: StackEvent, account_id: str) -> str:
    members = {
        "StackId": stack.stack_id,
        "Timestamp": iso_8601_datetime_with_milliseconds(event.timestamp),
        "EventId": event.event_id,
        "LogicalResourceId": event.logical_id,
        "Namespace": account_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or "",
        "ResourceType": event.type_name,
        "StackName": stack.name,
        "ClientRequestToken": event.token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())
