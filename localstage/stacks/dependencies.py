"""Which resource needs which: references, checks of names, and the order of work.

Pure: works on a template's resources whose conditions have been decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localstage.stacks.errors import UnresolvedDependencies, ValidationError
from localstage.stacks.intrinsics import attribute_reference, sub_parts, sub_variables

PSEUDO_PARAMETERS = {
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
}


def references(value: Any) -> Iterator[tuple[str, str | None]]:
    """Each name that a value refers to, with the attribute when it is a ``Fn::GetAtt``."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref" and isinstance(item, str) and len(value) == 1:
            yield item, None
        elif key == "Fn::GetAtt":
            logical_id, attribute = attribute_reference(item)
            yield logical_id, attribute if isinstance(attribute, str) else None
            yield from references(attribute)
        elif key == "Fn::Sub":
            yield from _sub_references(item)
        else:
            yield from references(item)


def _sub_references(argument: Any) -> Iterator[tuple[str, str | None]]:
    text, variables = sub_parts(argument)
    yield from references(list(variables.values()))
    for _, name in sub_variables(text):
        if name is not None and name not in variables:
            logical_id, _, attribute = name.partition(".")
            yield logical_id, attribute or None


def declared_dependencies(resource: Mapping[str, Any]) -> list[str]:
    """The resource's ``DependsOn``, as a list."""
    declared = resource.get("DependsOn", [])
    return [declared] if isinstance(declared, str) else list(declared)


def check_references(body: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
    """Refuse names that the template does not define.

    ``resources`` are those that exist under the template's conditions.

    Raises:
        ValidationError: with AWS's text for each kind of unresolved name.
    """
    known = PSEUDO_PARAMETERS | set(body.get("Parameters") or {}) | set(resources)
    for resource in resources.values():
        _check_attributes(resource, resources)
        wanted = [name for name, _ in references(resource.get("Properties"))]
        _check_known([*wanted, *declared_dependencies(resource)], known, "Resources")
    for output in (body.get("Outputs") or {}).values():
        _check_attributes(output, resources)
        _check_known([name for name, _ in references(output)], known, "Outputs")


def _check_attributes(value: Any, resources: Mapping[str, Any]) -> None:
    for name, attribute in references(value):
        if attribute is not None and name not in resources:
            raise ValidationError("Template error: instance of Fn::GetAtt references undefined resource " + name)


def _check_known(names: list[str], known: set[str], block: str) -> None:
    unresolved = [name for name in dict.fromkeys(names) if name not in known]
    if unresolved:
        raise UnresolvedDependencies(unresolved, block)


def dependencies(resources: Mapping[str, Any]) -> dict[str, set[str]]:
    """The logical ids that each resource must be preceded by."""
    return {
        logical_id: {
            name
            for name in [
                *(name for name, _ in references(resource.get("Properties"))),
                *declared_dependencies(resource),
            ]
            if name in resources and name != logical_id
        }
        for logical_id, resource in resources.items()
    }


def creation_order(resources: Mapping[str, Any]) -> list[str]:
    """Logical ids in the order of creation.

    CloudFormation starts every resource as soon as what it needs is there. So
    the order goes in waves, and in the template's order within a wave: a
    Deployment that does not depend on its routes comes before them (FIDELITY
    section 11, trap 2).

    Raises:
        ValidationError: the dependencies form a circle.
    """
    waiting = dependencies(resources)
    for logical_id, resource in resources.items():
        if any(name == logical_id for name, _ in references(resource.get("Properties"))):
            raise _circle([logical_id])
    order: list[str] = []
    while waiting:
        wave = [logical_id for logical_id, wanted in waiting.items() if not wanted]
        if not wave:
            raise _circle(_in_circles(waiting))
        order.extend(wave)
        waiting = {
            logical_id: wanted.difference(wave) for logical_id, wanted in waiting.items() if logical_id not in wave
        }
    return order


def _circle(logical_ids: list[str]) -> ValidationError:
    return ValidationError(f"Circular dependency between resources: [{', '.join(logical_ids)}]")


def _in_circles(waiting: dict[str, set[str]]) -> list[str]:
    """What waits for itself, leaving out what only waits for a circle."""
    remaining = dict(waiting)
    while True:
        wanted_by_some = set().union(*remaining.values())
        useless = [logical_id for logical_id in remaining if logical_id not in wanted_by_some]
        if not useless:
            return list(remaining)
        for logical_id in useless:
            del remaining[logical_id]
