"""A template's ``Rules``: what its parameters must satisfy together, checked before anything is done.

AWS: CloudFormation user guide, "Rules section". Rule functions are those of
conditions and four that compare lists; the CDK's templates check with one of
them which version of its bootstrap stack there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localstage.stacks.errors import ValidationError
from localstage.stacks.intrinsics import Scope, resolve, text_of

_REFUSED = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")


def check_rules(rules: Mapping[str, Any], scope: Scope) -> None:
    """Raises ValidationError with the description of the first assertion that does not hold."""
    for name, rule in rules.items():
        assertions = rule.get("Assertions") if isinstance(rule, dict) else None
        if not isinstance(assertions, list):
            raise ValidationError(f"Template format error: Rule {name} must have a list of Assertions.")
        if not holds(rule.get("RuleCondition", True), scope):
            continue
        for number, assertion in enumerate(assertions, 1):
            if not holds(assertion.get("Assert"), scope):
                # Guess: the sentence around the description.
                description = assertion.get("AssertDescription", f"assertion {number} does not hold")
                raise ValidationError(f"Template validation error: Rule {name}: {description}")


def holds(expression: Any, scope: Scope) -> bool:
    """Whether a rule expression holds. Raises ValidationError for one that is malformed or not supported."""
    if isinstance(expression, bool):
        return expression
    if not isinstance(expression, dict) or len(expression) != 1:
        raise ValidationError("Template format error: Every assertion must contain a rule function.")
    ((name, argument),) = expression.items()
    if name in _REFUSED:
        raise ValidationError(f"Template error: the local stage does not support {name}")
    if name in ("Fn::And", "Fn::Or", "Fn::Not"):
        parts = [holds(part, scope) for part in argument]
        return {"Fn::And": all(parts), "Fn::Or": any(parts), "Fn::Not": not parts[0]}[name]
    if name not in _COMPARISONS or not isinstance(argument, list) or len(argument) != 2:
        raise ValidationError(f"Template error: {name} is not a rule function")
    left, right = (_texts(resolve(side, scope)) for side in argument)
    return _COMPARISONS[name](left, right)


def _texts(value: Any) -> list[str]:
    return [text_of(item) for item in value] if isinstance(value, list) else [text_of(value)]


_COMPARISONS = {
    "Fn::Contains": lambda values, wanted: wanted[0] in values,
    "Fn::EachMemberEquals": lambda values, wanted: all(value == wanted[0] for value in values),
    "Fn::EachMemberIn": lambda values, allowed: set(values) <= set(allowed),
    "Fn::Equals": lambda one, other: one == other,
}
