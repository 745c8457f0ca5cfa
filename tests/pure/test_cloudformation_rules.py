"""A template's rules: which values of its parameters it takes."""

from __future__ import annotations

import pytest

from localstage.stacks.conditions import check_rules, evaluate
from localstage.stacks.errors import ValidationError


class Parameters:
    """A scope in which names are the parameters of a request."""

    mappings: dict = {}
    region = "us-east-1"
    _values = {"Stage": "prod", "Zones": ["a", "b"], "Size": "large"}

    def ref(self, name):
        return self._values[name]


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ({"Fn::Equals": [ref("Stage"), "prod"]}, True),
        ({"Fn::Equals": [ref("Stage"), "test"]}, False),
        ({"Fn::Contains": [["small", "large"], ref("Size")]}, True),
        ({"Fn::Contains": [["small"], ref("Size")]}, False),
        ({"Fn::Not": [{"Fn::Contains": [["1", "2"], 2]}]}, False),
        ({"Fn::EachMemberIn": [ref("Zones"), ["a", "b", "c"]]}, True),
        ({"Fn::EachMemberIn": [ref("Zones"), ["a"]]}, False),
        ({"Fn::EachMemberEquals": [ref("Zones"), "a"]}, False),
        ({"Fn::EachMemberEquals": [["a", "a"], "a"]}, True),
        ({"Fn::And": [{"Fn::Equals": ["1", 1]}, {"Fn::Equals": [True, "true"]}]}, True),
        ({"Fn::Or": [{"Fn::Equals": ["1", "2"]}, {"Fn::Equals": ["1", "3"]}]}, False),
    ],
)
def test_rule_function_when_evaluated(expression, result):
    """Each rule function compares values as text, lists member by member."""
    assert evaluate(expression, Parameters(), rule=True) is result


@pytest.mark.parametrize(
    "expression",
    [
        "prod",
        {"Fn::Equals": ["a"]},
        {"Fn::If": ["a", "b", "c"]},
        {"Fn::ValueOf": ["a", "b"]},
        {"Fn::And": [], "Fn::Or": []},
    ],
)
def test_rule_function_when_malformed(expression):
    """What is no rule function, or one that is not supported, is refused."""
    with pytest.raises(ValidationError):
        evaluate(expression, Parameters(), rule=True)


def test_rule_when_its_condition_does_not_hold():
    """A rule without or with a condition that holds is checked, any other is not; the description is told."""
    assertion = {"Assert": {"Fn::Equals": [ref("Size"), "small"]}, "AssertDescription": "only small ones"}
    checked = {"Rule": {"RuleCondition": {"Fn::Equals": [ref("Stage"), "prod"]}, "Assertions": [assertion]}}
    with pytest.raises(ValidationError) as refused:
        check_rules(checked, Parameters())
    assert "only small ones" in refused.value.message
    check_rules(
        {"Rule": {"RuleCondition": {"Fn::Equals": [ref("Stage"), "test"]}, "Assertions": [assertion]}}, Parameters()
    )
