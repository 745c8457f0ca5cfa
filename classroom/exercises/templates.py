"""A learner's CloudFormation template as the checks read it: resources by type, with values for what they refer to.

A reference to a resource becomes ``<LogicalId>``, an attribute ``<LogicalId.Arn>``,
a parameter the value that the check gives it, else its default, and of
``Fn::If`` the branch that its condition chooses. So a check compares what a
property comes to, however it is written. Deploys nothing; knows no exercise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from classroom.exercises.checks import CheckFailed

PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_LONG_FORMS = ("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::If")
_NO_VALUE = object()


class Template:
    """One template, with ``given`` values of its parameters. Raises ``CheckFailed`` where it is none.

    ``only`` and ``all_of`` look at the resources whose names begin with ``begins``, and do not begin with ``but``.
    """

    def __init__(self, text: str, given: Mapping[str, str], *, begins: str = "", but: str = ""):
        self._begins = begins
        self._looked_at = lambda name: name.startswith(begins) and not (but and name.startswith(but))
        body = yaml.load(text, _Loader)  # nosec B506: a SafeLoader
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
        self.parameters: dict[str, dict[str, Any]] = {
            name: one for name, one in (body.get("Parameters") or {}).items() if isinstance(one, dict)
        }
        defaults = {name: one["Default"] for name, one in self.parameters.items() if "Default" in one}
        known = {name: value for name, value in given.items() if name in self.parameters}
        self._values = {**PSEUDO, "AWS::NoValue": _NO_VALUE, **defaults, **known}

    def only(self, kind: str) -> tuple[str, dict[str, Any]]:
        """The logical ID and the properties of the one resource of a type."""
        found = [name for name, one in self.resources.items() if one["Type"] == kind and self._looked_at(name)]
        if len(found) != 1:
            named = f" whose name begins with {self._begins}" if self._begins else ""
            raise CheckFailed(
                f"there is one resource of the type {kind}{named}. There are {len(found)}. "
                f"Look at: the line Type: {kind}, two spaces deeper than the resource's name."
            )
        return found[0], self.properties(found[0])

    def all_of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each resource of a type, by logical ID."""
        found = [name for name, one in self.resources.items() if one["Type"] == kind and self._looked_at(name)]
        return {name: self.properties(name) for name in found}

    def properties(self, name: str) -> dict[str, Any]:
        """What the properties of a resource come to."""
        properties = self.resources[name].get("Properties")
        if not isinstance(properties, dict):
            raise CheckFailed(
                f"{name} has properties. It has none. Look at: how far Properties is indented under {name}."
            )
        return self.resolved(properties)

    def holds(self, condition: str) -> bool:
        """Whether a condition is true with these parameters."""
        conditions = self.body.get("Conditions") or {}
        if condition not in conditions:
            raise CheckFailed(
                f"each condition that is named exists. The template has no condition {condition}. "
                "Look at: its name, two spaces deeper than the word Conditions."
            )
        return self._is_true(conditions[condition])

    def _is_true(self, rule: Any) -> bool:
        name, argument = next(iter(rule.items())) if isinstance(rule, dict) and len(rule) == 1 else ("", rule)
        if name == "Condition":
            return self.holds(str(argument))
        if name == "Fn::Equals":
            one, other = map(self.resolved, argument)
            return str(one) == str(other)
        if name in _OF_CONDITIONS:
            return _OF_CONDITIONS[name](map(self._is_true, argument))
        raise CheckFailed(f"a condition asks something. It is {rule!r}. Look at: !Equals, which compares two values.")

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
        found = {key: self.resolved(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one is not _NO_VALUE}

    def _worked_out(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._value(str(argument))
        if name == "Fn::GetAtt":
            return self._value(".".join(argument) if isinstance(argument, list) else str(argument))
        if name == "Fn::If":
            return self.resolved(argument[1 if self.holds(argument[0]) else 2])
        if name == "Fn::Join":
            return str(argument[0]).join(str(self.resolved(one)) for one in argument[1])
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = self.resolved(own)
        return re.sub(
            r"\$\{([^!}]+)\}", lambda found: str(own[found[1]] if found[1] in own else self._value(found[1])), str(text)
        )

    def _value(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name.partition(".")[0] in self.resources:
            return f"<{name}>"
        raise CheckFailed(
            f"each name that is referred to exists. The template has no parameter and no resource {name}. "
            f"Look at: the spelling of {name}, and whether it stands under Resources."
        )


_OF_CONDITIONS: dict[str, Callable[[Iterable[bool]], bool]] = {
    "Fn::Not": lambda rules: not all(rules),
    "Fn::And": all,
    "Fn::Or": any,
}


def statements_of(document: Any) -> list[dict[str, Any]]:
    """The statements of a policy document, which may be one or a list."""
    return listed((document or {}).get("Statement") if isinstance(document, dict | None) else None)


def listed(value: Any) -> list[Any]:
    """What IAM takes one or several of, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short forms; with libyaml, which most have, in a tenth of the time."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        argument: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _short_form)
