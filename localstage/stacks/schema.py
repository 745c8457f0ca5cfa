"""What a resource type's properties are: the published provider schemas, as cfn-lint ships them.

AWS: the CloudFormation registry's schema of each type says which properties
exist, which are required, which cannot change without a replacement, and
which attributes GetAtt offers. Read from the package's data, never from the
network.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from localstage.stacks.errors import ResourceFailure


class TypeSchema:
    """The schema of one resource type."""

    def __init__(self, schema: dict[str, Any]):
        self._schema = schema
        self.type_name: str = schema["typeName"]
        self._definitions: dict[str, Any] = schema.get("definitions", {})
        self.properties: dict[str, Any] = schema.get("properties", {})
        self.read_only = _paths(schema.get("readOnlyProperties"))
        self._create_only = _paths(schema.get("createOnlyProperties"))

    @property
    def tag_property(self) -> str | None:
        """The name of the property that holds tags, if the type has tags."""
        tagging = self._schema.get("tagging", {})
        name = tagging.get("tagProperty", "/properties/Tags").rsplit("/", 1)[-1]
        return name if tagging.get("taggable", True) and name in self.properties else None

    def tags_are_a_map(self) -> bool:
        """Whether tags are an object of key to value, rather than a list of pairs."""
        tag_property = self.properties.get(self.tag_property or "", {})
        return self._definition(tag_property).get("type") == "object"

    def checked(self, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        """The properties with their scalars in the types of the schema.

        Raises:
            ResourceFailure: a property is unknown, or a required one is missing.
        """
        writable = {name for name in self.properties if (name,) not in self.read_only}
        for name in properties:
            if name not in writable:
                raise ResourceFailure(f"Encountered unsupported property {name}")
        faults: list[str] = []
        value = self._typed(properties, self._schema, "#", faults)
        if faults:
            raise ResourceFailure(
                f"Properties validation failed for resource {logical_id} with message:\n" + "\n".join(faults)
            )
        return value

    def create_only_changes(self, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        """The top-level properties whose change asks for a replacement."""
        changed = {path[0] for path in self._create_only if _at(old, path) != _at(new, path)}
        return [name for name in self.properties if name in changed]

    def _definition(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._definitions.get(schema["$ref"].rsplit("/", 1)[-1], {})
        return schema

    def _typed(self, value: Any, schema: dict[str, Any], path: str, faults: list[str]) -> Any:
        schema = self._definition(schema)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if (isinstance(value, dict) and kinds == ["array"]) or (isinstance(value, list) and kinds == ["object"]):
            faults.append(_expected(kinds[0], value, path))
            return value
        if isinstance(value, dict):
            return self._typed_object(value, schema, path, faults)
        if isinstance(value, list):
            items = schema.get("items", {})
            return [self._typed(v, items, f"{path}/{i}", faults) for i, v in enumerate(value)]
        if schema.get("format") == "json" and isinstance(value, str):
            return _json_object(value)
        if "string" in kinds:
            return _typed_scalar(value, "string", path, faults)
        return _typed_scalar(value, kinds[0], path, faults) if len(kinds) == 1 else value

    def _typed_object(
        self, value: dict[str, Any], schema: dict[str, Any], path: str, faults: list[str]
    ) -> dict[str, Any]:
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        other: dict[str, Any] = next(iter(patterns.values()), {})
        if known and schema.get("additionalProperties") is False and not patterns:
            faults += [f"{path}: extraneous key [{key}] is not permitted" for key in value if key not in known]
        if known:
            faults += [
                f"{path}: required key [{key}] not found" for key in schema.get("required", []) if key not in value
            ]
        return {key: self._typed(item, known.get(key, other), f"{path}/{key}", faults) for key, item in value.items()}


def find_schema(region: str, type_name: str) -> TypeSchema | None:
    """The schema of a type that AWS has in the region, or None."""
    published = _published()
    for candidate in (region, "us-east-1"):
        try:
            found = published.PROVIDER_SCHEMA_MANAGER.get_resource_schema(candidate, type_name)
        except (published.ResourceNotFoundError, KeyError):
            continue
        return TypeSchema(found.schema)
    return None


def offers_attribute(region: str, type_name: str, attribute: str) -> bool:
    """Whether ``Fn::GetAtt`` gives this attribute of a type that AWS has."""
    return any(re.fullmatch(known, attribute) for known in attribute_patterns(region, type_name))


def attribute_patterns(region: str, type_name: str) -> list[str]:
    """The attributes of a type, each as a regular expression."""
    return sorted(_published().PROVIDER_SCHEMA_MANAGER.get_type_getatts(type_name, region))


@cache
def _published() -> ModuleType:
    """The part of cfn-lint that reads schemas, a copy of our own.

    The package's own first lines import all of cfn-lint, sympy and networkx, for 0.4 s of the first stack; here
    they are passed over. Whoever imports cfn-lint gets it whole.
    """
    others = _taken_out("cfnlint")
    spec = find_spec("cfnlint")
    assert spec is not None
    sys.modules["cfnlint"] = module_from_spec(spec)
    try:
        return import_module("cfnlint.schema")
    finally:
        _taken_out("cfnlint")
        sys.modules.update(others)


def _taken_out(package: str) -> dict[str, ModuleType]:
    """A package's modules, which are taken out of those that have been imported."""
    names = [name for name in sys.modules if name.partition(".")[0] == package]
    return {name: sys.modules.pop(name) for name in names}


def _paths(pointers: list[str] | None) -> set[tuple[str, ...]]:
    return {tuple(pointer.split("/")[2:]) for pointer in pointers or []}


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _json_object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _typed_scalar(value: Any, kind: str, path: str, faults: list[str]) -> Any:
    if kind == "string":
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else str(value)
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind in ("integer", "number") and isinstance(value, str):
        try:
            return int(value) if kind == "integer" else float(value)
        except ValueError:
            pass
    if not _is_a(value, kind):
        faults.append(_expected(kind, value, path))
    return value


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return (isinstance(value, int) and kind in ("integer", "number")) or (isinstance(value, float) and kind == "number")


def _expected(kind: str, value: Any, path: str) -> str:
    expected = {"array": "JSONArray", "object": "JSONObject"}.get(kind, kind.capitalize())
    found = {bool: "Boolean", str: "String", int: "Integer", float: "Double", list: "JSONArray", dict: "JSONObject"}
    return f"{path}: expected type: {expected}, found: {found.get(type(value), type(value).__name__)}"
