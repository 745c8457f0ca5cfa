"""What the names in a stack's template mean, and what its properties and outputs are by them.

``StackScope`` gives real values. ``PlanScope`` knows which resources do not exist yet, and gives a mark in their
place. Dynamic references are values of the Parameter Store and of Secrets Manager.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.definition import Definition, pseudo_parameter
from localstage.stacks.errors import (
    NoCustomAttribute,
    NoSuchAttribute,
    ResourceFailure,
    UnresolvedDependencies,
    ValidationError,
)
from localstage.stacks.intrinsics import KNOWN_AFTER_APPLY, NO_VALUE, is_text, resolve, text_of
from localstage.stacks.registry import Registry, is_custom
from localstage.stacks.stack import Output, Stack, StackResource


class StackScope:
    """Names as they are now; records what is imported from other stacks."""

    def __init__(self, definition: Definition, stack: Stack, import_value: Callable[[str], Any]):
        self.mappings = definition.processed.section("Mappings")
        self.region = definition.owner.apis.region
        self.imported: set[str] = set()
        self._definition = definition
        self._stack = stack
        self._import_value = import_value

    def ref(self, name: str) -> Any:
        """A parameter's value, a pseudo parameter or a physical id."""
        if name in self._definition.values:
            return self._definition.values[name]
        value = pseudo_parameter(name, self._definition.owner)
        return self._resource(name).physical_id if value is None else value

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """An attribute of a resource."""
        resource = self._resource(logical_id)
        custom = is_custom(resource.type_name)
        for source in (resource.attributes, {} if custom else resource.properties):
            if attribute in source:
                return source[attribute]
        if custom:
            raise NoCustomAttribute(self._stack.stack_id, logical_id, attribute)
        raise NoSuchAttribute(logical_id, attribute)

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        return self._definition.conditions[name]

    def import_value(self, name: str) -> Any:
        """The value of an export."""
        self.imported.add(name)
        return self._import_value(name)

    def dynamic_value(self, text: str) -> str:
        """The text with its dynamic references, ``{{resolve:…}}``, replaced."""
        return _with_values(text, self._definition.owner.apis)

    def _resource(self, logical_id: str) -> StackResource:
        resource = self._stack.resources.get(logical_id)
        if resource is None or not resource.exists:
            raise UnresolvedDependencies([logical_id], "Resources")
        return resource


class PlanScope(StackScope):
    """Names as far as they are known before anything is done."""

    def __init__(
        self, definition: Definition, stack: Stack, import_value: Callable[[str], Any], unknown: Collection[str]
    ):
        super().__init__(definition, stack, import_value)
        self._unknown = unknown

    def ref(self, name: str) -> Any:
        """As it is, or the mark for a resource that is to be made."""
        return KNOWN_AFTER_APPLY if name in self._unknown else super().ref(name)

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """As it is, or the mark for a resource that is to be made."""
        if logical_id in self._unknown:
            return KNOWN_AFTER_APPLY
        return super().get_att(logical_id, attribute)


def wanted_properties(
    logical_id: str, resource: dict[str, Any], scope: StackScope, registry: Registry, tags: dict[str, str]
) -> dict[str, Any]:
    """The properties of a resource as its type gets them.

    ``tags`` are the stack's, which every taggable resource gets too.

    Raises:
        ResourceFailure: a property is unknown, missing, or not run by the stage.
        ValidationError: an intrinsic function has no result.
    """
    name = resource["Type"]
    kind = registry.resource_type(name)
    place = f"/Resources/{logical_id}/Properties"
    properties = _with_dynamic_values(resolve(resource.get("Properties", {}), scope, place), scope)
    if properties is NO_VALUE:
        properties = {}
    if not isinstance(properties, dict):
        raise ResourceFailure(f"The properties of resource {logical_id} must be an object")
    schema = registry.schema(name)
    if schema is None:
        return properties
    properties = schema.checked(logical_id, properties)
    for refused in sorted(kind.unsupported.intersection(properties)):
        raise ResourceFailure(f"localstage does not support property {refused} of {name}")
    tag_property = schema.tag_property
    if tags and tag_property:
        own = properties.get(tag_property)
        as_map = schema.tags_are_a_map()
        properties = {**properties, tag_property: _merged_tags(tags, own, as_map)}
    return properties


def _merged_tags(stack_tags: dict[str, str], own: Any, as_map: bool) -> Any:
    if as_map:
        return {**stack_tags, **(own or {})}
    own = own or []
    keys = {tag.get("Key") for tag in own}
    inherited = [{"Key": k, "Value": v} for k, v in stack_tags.items() if k not in keys]
    return [*own, *inherited]


def _with_dynamic_values(value: Any, scope: StackScope) -> Any:
    if isinstance(value, dict):
        return {key: _with_dynamic_values(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_dynamic_values(item, scope) for item in value]
    if isinstance(value, str) and "{{resolve:" in value:
        return scope.dynamic_value(value)
    return value


def resolved_outputs(definition: Definition, scope: StackScope) -> list[Output]:
    """Each output of the definition with its value.

    Raises:
        ValidationError: a value is not a scalar, or cannot be had.
    """
    outputs = []
    for key, declared in definition.outputs.items():
        value = resolve(declared["Value"], scope, f"/Outputs/{key}/Value")
        if not is_text(value):
            raise ValidationError(
                f"Template format error: Output {key} is malformed. The Value field of every Outputs member must "
                "evaluate to a String."
            )
        name = resolve(declared["Export"]["Name"], scope, f"/Outputs/{key}/Export/Name") if "Export" in declared else ""
        if not is_text(name):
            raise ValidationError(
                f"Template format error: Output {key} is malformed. The Name field of every Export member must "
                "evaluate to a String."
            )
        outputs.append(Output(key, text_of(value), declared.get("Description"), text_of(name) or None))
    return outputs


_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}")


def _with_values(text: str, apis: AccountApis) -> str:
    """The text with each ``{{resolve:…}}`` replaced.

    Raises:
        ResourceFailure: there is no such parameter or secret.
    """
    return _REFERENCE.sub(lambda match: _value(match.group(1), match.group(2), apis), text)


def _value(service: str, reference: str, apis: AccountApis) -> str:
    try:
        if service == "secretsmanager":
            return _secret(reference, apis)
        client = apis.client("ssm")
        answer = client.get_parameter(Name=reference, WithDecryption=service == "ssm-secure")
        return answer["Parameter"]["Value"]
    except (ClientError, BotoCoreError, KeyError, TypeError, ValueError) as error:
        # The last three: the secret is not text, or no JSON object with that key.
        message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else str(error)
        raise ResourceFailure(f"Could not resolve {{{{resolve:{service}:{reference}}}}}: {message}") from None


def _secret(reference: str, apis: AccountApis) -> str:
    """``secret-id:SecretString:json-key:version-stage:version-id``, where an id may be an ARN."""
    arn = re.match(r"^(arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+)(?::(.*))?$", reference)
    name, rest = arn.groups() if arn else (reference.split(":")[0], reference.partition(":")[2])
    parts = [*(rest or "").split(":"), "", "", "", ""]
    wanted: dict[str, Any] = {"SecretId": name}
    if parts[2]:
        wanted["VersionStage"] = parts[2]
    if parts[3]:
        wanted["VersionId"] = parts[3]
    secret = apis.client("secretsmanager").get_secret_value(**wanted)["SecretString"]
    return str(json.loads(secret)[parts[1]]) if parts[1] else secret
