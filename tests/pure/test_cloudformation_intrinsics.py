"""What intrinsic functions and conditions give."""

from __future__ import annotations

from typing import Any

import pytest

from localstage.stacks.conditions import evaluate
from localstage.stacks.errors import ValidationError
from localstage.stacks.intrinsics import resolve


class Names:
    """A scope with a parameter, a resource and a condition."""

    mappings = {"Sizes": {"dev": {"memory": 128}}}
    region = "eu-central-1"

    def ref(self, name: str) -> Any:
        return {"Stage": "prod", "List": ["a", "b"], "Api": "abcdefghij"}[name]

    def get_att(self, logical_id: str, attribute: str) -> Any:
        return f"{logical_id}-{attribute}"

    def condition(self, name: str) -> bool:
        return name == "IsProd"

    def import_value(self, name: str) -> Any:
        return f"imported {name}"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Stage"}, "prod"),
        ({"Fn::GetAtt": ["Function", "Arn"]}, "Function-Arn"),
        ({"Fn::GetAtt": "Nested.Outputs.Url"}, "Nested-Outputs.Url"),
        ({"Fn::Join": ["/", ["integrations", {"Ref": "Api"}]]}, "integrations/abcdefghij"),
        ({"Fn::Join": [",", {"Ref": "List"}]}, "a,b"),
        ({"Fn::Join": ["", ["is ", True]]}, "is true"),
        ({"Fn::Sub": "wss://${Api}/${Stage}"}, "wss://abcdefghij/prod"),
        ({"Fn::Sub": "${Function.Arn}/x"}, "Function-Arn/x"),
        ({"Fn::Sub": "${!Literal} ${ Stage }"}, "${Literal} prod"),
        ({"Fn::Sub": ["${Name}-${Stage}", {"Name": {"Ref": "Api"}}]}, "abcdefghij-prod"),
        ({"Fn::Sub": '{"a": "${Stage}"}'}, '{"a": "prod"}'),
        ({"Fn::Select": [1, ["a", "b"]]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": ["-", "x-y"]}]}, "x"),
        ({"Fn::FindInMap": ["Sizes", "dev", "memory"]}, 128),
        ({"Fn::If": ["IsProd", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsDev", "yes", "no"]}, "no"),
        ({"Fn::Base64": "hello"}, "aGVsbG8="),
        ({"Fn::ImportValue": {"Fn::Sub": "${Stage}-url"}}, "imported prod-url"),
        ({"Fn::GetAZs": ""}, ["eu-central-1a", "eu-central-1b", "eu-central-1c"]),
        ({"Fn::Cidr": ["10.0.0.0/24", 2, 6]}, ["10.0.0.0/26", "10.0.0.64/26"]),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"prod"}'),
        ({"a": 1, "b": {"Ref": "AWS::NoValue"}}, {"a": 1}),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"a": {"Fn::If": ["IsDev", 1, {"Ref": "AWS::NoValue"}]}}, {}),
    ],
)
def test_intrinsic_when_resolved(expression, value):
    """Each intrinsic function gives what AWS documents."""
    assert resolve(expression, Names()) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            {"Fn::FindInMap": ["Sizes", "prod", "memory"]},
            "Template error: Unable to get mapping for Sizes::prod::memory",
        ),
        ({"Fn::Select": [2, ["a", "b"]]}, "Template error: Fn::Select cannot select nonexistent value at index 2"),
        ({"Ref": ["Api"]}, "Template error: every Ref object must have a single String value."),
        (
            {"Fn::Sub": "${a-b}"},
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric "
            "characters, underscores, periods, and colons",
        ),
        ({"Fn::Unheard": "x"}, "Template error: localstage does not support Fn::Unheard"),
    ],
)
def test_intrinsic_when_malformed(expression, message):
    """A malformed intrinsic function is refused by name."""
    with pytest.raises(ValidationError) as refused:
        resolve(expression, Names())
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Fn::Equals": [{"Ref": "Stage"}, "prod"]}, True),
        ({"Fn::Equals": [True, "true"]}, True),
        ({"Fn::Not": [{"Condition": "IsProd"}]}, False),
        ({"Fn::And": [{"Condition": "IsProd"}, {"Fn::Equals": ["a", "a"]}]}, True),
        ({"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]}, False),
        ({"Fn::Or": [{"Condition": "IsDev"}, {"Condition": "IsProd"}]}, True),
    ],
)
def test_condition_when_evaluated(condition, holds):
    """Condition functions combine as AWS documents."""
    assert evaluate(condition, Names()) is holds
