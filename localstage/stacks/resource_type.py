"""What every resource type is to the stack engine, and what types are made of.

The engine decides what happens to a resource and when; a type knows how, by
calling its service, and reads its resources for drift detection. It keeps no
state (moto's own types excepted, see ``registry``): what it must know later is
in the physical id and the properties. Types that are one API call for each step are rows of ``ApiType``.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
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


@dataclass
class Told:
    """What a step itself has learnt of a resource."""

    attributes: Properties = field(default_factory=dict)
    no_echo: bool = False
    """Whether the attributes are secrets, which events must not show."""


@dataclass(frozen=True)
class ResourceContext:
    """For which resource of which stack a type works, and the APIs to do it with."""

    apis: AccountApis
    stack_id: str
    stack_name: str
    logical_id: str
    type_name: str
    on_created: Callable[[str], None] = field(default=lambda physical_id: None)
    """To be called with the physical id as soon as a resource exists, if more steps follow that can fail."""
    told: Told = field(default_factory=Told)

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


class ResourceType(ABC):
    """One resource type. Subclasses say how; the engine calls in this order:
    ``create``, then any number of ``update``, then ``delete``.

    Every method may raise ``ResourceFailure`` or let a client's error through. These three may be generators, which
    yield what they wait for (see ``driver``); other types are done when they return.
    """

    name: str
    name_property: str | None = None
    """The property with which a template names the resource itself."""
    unsupported: frozenset[str] = frozenset()
    """Properties that AWS has and localstage refuses, by name."""
    deletion: tuple[str, str, str] = ("", "", "")
    """The call that deletes a resource, where one does: service, operation, and the argument for the physical id."""
    attribute_formats: Mapping[str, str] = {}
    """What ``Fn::GetAtt`` gives, where it follows from {id}, its last part {name}, {region} and {account_id}."""

    @abstractmethod
    def create(self, context: ResourceContext, properties: Properties) -> Any:
        """Make the resource; returns its physical id, which ``Ref`` gives."""

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> Any:
        """Change it in place; only called when no change asks for a replacement.

        What comes back is None, or the physical id that the resource has now: another one than before says that it
        has taken the old one's place, which is deleted in the end.
        """
        raise ResourceFailure(f"localstage does not support updates of {self.name}")

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> Any:
        """Delete it. What is already gone is not an error."""
        service, operation, argument = self.deletion
        ignore_missing(getattr(context.client(service), operation), **{argument: physical_id})

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        """What ``Fn::GetAtt`` gives, by attribute name; dots as in templates."""
        where = {"id": physical_id, "name": re.split("[:/]", physical_id)[-1]}
        where |= {"region": context.region, "account_id": context.account_id}
        return {name: text.format_map(where) for name, text in self.attribute_formats.items()}

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties | None:
        """For drift detection: properties as they are in the account, in the template's shape.

        None for a type that drift detection does not check, and for a property that is not set any more. What the
        service adds by itself is left out where ``expected``, the template's properties, says nothing of it. Tags
        and code are not read. Raises the client's error when the resource is gone.
        """
        return None

    def replacing_changes(self, old: Properties, new: Properties) -> list[str]:
        """Properties whose change asks for a replacement, beyond those the schema names."""
        return []


@dataclass(frozen=True)
class Tagging:
    """How a service changes the tags of a resource: its two operations, and the names of their arguments."""

    service: str
    arn: str = "{id}"
    """What names the resource, a format as in ``ResourceType.attribute_formats``."""
    resource: str = "ResourceArn"
    put: str = "tag_resource"
    tags: str = "Tags"
    as_map: bool = False
    remove: str = "untag_resource"
    keys: str = "TagKeys"
    always: tuple[tuple[str, Any], ...] = ()

    def change(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        """Bring a resource's tags from its old properties to its new ones."""
        client = context.client(self.service)
        arn = self.arn.format(id=physical_id, region=context.region, account_id=context.account_id)
        where = {self.resource: arn, **dict(self.always)}
        before, after = tag_map(old.get("Tags")), tag_map(new.get("Tags"))
        to_put = {key: value for key, value in after.items() if before.get(key) != value}
        to_remove = [key for key in before if key not in after]
        if to_put:
            tags = to_put if self.as_map else [{"Key": key, "Value": value} for key, value in to_put.items()]
            getattr(client, self.put)(**where, **{self.tags: tags})
        if to_remove:
            getattr(client, self.remove)(**where, **{self.keys: to_remove})


@dataclass(frozen=True)
class ApiType(ResourceType):
    """A type whose steps are one API call each, with arguments that are the template's properties."""

    name: str
    service: str
    create_call: str
    update_call: str | None
    """None for a type of which every change is a replacement."""
    delete_call: str
    physical_id: str
    """A format of the creation's arguments and its answer."""
    id_argument: str | None = None
    """The argument for the physical id in the other calls, if there is one."""
    parents: tuple[str, ...] = ()
    """The properties that the other calls need too, to find the resource."""
    generated: tuple[str, int] | None = None
    """The argument for a name, and its length, that is made up where the template has none."""
    cleared: Mapping[str, Any] = field(default_factory=dict)
    """What an update sends for a property that the new template leaves out."""
    also: Mapping[str, Any] = field(default_factory=dict)
    """What an update always sends."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """Properties that the API takes as JSON text, with the arguments' names."""
    tagging: Tagging | None = None
    """For tags, where the update's call does not take them."""
    creation_takes_tags: bool = False
    """Whether the creation's call takes them."""
    name_property: str | None = None
    unsupported: frozenset[str] = frozenset()
    attribute_formats: Mapping[str, str] = field(default_factory=dict)
    read_call: str = ""
    reads: tuple[str, ...] = ()
    """The properties that drift detection compares; none for a type that it does not check."""

    def create(self, context: ResourceContext, properties: Properties) -> str:
        arguments = {**self._arguments(properties), **picked(properties, ("Tags",) if self.creation_takes_tags else ())}
        if self.generated is not None:
            name, limit = self.generated
            arguments[name] = arguments.get(name) or context.generated_name(limit)
        answer = self._call(context, self.create_call, arguments)
        physical_id = self.physical_id.format_map({**arguments, **answer})
        context.on_created(physical_id)
        if self.tagging is not None and not self.creation_takes_tags:
            self.tagging.change(context, physical_id, {}, properties)
        return physical_id

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        if self.update_call is None:
            super().update(context, physical_id, old, new)
            return
        arguments = {
            **self._arguments(new),
            **left_out(self.cleared, old, new),
            **self._where(physical_id, new),
            **self.also,
        }
        self._call(context, self.update_call, arguments)
        if self.tagging is not None:
            self.tagging.change(context, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        ignore_missing(self._call, context, self.delete_call, self._where(physical_id, properties))

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties | None:
        if not self.reads:
            return None
        answer = self._call(context, self.read_call, self._where(physical_id, expected))
        return shaped_as(expected, answer, self.reads)

    def _call(self, context: ResourceContext, operation: str, arguments: Properties) -> Properties:
        return getattr(context.client(self.service), operation)(**arguments)

    def _arguments(self, properties: Properties) -> Properties:
        arguments = {name: value for name, value in properties.items() if not (self.tagging and name == "Tags")}
        for name, argument in self.documents.items():
            if name in arguments:
                arguments[argument] = document(arguments.pop(name))
        return arguments

    def _where(self, physical_id: str, properties: Properties) -> Properties:
        return {**picked(properties, self.parents), **({self.id_argument: physical_id} if self.id_argument else {})}


def failure_reason(error: Exception) -> str:
    """The reason of a stack event for what a type raised."""
    if isinstance(error, ClientError):
        answer = error.response
        status = answer["ResponseMetadata"].get("HTTPStatusCode", 400)
        service = error.operation_name
        message = answer["Error"].get("Message", "")
        code = answer["Error"].get("Code", "")
        answered = f"{message} (Operation: {service}, Error Code: {code}, Status Code: {status})"
        return handler_message(answered, _handler_error_code(code, status))
    if isinstance(error, ParamValidationError):
        return handler_message(str(error), "InvalidRequest")
    if isinstance(error, JsonRESTError | ServiceException):
        # What one of moto's own types raised: the same, not yet on the wire.
        return handler_message(str(error.message), "InvalidRequest")
    return str(error) or type(error).__name__


def handler_message(message: str, code: str) -> str:
    """What AWS writes around the words of a service."""
    return f'Resource handler returned message: "{message}" (HandlerErrorCode: {code})'


def _handler_error_code(code: str, status: int) -> str:
    if "AccessDenied" in code or code == "AuthorizationError":
        return "AccessDenied"
    if status == 404 or "NotFound" in code or "NoSuch" in code:
        return "NotFound"
    if status == 409 or "AlreadyExists" in code or "InUse" in code:
        return "AlreadyExists"
    return {403: "AccessDenied", 429: "Throttling", 500: "InternalFailure"}.get(status, "InvalidRequest")


_MISSING = (
    "NotFoundException",
    "ResourceNotFoundException",
    "NoSuchEntity",
    "NotFound",
    "NoSuchBucket",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ParameterNotFound",
)


def ignore_missing(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Make a call, and take it as done, with None, when the service says that the resource does not exist."""
    try:
        return call(*arguments, **named)
    except ClientError as error:
        if not is_missing(error):
            raise
        return None


def is_missing(error: ClientError) -> bool:
    """Whether a service says that the thing asked for does not exist."""
    return error.response["Error"]["Code"] in _MISSING


def picked(properties: Mapping[str, Any], names: Iterable[str]) -> Properties:
    """The properties of these names that are there."""
    return {name: properties[name] for name in names if name in properties}


def left_out(defaults: Mapping[str, Any], old: Properties, new: Properties) -> Properties:
    """The defaults of the properties that the new template leaves out."""
    return {name: default for name, default in defaults.items() if name in old and name not in new}


def document(value: Any) -> str:
    """A policy or schema as JSON text, whichever way the template wrote it."""
    return value if isinstance(value, str) else json.dumps(value)


def tag_map(tags: Any) -> dict[str, str]:
    """Tags as an object, from a list of Key and Value or from an object."""
    if isinstance(tags, list):
        return {tag["Key"]: tag["Value"] for tag in tags}
    return dict(tags or {})


def shaped_as(expected: Properties, answer: Properties, names: Iterable[str]) -> Properties:
    """The members of an answer, each with only what ``expected`` speaks of: its keys, at every depth."""
    return {name: _shaped(answer.get(name), expected.get(name)) for name in names}


def _shaped(actual: Any, expected: Any) -> Any:
    if isinstance(actual, dict) and isinstance(expected, dict):
        return {key: _shaped(actual[key], expected[key]) for key in expected if key in actual}
    if isinstance(actual, list) and isinstance(expected, list) and len(actual) == len(expected):
        return [_shaped(one, other) for one, other in zip(actual, expected, strict=True)]
    return actual
