"""From a template's resource to the properties that a type gets: resolved, checked, tagged."""

from __future__ import annotations

from typing import Any

from localstage.stacks.errors import ResourceFailure
from localstage.stacks.intrinsics import NO_VALUE, resolve
from localstage.stacks.registry import Registry
from localstage.stacks.scope import StackScope


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
    for refused in sorted(kind.not_run.intersection(properties)):
        raise ResourceFailure(f"The local stage does not support property {refused} of {name}")
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
    keys = {tag["Key"] for tag in own}
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
