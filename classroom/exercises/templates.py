"""A learner's CloudFormation template as the checks read it: resources by type, with values for what they refer to.

A reference to a resource becomes ``<LogicalId>``, an attribute ``<LogicalId.Arn>``,
a parameter the value that the check gives it. So a check compares what a
property comes to, however it is written. Deploys nothing; knows no exercise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from classroom.exercises.checks import CheckFailed

PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_LONG_FORMS = ("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::Join")


class Template:
    """One template, with ``given`` values of its parameters. Raises ``CheckFailed`` where it is none."""

    def __init__(self, text: str, given: Mapping[str, str]):
        body = yaml.load(text, _Loader)
        if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
            raise CheckFailed(
                "it is a template. It has no Resources. Look at: the word Resources at the beginning of a line."
            )
        for name, resource in body["Resources"].items():
            if not isinstance(resource, dict) or "Type" not in resource:
                raise CheckFailed(
                    f"each resource has a Type. {name} has none. Look at: how far {name} is indented, "
                    "and whether it is meant to be a resource."
                )
        self.body, self.resources = body, body["Resources"]
        declared = body.get("Parameters") or {}
        self._values = {**PSEUDO, **{name: value for name, value in given.items() if name in declared}}

    def only(self, kind: str) -> tuple[str, dict[str, Any]]:
        """The logical ID and the properties of the one resource of a type."""
        found = [name for name, resource in self.resources.items() if resource["Type"] == kind]
        if len(found) != 1:
            raise CheckFailed(
                f"there is one resource of the type {kind}. There are {len(found)}. "
                f"Look at: the line Type: {kind}, two spaces deeper than the resource's name."
            )
        properties = self.resources[found[0]].get("Properties")
        if not isinstance(properties, dict):
            raise CheckFailed(
                f"{found[0]} has properties. It has none. Look at: how far Properties is indented under {found[0]}."
            )
        return found[0], self.resolved(properties)

    def outputs(self) -> dict[str, Any]:
        """What each output comes to, by its name."""
        found = self.body.get("Outputs") or {}
        return {name: self.resolved(one.get("Value")) for name, one in found.items() if isinstance(one, dict)}

    def resolved(self, value: Any) -> Any:
        """A value with its functions worked out."""
        if isinstance(value, list):
            return [self.resolved(one) for one in value]
        if not isinstance(value, dict):
            return value
        name = next(iter(value), "")
        if len(value) == 1 and name in _LONG_FORMS:
            return self._worked_out(name, value[name])
        return {key: self.resolved(one) for key, one in value.items()}

    def _worked_out(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._value(str(argument))
        if name == "Fn::GetAtt":
            return self._value(".".join(argument) if isinstance(argument, list) else str(argument))
        if name == "Fn::Join":
            return str(argument[0]).join(str(self.resolved(one)) for one in argument[1])
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = self.resolved(own)
        return re.sub(
            r"\$\{([^!}]+)\}", lambda found: str(own[found[1]] if found[1] in own else self._value(found[1])), str(text)
        )

    def _value(self, name: str) -> str:
        if name in self._values:
            return self._values[name]
        if name.partition(".")[0] in self.resources:
            return f"<{name}>"
        raise CheckFailed(
            f"each name that is referred to exists. The template has no parameter and no resource {name}. "
            f"Look at: the spelling of {name}, and whether it stands under Resources."
        )


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        argument: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _short_form)
