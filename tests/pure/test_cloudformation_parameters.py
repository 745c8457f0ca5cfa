"""What a stack's parameters may be."""

from __future__ import annotations

import pytest

from localstage.stacks.errors import ValidationError
from localstage.stacks.parameters import parameter_texts, parameter_values
from localstage.stacks.request import given_parameters


def refusal(declarations: dict, given: dict) -> str:
    """The message with which the values are refused."""
    with pytest.raises(ValidationError) as refused:
        parameter_texts(declarations, given)
    return str(refused.value.message)


def test_parameter_when_it_has_a_default():
    """A parameter that is not given takes its default, as text."""
    declarations = {"Days": {"Type": "Number", "Default": 7}, "On": {"Type": "String", "Default": True}}
    assert parameter_texts(declarations, {}) == {"Days": "7", "On": "true"}


def test_parameter_when_it_is_a_list():
    """List types resolve to a list, and numbers stay text as Ref gives them."""
    declarations = {"Names": {"Type": "CommaDelimitedList"}, "Size": {"Type": "Number"}}
    texts = parameter_texts(declarations, {"Names": "a, b", "Size": "5"})
    values = parameter_values(declarations, texts, lambda name: name)
    assert values == {"Names": ["a", "b"], "Size": "5"}


def test_parameter_when_it_names_a_stored_one():
    """A parameter of an SSM type resolves to what the Parameter Store holds."""
    declarations = {"Ami": {"Type": "AWS::SSM::Parameter::Value<String>"}}
    texts = parameter_texts(declarations, {"Ami": "/ami/latest"})
    assert parameter_values(declarations, texts, lambda name: f"value of {name}") == {"Ami": "value of /ami/latest"}


@pytest.mark.parametrize(
    ("declarations", "given", "message"),
    [
        ({"A": {"Type": "String"}, "B": {"Type": "String"}}, {}, "Parameters: [A, B] must have values"),
        ({}, {"X": "1"}, "Parameters: [X] do not exist in the template"),
        (
            {"A": {"Type": "String", "AllowedValues": ["dev", "prod"]}},
            {"A": "test"},
            "Parameter 'A' must be one of AllowedValues",
        ),
        ({"A": {"Type": "String", "AllowedPattern": "[a-z]+"}}, {"A": "B1"}, "Parameter 'A' must match pattern [a-z]+"),
        (
            {"A": {"Type": "String", "AllowedPattern": "x", "ConstraintDescription": "only x"}},
            {"A": "y"},
            "Parameter A failed to satisfy constraint: only x",
        ),
        ({"A": {"Type": "Number"}}, {"A": "many"}, "Parameter 'A' must be a number."),
        ({"A": {"Type": "Number", "MaxValue": 3}}, {"A": "4"}, "Parameter 'A' must be a number not greater than 3"),
        ({"A": {"Type": "String", "MinLength": 3}}, {"A": "ab"}, "Parameter 'A' must contain at least 3 characters"),
        ({"A": {"Type": "Text"}}, {"A": "ab"}, "Template format error: Unrecognized parameter type: Text"),
    ],
)
def test_parameter_when_its_value_is_not_allowed(declarations, given, message):
    """A value that the template forbids is refused, naming the parameter."""
    assert refusal(declarations, given) == message


def test_parameter_when_the_previous_value_is_used():
    """UsePreviousValue takes what the stack has, and is refused where there is none."""
    request = [{"ParameterKey": "A", "UsePreviousValue": True}]
    assert given_parameters(request, {"A": "old"}) == {"A": "old"}
    with pytest.raises(ValidationError, match="not in the previous template"):
        given_parameters(request)
