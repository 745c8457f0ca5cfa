"""Malformed templates: every wrong argument of every function, everywhere, is refused or ends in a status."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from localstage.stacks.errors import ValidationError
from tests.process.stack_engine import Engine

WRONG: dict[str, Any] = {
    "nothing": None,
    "text": "first",
    "empty text": "",
    "number": 7,
    "truth": True,
    "empty list": [],
    "one": ["a"],
    "two": ["first", "b"],
    "two lists": [["a"], ["b"]],
    "negative": [-1, ["a"]],
    "beyond": [9, ["a"]],
    "three": ["a", "b", "c"],
    "four": ["a", "b", "c", "d"],
    "many": list(range(11)),
    "objects": [{}, {}],
    "empty object": {},
    "object": {"a": "b", "c": ["d"]},
    "list within": [["a", ["b"]], [["c"]]],
    "resource": {"Ref": "Topic"},
    "unknown name": {"Ref": "Unheard"},
    "no value": {"Ref": "AWS::NoValue"},
    "values not there": [{"Ref": "AWS::NoValue"}, {"Ref": "AWS::NoValue"}],
    "a list for text": [",", {"Fn::Split": [",", "a,b"]}, {"Fn::Split": [",", "a,b"]}],
    "text for a list": [0, {"Fn::Join": ["", ["a"]]}],
    "list in a list": [",", [{"Fn::Split": [",", "a,b"]}]],
    "block": ["10.0.0.0/33", 1, 8],
    "too many": ["10.0.0.0/24", 1000000000, 8],
    "names": ["a", {"b": ["c"]}],
    "braces": "${}${a b}${!x}${",
    "list as variable": ["${X}", {"X": {"Fn::Split": [",", "a,b"]}}],
    "function without name": {"Fn::": ["a"]},
    "itself": {"Fn::Sub": {"Fn::Select": {"Fn::GetAtt": []}}},
}
INTRINSICS = (
    *("Ref", "Condition", "Fn::Base64", "Fn::Cidr", "Fn::FindInMap", "Fn::GetAZs", "Fn::GetAtt", "Fn::If"),
    *("Fn::ImportValue", "Fn::Join", "Fn::Length", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString"),
    *("Fn::Transform", "Fn::ForEach", "Fn::Unheard"),
)
CONDITIONS = ("Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or", "Fn::If", "Ref")
RULES = (*CONDITIONS, "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::RefAll", "Fn::ValueOf")
TOPIC = {"Type": "AWS::SNS::Topic"}
PLACES = {
    "property": (
        INTRINSICS,
        lambda f: {"Resources": {"Topic": TOPIC, "T": {**TOPIC, "Properties": {"DisplayName": f}}}},
    ),
    "nested property": (
        INTRINSICS,
        lambda f: {"Resources": {"Topic": TOPIC, "T": {**TOPIC, "Properties": {"Tags": [{"Key": f, "Value": f}]}}}},
    ),
    "properties": (INTRINSICS, lambda f: {"Resources": {"Topic": TOPIC, "T": {**TOPIC, "Properties": f}}}),
    "argument": (
        INTRINSICS,
        lambda f: {"Resources": {"Topic": TOPIC}, "Outputs": {"X": {"Value": {"Fn::Join": ["", ["a", f]]}}}},
    ),
    "output": (INTRINSICS, lambda f: {"Resources": {"Topic": TOPIC}, "Outputs": {"X": {"Value": f}}}),
    "export": (
        INTRINSICS,
        lambda f: {"Resources": {"Topic": TOPIC}, "Outputs": {"X": {"Value": "a", "Export": {"Name": f}}}},
    ),
    "condition": (CONDITIONS, lambda f: {"Resources": {"Topic": TOPIC}, "Conditions": {"C": f}}),
    "part of a condition": (
        CONDITIONS,
        lambda f: {"Resources": {"Topic": TOPIC}, "Conditions": {"C": {"Fn::Not": [f]}}},
    ),
    "side of a condition": (
        INTRINSICS,
        lambda f: {"Resources": {"Topic": TOPIC}, "Conditions": {"C": {"Fn::Equals": [f, "a"]}}},
    ),
    "rule": (RULES, lambda f: {"Resources": {"Topic": TOPIC}, "Rules": {"R": {"Assertions": [{"Assert": f}]}}}),
    "rule's condition": (
        RULES,
        lambda f: {"Resources": {"Topic": TOPIC}, "Rules": {"R": {"RuleCondition": f, "Assertions": []}}},
    ),
    "policy": (INTRINSICS, lambda f: {"Resources": {"Topic": {**TOPIC, "DeletionPolicy": f}}}),
}
MEMBERS = {
    "section": ("Parameters", "Mappings", "Conditions", "Outputs", "Rules", "Resources", "Transform", "Description"),
    "resource": ("Type", "Properties", "Condition", "DependsOn", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"),
    "output": ("Value", "Export", "Condition", "Description"),
    "parameter": (
        *("Type", "Default", "AllowedValues", "AllowedPattern", "MinLength", "MaxLength", "MinValue", "MaxValue"),
        *("NoEcho", "Description", "ConstraintDescription"),
    ),
}


def outcome(body: Any) -> str:
    """How a template is answered: the refusal, or the status that its stack ends in."""
    engine = Engine()
    try:
        stack = engine.create(json.dumps(body))
    except ValidationError as refused:
        return str(refused.message)
    assert stack.status in ("CREATE_COMPLETE", "ROLLBACK_COMPLETE"), stack.status
    assert "Internal Failure" not in str(stack.status_reason), stack.status_reason
    status = stack.status
    engine.delete()
    assert engine.backend.stacks == {} and engine.topics.existing == {}
    return status


@pytest.mark.parametrize("place", PLACES)
def test_template_when_a_function_has_a_wrong_argument(place):
    """Each function with each wrong argument is refused, or fails its resource; nothing else is raised."""
    functions, template_with = PLACES[place]
    outcomes = {
        (function, name): outcome(template_with({function: wrong}))
        for function in functions
        for name, wrong in WRONG.items()
    }
    assert all(outcomes.values())


@pytest.mark.parametrize("place", ["property", "nested property", "argument", "export"])
def test_update_when_a_function_has_a_wrong_argument(place):
    """An update with a malformed function is refused or rolled back, and the stack can be deleted."""
    functions, template_with = PLACES[place]
    for function in functions:
        for name, wrong in WRONG.items():
            engine = Engine()
            stack = engine.create(json.dumps({"Resources": {"Topic": {**TOPIC, "Properties": {"DisplayName": "one"}}}}))
            with contextlib.suppress(ValidationError):
                engine.update(json.dumps(template_with({function: wrong})))
            assert stack.status.endswith("_COMPLETE"), (function, name, stack.status)
            assert "Internal Failure" not in str(stack.status_reason), stack.status_reason


@pytest.mark.parametrize(("member", "names"), MEMBERS.items())
def test_template_when_a_member_has_a_wrong_shape(member, names):
    """Each member of a template with each wrong value is refused, ignored as on AWS, or fails its resource."""
    for name in names:
        for wrong in WRONG.values():
            body: dict[str, Any] = {
                "Parameters": {"P": {"Type": "String", "Default": "a"}},
                "Resources": {"Topic": dict(TOPIC)},
                "Outputs": {"X": {"Value": "a"}},
            }
            owner = {"section": body, "resource": body["Resources"]["Topic"], "output": body["Outputs"]["X"]}
            owner.get(member, body["Parameters"]["P"])[name] = wrong
            assert outcome(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"Conditions": {"C": {"Fn::Equals": ["a"]}}},
            "Template error: every Fn::Equals object requires a list of 2 string parameters. (/Conditions/C)",
        ),
        (
            {"Conditions": {"C": {"Fn::And": []}}},
            "Template error: every Fn::And object requires a list of at least 2 and at most 10 boolean parameters. "
            "(/Conditions/C)",
        ),
        (
            {"Outputs": {"X": {"Value": {"Fn::Join": ["-", ["a", {"Fn::Select": ["first", ["a"]]}]]}}}},
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list "
            "(/Outputs/X/Value/Fn::Join/1/1)",
        ),
        (
            {"Outputs": {"X": {"Value": {"Fn::Sub": ["a"]}}}},
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
            "string as first argument, and an optional second argument to specify a mapping of values to replace in "
            "the string (/Outputs/X/Value)",
        ),
        (
            {"Outputs": {"X": {"Value": {"Fn::Split": ["", "a"]}}}},
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
            "to be split or a function that returns a string to be split. (/Outputs/X/Value)",
        ),
        (
            {"Rules": {"R": {"Assertions": [{"Assert": {"Fn::Not": []}}]}}},
            "Template error: every Fn::Not object requires one boolean parameter. (/Rules/R/Assertions/0/Assert)",
        ),
        (
            {"Outputs": {"X": {"Value": "a", "Export": {}}}},
            "Template format error: Output X is malformed. The Name field of every Export member must be specified.",
        ),
    ],
)
def test_template_when_it_is_refused_by_place(body, message):
    """The refusal is AWS's sentence with the place of the fault."""
    assert outcome({"Resources": {"Topic": TOPIC}, **body}) == message


def nested(levels: int) -> Any:
    """A row of joins within joins."""
    value: Any = "a"
    for _ in range(levels):
        value = {"Fn::Join": ["", [value]]}
    return value


def test_template_when_it_is_nested_deeply():
    """What is nested beyond the limit is refused, in JSON and in YAML; what is below it is resolved."""
    too_deep = "Template format error: the template is nested more than 100 levels deep."
    assert outcome({"Resources": {"Topic": TOPIC}, "Outputs": {"X": {"Value": nested(30)}}}) == "CREATE_COMPLETE"
    for text in ("[" * 50_000, "{a: " * 50_000, "- " * 20_000, "&a [" * 20_000):  # What libyaml does in C.
        with pytest.raises(ValidationError):
            Engine().create(text)
    for levels in (60, 3000):
        text = "{" + '"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": '
        text += '{"Fn::Join": ["", [' * levels + '"a"' + "]]}" * levels + "}}}}"
        for template in (text, "---\n" + text):
            with pytest.raises(ValidationError) as refused:
                Engine().create(template)
            assert refused.value.message == too_deep


def test_template_when_it_has_too_many_resources():
    """500 resources are a template, 501 are not."""
    for number, expected in ((500, "CREATE_COMPLETE"), (501, "Number of resources, 501, is greater than maximum")):
        assert expected in outcome({"Resources": {f"T{index}": TOPIC for index in range(number)}})


def test_template_when_its_aliases_are_endless():
    """A template that is small as text and huge as values, or that contains itself, is refused."""
    bomb = "x: &a [a,a,a,a,a,a,a,a,a,a]\n"
    bomb += "\n".join(
        f"x{n}: &{b} [{', '.join([f'*{a}'] * 10)}]" for n, (a, b) in enumerate(zip("abcdefgh", "bcdefghi", strict=True))
    )
    bomb = "Metadata:\n  " + bomb.replace("\n", "\n  ")
    bomb += "\nResources: {T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: *i}}}\n"
    itself = "Resources: {T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: &a [*a]}}}"
    for text, message in ((bomb, "more than 200000 values"), (itself, "nested more than 100 levels")):
        with pytest.raises(ValidationError, match=message):
            Engine().create(text)


def test_parameter_when_its_pattern_takes_exponential_time():
    """A pattern that is invalid, or that would not come to an end, is refused."""
    for pattern, message in (("(", "is invalid"), ("(a+)+$", "must match"), ("(a|aa)+", "takes too long to match")):
        body = {
            "Parameters": {"P": {"Type": "String", "AllowedPattern": pattern, "Default": "a" * 80 + "!"}},
            "Resources": {"T": TOPIC},
        }
        assert message in outcome(body)


def test_sub_when_its_text_has_many_open_braces():
    """The time for a text of open braces grows with its length, and not with its square."""
    text = "${" * 20_000
    assert outcome({"Resources": {"T": {**TOPIC, "Metadata": {"Fn::Sub": text}}}}) == "CREATE_COMPLETE"
    body = {"Resources": {"T": TOPIC}, "Outputs": {"X": {"Value": {"Fn::Sub": text}}}}
    assert outcome(body) == "CREATE_COMPLETE"


def test_conditions_when_they_refer_to_each_other_in_a_long_row():
    """A row of conditions that is too long to be followed is refused."""
    conditions: dict[str, Any] = {"C0": {"Fn::Equals": ["a", "a"]}}
    for number in range(1, 2000):
        conditions[f"C{number}"] = {"Fn::Not": [{"Condition": f"C{number - 1}"}]}
    conditions = dict(reversed(conditions.items()))
    assert "nested too deeply" in outcome({"Resources": {"T": TOPIC}, "Conditions": conditions})


@pytest.mark.parametrize(
    ("properties", "fault"),
    [
        ({"Tags": {"Key": "a", "Value": "b"}}, "#/Tags: expected type: JSONArray, found: JSONObject"),
        ({"Tags": "a"}, "#/Tags: expected type: JSONArray, found: String"),
        ({"Tags": [["Key", "a"]]}, "#/Tags/0: expected type: JSONObject, found: JSONArray"),
        ({"FifoTopic": "perhaps"}, "#/FifoTopic: expected type: Boolean, found: String"),
    ],
)
def test_resource_when_a_property_has_another_type(properties, fault):
    """A value that the type's schema does not allow fails the resource, naming its place and both types."""
    engine = Engine()
    body = {"Resources": {"T": {**TOPIC, "Properties": properties}}}
    stack = engine.create(json.dumps(body), tags={"of": "the stack"})
    assert stack.status == "ROLLBACK_COMPLETE"
    assert fault in str(next(e for e in stack.events if e.resource_status == "CREATE_FAILED").resource_status_reason)
