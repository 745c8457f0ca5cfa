"""The expressions of templates that hold or do not: conditions, and the rules about parameters.

Rules have all functions of conditions, and three that compare lists; the CDK's templates check with one of
them which version of its bootstrap stack there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localstage.stacks.errors import ValidationError
from localstage.stacks.intrinsics import Function, Scope, is_text, is_texts, list_of, refused, resolve, text_of


def evaluate(expression: Any, scope: Scope, place: str = "", rule: bool = False) -> bool:
    """Whether a condition expression, or with ``rule`` a rule expression, holds.

    Raises:
        ValidationError: it is malformed, or calls what is not supported.
    """
    if isinstance(expression, bool):
        return expression
    if not isinstance(expression, dict) or len(expression) != 1:
        what = "assertion must contain a rule" if rule else "Conditions member must contain a condition"
        raise ValidationError(f"Template format error: Every {what} function." + (f" ({place})" if place else ""))
    ((name, argument),) = expression.items()
    if name == "Condition" and not rule:
        if not isinstance(argument, str):
            raise refused("every Condition object must have a single String value.", place)
        return scope.condition(argument)
    if name in _CONNECTIVES:
        least, most, combine = _CONNECTIVES[name]
        if not isinstance(argument, list) or not least <= len(argument) <= most:
            parameters = "one boolean parameter." if most == 1 else _TWO_TO_TEN
            raise refused(f"every {name} object requires {parameters}", place)
        parts = [evaluate(part, scope, f"{place}/{name}/{number}", rule) for number, part in enumerate(argument)]
        return combine(parts)
    comparison = (_RULE_COMPARISONS if rule else _COMPARISONS).get(name)
    if comparison is None:
        if name in _UNSUPPORTED_IN_RULES:
            raise refused(f"localstage does not support {name}", place)
        raise refused(f"{name} is not a {'rule' if rule else 'condition'} function", place)
    sides = resolve(argument, scope, f"{place}/{name}")
    if not comparison.takes(sides):
        raise refused(comparison.refusal, place)
    return comparison.result(sides, scope, place)


def check_rules(rules: Mapping[str, Any], scope: Scope) -> None:
    """Check a template's ``Rules``: what its parameters must satisfy together (user guide, "Rules section").

    Raises:
        ValidationError: with the description of the first assertion that does not hold.
    """
    for name, rule in rules.items():
        assertions = rule.get("Assertions") if isinstance(rule, dict) else None
        if not isinstance(assertions, list) or not all(isinstance(assertion, dict) for assertion in assertions):
            raise ValidationError(f"Template format error: Rule {name} must have a list of Assertions.")
        if not evaluate(rule.get("RuleCondition", True), scope, f"/Rules/{name}/RuleCondition", rule=True):
            continue
        for number, assertion in enumerate(assertions):
            place = f"/Rules/{name}/Assertions/{number}/Assert"
            if not evaluate(assertion.get("Assert"), scope, place, rule=True):
                # Guess (`AWS::DynamoDB::GlobalTable`; `Rules`): the sentence around the description.
                description = assertion.get("AssertDescription", f"assertion {number + 1} does not hold")
                raise ValidationError(f"Template validation error: Rule {name}: {description}")


_TWO_TO_TEN = "a list of at least 2 and at most 10 boolean parameters."
_CONNECTIVES: dict[str, tuple[int, int, Callable[[list[bool]], bool]]] = {
    "Fn::And": (2, 10, all),
    "Fn::Or": (2, 10, any),
    "Fn::Not": (1, 1, lambda parts: not parts[0]),
}


def _texts(values: list[Any]) -> list[str]:
    return [text_of(value) for value in values]


_COMPARISONS = {
    "Fn::Equals": Function(
        list_of(is_text, is_text),
        "every Fn::Equals object requires a list of 2 string parameters.",
        lambda sides, scope, place: text_of(sides[0]) == text_of(sides[1]),
    )
}
# Guess (Malformed templates): the sentences of the three.
_RULE_COMPARISONS = {
    **_COMPARISONS,
    "Fn::Contains": Function(
        list_of(is_texts, is_text),
        "every Fn::Contains object requires a list of strings and a string.",
        lambda sides, scope, place: text_of(sides[1]) in _texts(sides[0]),
    ),
    "Fn::EachMemberEquals": Function(
        list_of(is_texts, is_text),
        "every Fn::EachMemberEquals object requires a list of strings and a string.",
        lambda sides, scope, place: set(_texts(sides[0])) <= {text_of(sides[1])},
    ),
    "Fn::EachMemberIn": Function(
        list_of(is_texts, is_texts),
        "every Fn::EachMemberIn object requires two lists of strings.",
        lambda sides, scope, place: set(_texts(sides[0])) <= set(_texts(sides[1])),
    ),
}
_UNSUPPORTED_IN_RULES = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")
