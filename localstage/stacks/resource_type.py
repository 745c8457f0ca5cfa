"""What every resource type is to the stack engine.

The engine decides what happens to a resource and when; a type knows how, by
calling its service. It keeps no state: what it must know later is in the
physical id and the properties.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.moto_api._internal import mock_random

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.errors import ResourceFailure

Properties = dict[str, Any]
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Work:
    """The work on one resource: whose it is, and the APIs to do it with."""

    apis: AccountApis
    stack_id: str
    stack_name: str
    logical_id: str
    type_name: str
    made: Callable[[str], None] = field(default=lambda physical_id: None)
    """Call as soon as a resource exists, if more steps follow that can fail."""

    @property
    def account_id(self) -> str:
        """The account of the stack."""
        return self.apis.account_id

    @property
    def region(self) -> str:
        """The region of the stack."""
        return self.apis.region

    def client(self, service: str) -> Any:
        """The service's client."""
        return self.apis.client(service)

    def generated_name(self, limit: int = 64, lower: bool = False) -> str:
        """A name for a resource that was given none: stack, logical id and a random suffix."""
        suffix = "".join(mock_random.choice(_SUFFIX) for _ in range(12))
        room = limit - len(suffix) - 2
        logical = self.logical_id[: max(room - len(self.stack_name), room // 2)]
        stack = self.stack_name[: room - len(logical)].rstrip("-")
        name = f"{stack}-{logical}-{suffix}"
        return name.lower() if lower else name


class ResourceType:
    """One resource type. Subclasses say how; the engine calls in this order:
    ``create``, then any number of ``update``, then ``delete``.

    Every method may raise ``ResourceFailure`` or let a client's error through.
    """

    name: str
    name_property: str | None = None
    """The property with which a template names the resource itself."""
    not_run: frozenset[str] = frozenset()
    """Properties that AWS has and the local stage refuses, by name."""

    def create(self, work: Work, properties: Properties) -> str:
        """Make the resource; returns its physical id, which ``Ref`` gives."""
        raise NotImplementedError

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        """Change it in place; only called when no change asks for a replacement."""
        raise ResourceFailure(f"The local stage does not support updates of {self.name}")

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        """Delete it. What is already gone is not an error."""
        raise NotImplementedError

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        """What ``Fn::GetAtt`` gives, by attribute name; dots as in templates."""
        return {}

    def replacing_changes(self, old: Properties, new: Properties) -> list[str]:
        """Properties whose change asks for a replacement, beyond those the schema names."""
        return []


def failure_reason(error: Exception) -> str:
    """The reason of a stack event for what a type raised.

    AWS wraps what the service answered: ``Resource handler returned message``.
    """
    if isinstance(error, ClientError):
        answer = error.response
        status = answer["ResponseMetadata"].get("HTTPStatusCode", 400)
        service = error.operation_name
        message = answer["Error"].get("Message", "")
        code = answer["Error"].get("Code", "")
        return (
            f'Resource handler returned message: "{message} (Operation: {service}, '
            f'Error Code: {code}, Status Code: {status})" '
            f"(HandlerErrorCode: {_handler_error_code(code, status)})"
        )
    if isinstance(error, ParamValidationError):
        return f'Resource handler returned message: "{error}" (HandlerErrorCode: InvalidRequest)'
    if isinstance(error, JsonRESTError | ServiceException):
        # What one of moto's own types raised: the same, not yet on the wire.
        return f'Resource handler returned message: "{error.message}" (HandlerErrorCode: InvalidRequest)'
    return str(error) or type(error).__name__


def _handler_error_code(code: str, status: int) -> str:
    if "AccessDenied" in code or code == "AuthorizationError":
        return "AccessDenied"
    if status == 404 or "NotFound" in code or "NoSuch" in code:
        return "NotFound"
    if status == 409 or "AlreadyExists" in code or "InUse" in code:
        return "AlreadyExists"
    return {403: "AccessDenied", 429: "Throttling", 500: "InternalFailure"}.get(status, "InvalidRequest")


_GONE = (
    "NotFoundException",
    "ResourceNotFoundException",
    "NoSuchEntity",
    "NotFound",
    "NoSuchBucket",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ParameterNotFound",
)


def unless_gone(call: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call, and take it as done when the service says that the thing is gone."""
    try:
        return call(**arguments)
    except ClientError as error:
        if not is_gone(error):
            raise
        return None


def is_gone(error: ClientError) -> bool:
    """Whether a service says that the thing asked for does not exist."""
    return error.response["Error"]["Code"] in _GONE


def picked(properties: Mapping[str, Any], names: Iterable[str]) -> Properties:
    """The properties of these names that are there."""
    return {name: properties[name] for name in names if name in properties}


def document(value: Any) -> str:
    """A policy or schema as JSON text, whichever way the template wrote it."""
    return value if isinstance(value, str) else json.dumps(value)


def tag_map(tags: Any) -> dict[str, str]:
    """Tags as an object, from a list of Key and Value or from an object."""
    if isinstance(tags, list):
        return {tag["Key"]: tag["Value"] for tag in tags}
    return dict(tags or {})


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as a list of Key and Value."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def change_tags(
    old: Properties, new: Properties, put: Callable[[dict[str, str]], Any], remove: Callable[[list[str]], Any]
) -> None:
    """Bring a resource's tags from its old properties to its new ones."""
    before, after = tag_map(old.get("Tags")), tag_map(new.get("Tags"))
    to_put = {key: value for key, value in after.items() if before.get(key) != value}
    to_remove = [key for key in before if key not in after]
    if to_put:
        put(to_put)
    if to_remove:
        remove(to_remove)
