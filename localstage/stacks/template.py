"""Read a template's text, and check the shape that every template must have.

Knows nothing of parameters' values, of resource types or of stacks. The texts
of the refusals are AWS's where they are publicly seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from localstage.stacks.errors import ValidationError

MAX_TEMPLATE_BODY_BYTES = 51_200
MAX_TEMPLATE_URL_BYTES = 1_048_576

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
}
_RESOURCE_MEMBERS = {
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Description",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
}
# What only SAM templates have: a section and two members of resources.
_SAM_SECTIONS = {"Globals"}
_SAM_MEMBERS = {"Connectors", "IgnoreGlobals"}


@dataclass(frozen=True)
class Template:
    """A template's text and its parsed, shape-checked body."""

    text: str
    body: dict[str, Any]

    def section(self, name: str) -> dict[str, Any]:
        """A section by its name, empty when the template has none."""
        return self.body.get(name) or {}

    @property
    def resources(self) -> dict[str, Any]:
        """Resource definitions by logical id."""
        return self.section("Resources")

    @property
    def description(self) -> str | None:
        """The template's description."""
        return self.body.get("Description")

    @property
    def transforms(self) -> list[str]:
        """The names of the transforms that the template asks for."""
        declared = self.body.get("Transform") or []
        return [declared] if isinstance(declared, str) else list(declared)


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short intrinsics, and dates that stay text."""


def _construct_intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_intrinsic)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_template(text: str) -> Template:
    """Parse JSON or YAML and check its shape.

    Raises:
        ValidationError: the text is not well-formed or is not a template.
    """
    body = _parse(text)
    if not isinstance(body, dict):
        raise ValidationError("Template format error: unsupported structure.")
    template = Template(text, body)
    _check_sections(template)
    for logical_id, resource in template.resources.items():
        _check_resource(logical_id, resource, template.transforms)
    return template


def _parse(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise ValidationError(f"Template format error: JSON not well-formed. ({where})") from None
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{where}") from None
    except yaml.YAMLError:
        raise ValidationError("Template format error: YAML not well-formed.") from None


def _check_sections(template: Template) -> None:
    for section in template.body:
        allowed = _SECTIONS | _SAM_SECTIONS if template.transforms else _SECTIONS
        if section not in allowed:
            raise ValidationError(f"Invalid template property or properties [{section}]")
    for section in ("Resources", "Parameters", "Mappings", "Conditions", "Outputs"):
        if section in template.body and template.body[section] is None:
            raise ValidationError(f"[/{section}] 'null' values are not allowed in templates")
        if not isinstance(template.section(section), dict):
            raise ValidationError(f"Template format error: {section} must be an object.")
    if not template.resources:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    for path in _null_paths(template.body["Resources"], "/Resources"):
        raise ValidationError(f"[{path}] 'null' values are not allowed in templates")


def _check_resource(logical_id: str, resource: Any, transforms: list[str]) -> None:
    if not isinstance(logical_id, str) or not logical_id.isalnum() or not logical_id.isascii():
        raise ValidationError(f"Template format error: Resource name {logical_id} is non alphanumeric.")
    if not isinstance(resource, dict):
        raise ValidationError("Template format error: Any Resources member must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise ValidationError(
            f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member."
        )
    allowed = _RESOURCE_MEMBERS | _SAM_MEMBERS if transforms else _RESOURCE_MEMBERS
    for member in resource:
        if member not in allowed and not str(member).startswith("Fn::"):
            raise ValidationError(f"Invalid template resource property '{member}'")


def _null_paths(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _null_paths(item, f"{path}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _null_paths(item, f"{path}/{index}")
