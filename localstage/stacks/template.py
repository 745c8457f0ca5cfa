"""Read a template's text, check the shape that every template must have, and run its transforms.

Knows nothing of parameters' values, of resource types or of stacks. The texts
of the refusals are AWS's where they are publicly seen. What later work walks
through is bounded here: the depth of a template, and its size once YAML's
aliases are written out. SAM templates are translated by aws-sam-translator, the
code that AWS runs.
"""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from localstage.door import seams
from localstage.door.models import loaded_for_good
from localstage.stacks.errors import ValidationError

log = logging.getLogger(__name__)

MAX_TEMPLATE_BODY_BYTES = 51_200
MAX_TEMPLATE_URL_BYTES = 1_048_576
MAX_RESOURCES = 500
"""AWS: CloudFormation quotas."""
# Guess (Malformed templates): AWS publishes neither. A template of 1 MiB has some 70,000 values.
MAX_DEPTH = 100
MAX_VALUES = 200_000

FORMAT_VERSION = "2010-09-09"

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
        return [declared] if isinstance(declared, str) else declared


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as CloudFormation reads it: short intrinsics, keys that are text, and dates that stay text.

    With libyaml, which most have, in a tenth of the time. It calls itself for each level, in C, where too many
    of them end the process; so they are counted before.
    """

    _depth = 0

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValidationError(_TOO_DEEP)

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        return {
            key.value if isinstance(key, yaml.ScalarNode) else self.construct_object(key, deep=True): (
                self.construct_object(value, deep=deep)
            )
            for key, value in node.value
        }


def _construct_intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
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
        ValidationError: the text is not well-formed, is not a template, or is one of unbounded size.
    """
    try:
        body = _parse(text)
    except RecursionError:
        raise ValidationError(_TOO_DEEP) from None
    if not isinstance(body, dict):
        raise ValidationError("Template format error: unsupported structure.")
    _check_size(body)
    return checked_template(text, body)


def checked_template(text: str, body: dict[str, Any]) -> Template:
    """The template of a parsed body. Raises ValidationError where its sections are not what they must be."""
    template = Template(text, body)
    _check_sections(template)
    for key, parameter in template.section("Parameters").items():
        _check_parameter(key, parameter)
    for logical_id, resource in template.resources.items():
        _check_resource(logical_id, resource, template.transforms)
    for name, output in template.section("Outputs").items():
        _check_output(name, output)
    return template


def _parse(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise ValidationError(f"Template format error: JSON not well-formed. ({where})") from None
    try:
        try:
            return yaml.load(text, Loader=_Loader)  # nosec B506: a SafeLoader
        except yaml.MarkedYAMLError:
            yaml.compose(text)  # libyaml may give another place for the same fault.
            raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{where}") from None
    except (yaml.YAMLError, ValueError, TypeError):  # Values and keys that YAML's types do not allow.
        raise ValidationError("Template format error: YAML not well-formed.") from None


_TOO_DEEP = f"Template format error: the template is nested more than {MAX_DEPTH} levels deep."


def _check_size(body: dict[str, Any]) -> None:
    """Refuses what is too deep, too large once its aliases are followed, or not of JSON's types."""
    level: list[Any] = [body]
    seen = 0
    for _ in range(MAX_DEPTH):
        seen += len(level)
        if seen > MAX_VALUES:
            raise ValidationError(f"Template format error: the template has more than {MAX_VALUES} values.")
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                if not all(isinstance(key, str) for key in value):
                    raise ValidationError("Template format error: every key must be a string.")
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif value is not None and not isinstance(value, str | int | float):
                raise ValidationError(f"Template format error: unsupported value {str(value)[:80]}")
            if len(below) > MAX_VALUES:
                break
        level = below
        if not level:
            return
    raise ValidationError(_TOO_DEEP)


def _check_sections(template: Template) -> None:
    for section in template.body:
        allowed = _SECTIONS | _SAM_SECTIONS if "Transform" in template.body else _SECTIONS
        if section not in allowed:
            raise ValidationError(f"Invalid template property or properties [{section}]")
    for path in _null_paths(template.body, ""):
        raise ValidationError(f"[{path}] 'null' values are not allowed in templates")
    version = template.body.get("AWSTemplateFormatVersion", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise ValidationError(
            f"Template format error: [{version}] is not a supported value for AWSTemplateFormatVersion."
        )
    declared = template.body.get("Transform", [])
    if not isinstance(declared, str) and not _is_list_of_text(declared):
        raise ValidationError("Template format error: Transform must be a string or a list of strings.")
    if not isinstance(template.body.get("Description", ""), str):
        raise ValidationError("Template format error: Description must be a string.")
    for section in ("Resources", "Parameters", "Mappings", "Conditions", "Outputs", "Rules"):
        if not isinstance(template.body.get(section, {}), dict):
            raise ValidationError(f"Template format error: {section} must be an object.")
    if not template.resources:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    if len(template.resources) > MAX_RESOURCES:
        raise ValidationError(
            f"Template format error: Number of resources, {len(template.resources)}, is greater than maximum allowed, "
            f"{MAX_RESOURCES}"
        )


def _check_parameter(key: str, parameter: Any) -> None:
    if not isinstance(parameter, dict) or not isinstance(parameter.get("Type"), str):
        raise ValidationError("Template format error: Every Parameters object must contain a Type member.")
    if isinstance(parameter.get("Default"), dict | list):
        raise ValidationError("Template format error: Every Default member must be a string.")
    for name in ("MinLength", "MaxLength", "MinValue", "MaxValue"):
        if name in parameter and not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", str(parameter[name])):
            raise ValidationError(f"Template format error: Parameter {key}: {name} must be a number.")
    if not isinstance(parameter.get("AllowedValues", []), list):
        raise ValidationError(f"Template format error: Parameter {key}: AllowedValues must be a list.")
    for name in ("AllowedPattern", "ConstraintDescription", "Description"):
        if not isinstance(parameter.get(name, ""), str):
            raise ValidationError(f"Template format error: Parameter {key}: {name} must be a string.")


def _check_resource(logical_id: str, resource: Any, transforms: list[str]) -> None:
    if not logical_id.isalnum() or not logical_id.isascii():
        raise ValidationError(f"Template format error: Resource name {logical_id} is non alphanumeric.")
    if not isinstance(resource, dict):
        raise ValidationError("Template format error: Any Resources member must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise ValidationError(
            f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member."
        )
    allowed = _RESOURCE_MEMBERS | _SAM_MEMBERS if transforms else _RESOURCE_MEMBERS
    for member in resource:
        if member not in allowed and not member.startswith("Fn::"):
            raise ValidationError(f"Invalid template resource property '{member}'")
    # Guess (Malformed templates): the sentences of the next three.
    if not isinstance(resource.get("Properties", {}), dict):
        raise ValidationError(f"Template format error: [/Resources/{logical_id}/Properties] must be an object.")
    if not isinstance(resource.get("Condition", ""), str):
        raise ValidationError(f"Template format error: [/Resources/{logical_id}/Condition] must be a string.")
    declared = resource.get("DependsOn", [])
    if not isinstance(declared, str) and not _is_list_of_text(declared):
        raise ValidationError(
            f"Template format error: [/Resources/{logical_id}/DependsOn] must be a string or a list of strings."
        )


def _check_output(name: str, output: Any) -> None:
    malformed = f"Template format error: Output {name} is malformed."
    if not isinstance(output, dict) or output.get("Value") is None:
        raise ValidationError(f"{malformed} The Value field of every Outputs member must evaluate to a String.")
    export = output.get("Export", {"Name": ""})
    if not isinstance(export, dict) or export.get("Name") is None:
        raise ValidationError(f"{malformed} The Name field of every Export member must be specified.")
    for member in ("Condition", "Description"):
        if not isinstance(output.get(member, ""), str):
            raise ValidationError(f"{malformed} The {member} field of every Outputs member must be a String.")


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _null_paths(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _null_paths(item, f"{path}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _null_paths(item, f"{path}/{index}")


SERVERLESS = "AWS::Serverless-2016-10-31"
# Adds Fn::ToJsonString, Fn::Length and defaults of Fn::FindInMap to the language;
# the resolver knows the first two with and without it.
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


def transformed(template: Template, parameters: Mapping[str, str], region: str) -> Template:
    """The template after its transforms.

    Raises:
        ValidationError: a transform is not known here, or refuses the template.
    """
    for name in template.transforms:
        if name == SERVERLESS:
            template = _translated(template, parameters, region)
        elif name != LANGUAGE_EXTENSIONS:
            raise ValidationError(f"No transform named {name} found.")
    return template


@cache
def _sam() -> tuple[Any, Any, Any]:
    """SAM's translator, parser and refusal: loaded, for a fifth of a second, at the first template that needs them.

    A third more would go into the types of a function's properties, of which SAM asks for one, and seldom.
    """
    with loaded_for_good():
        types = "samtranslator.internal.schema_source.aws_serverless_function"
        seams.import_without("samtranslator.model.sam_resources", types, ())
        from samtranslator.model.exceptions import InvalidDocumentException
        from samtranslator.parser.parser import Parser
        from samtranslator.translator.translator import Translator

    return Translator, Parser, InvalidDocumentException


def _translated(template: Template, parameters: Mapping[str, str], region: str) -> Template:
    """The template with its serverless resources replaced by those that they stand for.

    Raises:
        ValidationError: SAM refuses the template.
    """
    import boto3

    Translator, Parser, InvalidDocumentException = _sam()
    session = boto3.Session("none", "none", region_name=region)
    translator = Translator({}, Parser(), boto_session=session)
    values: dict[str, Any] = {**parameters, "AWS::Region": region}
    try:
        body = translator.translate(copy.deepcopy(template.body), parameter_values=values)
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise ValidationError(f"Transform AWS::Serverless-2016-10-31 failed with: {error.message} {causes}") from None
    except Exception:  # The translator raises what it likes for shapes that it does not expect.
        log.exception("A template could not be translated")
        raise ValidationError("Transform AWS::Serverless-2016-10-31 failed with: Internal transform failure.") from None
    finally:
        translator.metrics.publish()  # Publishes nowhere; without it SAM warns on stderr.
    body.pop("Transform", None)
    return checked_template(json.dumps(body, default=str), body)
