"""Custom resources: a function of the account makes, changes and deletes what a template describes.

Events and answers are AWS's: CloudFormation user guide, "Custom resource request objects" and "Custom resource
response objects" (FIDELITY section 11). Who hands an event to the function, and the answer back, is given.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol

from localstage.stacks.driver import Pause
from localstage.stacks.errors import CustomResourceFailed, ResourceFailure
from localstage.stacks.registry import CUSTOM
from localstage.stacks.resource_type import Properties, ResourceContext, ResourceType

_LIMIT_BYTES = 4096
_LIMIT_OF_IDS = 1024
_LONGEST_S = 3600
_COPIED = ("StackId", "RequestId", "LogicalResourceId")


class Exchange(Protocol):
    """An event on its way to a function, and what comes back."""

    answer: bytes | None
    """What was sent to the event's ResponseURL; None when nothing came in time."""
    failure: str
    """Why no answer will come, "" where one may."""
    delivered: bool
    """Whether the function has been invoked."""

    def wait(self, over: Callable[[], None]) -> None:
        """Sends the event: something outside that an operation waits for."""

    def drop(self) -> None:
        """Nobody waits for the answer any more. Any thread may say so, also when it has come."""


Send = Callable[[str, dict[str, Any], float], Exchange]
"""Sends an event, which gets its ResponseURL thereby, to the function with this ARN; the last is its time in seconds."""


@dataclass(frozen=True)
class _Answer:
    """A success, as the function told it."""

    physical_id: str
    data: Properties
    no_echo: bool


class CustomResource(ResourceType):
    """``AWS::CloudFormation::CustomResource`` and all ``Custom::`` types; a physical id is what the function says."""

    name = CUSTOM

    def __init__(self, send: Send):
        self._send = send

    def create(self, context: ResourceContext, properties: Properties) -> Generator[Pause, None, str]:
        try:
            return (yield from self._ask(context, "Create", properties)).physical_id
        except ResourceFailure:
            raise  # The function knows nothing of it.
        except BaseException as error:
            # AWS: a creation that was refused, or never answered, is followed by a Delete (aws/aws-cdk#2126).
            # Guess (Custom resources): the physical id where the function has told none.
            told = error.physical_id if isinstance(error, CustomResourceFailed) else ""
            context.on_created(told or context.generated_name())
            raise

    def update(
        self, context: ResourceContext, physical_id: str, old: Properties, new: Properties
    ) -> Generator[Pause, None, str]:
        if old.get("ServiceToken") != new.get("ServiceToken"):
            raise ResourceFailure("Modifying service token is not allowed.")
        more = {"PhysicalResourceId": physical_id, "OldResourceProperties": _as_texts(old)}
        return (yield from self._ask(context, "Update", new, more)).physical_id

    def delete(
        self, context: ResourceContext, physical_id: str, properties: Properties
    ) -> Generator[Pause, None, None]:
        yield from self._ask(context, "Delete", properties, {"PhysicalResourceId": physical_id})

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        return dict(context.told.attributes)

    def _ask(
        self, context: ResourceContext, kind: str, properties: Properties, more: Properties | None = None
    ) -> Generator[Pause, None, _Answer]:
        """Sends an event to the function and waits for its answer. Raises ResourceFailure if it was not sent."""
        function_arn, timeout_s = _function_of(context, properties), _timeout_s(properties)
        denial = context.apis.denial("lambda:InvokeFunction", function_arn)
        if denial is not None:
            raise ResourceFailure(denial)
        event = {
            "RequestType": kind,
            "ServiceToken": function_arn,
            "ResponseURL": "",
            "StackId": context.stack_id,
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": context.logical_id,
            "ResourceType": context.type_name,
            "ResourceProperties": _as_texts(properties),
            **(more or {}),
        }
        exchange = self._send(function_arn, event, timeout_s)
        try:
            yield exchange.wait
        finally:
            exchange.drop()
        if not exchange.delivered:
            raise ResourceFailure(exchange.failure)
        if exchange.failure:
            raise CustomResourceFailed(exchange.failure)
        answer = _read(exchange.answer, event)
        context.told.attributes, context.told.no_echo = answer.data, answer.no_echo
        return answer


def _function_of(context: ResourceContext, properties: Properties) -> str:
    token = properties.get("ServiceToken")
    if not isinstance(token, str) or not token:
        raise ResourceFailure(f"Resource {context.logical_id} of type {context.type_name} has no ServiceToken")
    if ":lambda:" not in token:
        raise ResourceFailure(
            f"localstage has custom resources of functions only; {context.logical_id} names {token} as its ServiceToken"
        )
    return token


def _timeout_s(properties: Properties) -> float:
    given = properties.get("ServiceTimeout", _LONGEST_S)
    if not str(given).isdigit() or not 1 <= int(given) <= _LONGEST_S:
        raise ResourceFailure(f"ServiceTimeout must be an integer from 1 to {_LONGEST_S}, not {given}")
    return float(given)


def _as_texts(value: Any) -> Any:
    """AWS: every scalar of the properties arrives as a string (aws-cloudformation/cloudformation-coverage-roadmap#1037)."""
    if isinstance(value, dict):
        return {key: _as_texts(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_texts(member) for member in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(body: bytes | None, event: dict[str, Any]) -> _Answer:
    """The function's answer to an event. Raises CustomResourceFailed for all but a success."""
    if body is None:
        raise CustomResourceFailed(
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId "
            f"[{event['RequestId']}]. If you are using the Python cfn-response module, you may need to update your "
            "Lambda function code so that CloudFormation can attach the updated version."
        )
    if len(body) > _LIMIT_BYTES:
        raise CustomResourceFailed("Response object is too long.")
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    # Guess (Custom resources): the sentences about answers that are not well-formed, from here on.
    if not isinstance(told, dict):
        raise CustomResourceFailed("Invalid Response object: it is no JSON object")
    wrong = next((name for name in _COPIED if told.get(name) != event[name]), None)
    if wrong is not None:
        raise CustomResourceFailed(f"Invalid {wrong}")
    physical_id, status = told.get("PhysicalResourceId"), told.get("Status")
    if not isinstance(physical_id, str) or not 0 < len(physical_id.encode()) <= _LIMIT_OF_IDS:
        # AWS: also where the function says that it failed, and why (ryansb/cfn-wrapper-python#8).
        raise CustomResourceFailed("Invalid PhysicalResourceId")
    if status == "FAILED":
        raise CustomResourceFailed(
            f"Received response status [FAILED] from custom resource. Message returned: {told.get('Reason', '')} "
            f"(RequestId: {event['RequestId']})",
            physical_id,
        )
    if status != "SUCCESS":
        # AWS: the text as in PaloAltoNetworks/aws-elb-autoscaling#23.
        raise CustomResourceFailed(f"Invalid Response object: '{status}' is not a valid ResponseStatus")
    data = told.get("Data") or {}
    if not isinstance(data, dict):
        raise CustomResourceFailed("Invalid Response object: Data is no JSON object")
    return _Answer(physical_id, data, str(told.get("NoEcho", False)).lower() == "true")
