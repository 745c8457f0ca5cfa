"""Templates that nobody would write: each is refused, or ends in a status from which its stack can be deleted."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from localstage.stacks.errors import CloudFormationError
from tests.fuzzing import invented, json_values, texts
from tests.process.stack_engine import Engine

TOPIC = {"Type": "AWS::SNS::Topic"}
NAMES = ("Topic", "P", "C", "M", "AWS::Region", "AWS::NoValue", "TopicName", "a", "")
FUNCTIONS = (
    *("Ref", "Fn::Sub", "Fn::Join", "Fn::GetAtt", "Fn::If", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::Cidr"),
    *("Fn::Base64", "Fn::GetAZs", "Fn::ImportValue", "Fn::Length", "Fn::ToJsonString", "Fn::Transform", "Fn::ForEach"),
    *("Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition", "Fn::RefAll", "Fn::ValueOf"),
)
leaves = json_values | st.sampled_from(NAMES) | st.sampled_from(["${Topic}", "${", "${!a}", "10.0.0.0/8", "1", "|"])
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FUNCTIONS), inner, min_size=1, max_size=1)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)
templates = st.fixed_dictionaries(
    {
        "Resources": st.fixed_dictionaries(
            {
                "Topic": st.fixed_dictionaries(
                    {"Type": st.just("AWS::SNS::Topic")},
                    optional={
                        "Properties": st.dictionaries(st.sampled_from(["DisplayName", "Tags", "FifoTopic"]), values)
                        | values,
                        "Condition": st.sampled_from(["C"]) | values,
                        "DependsOn": st.sampled_from(["Other", "Topic"]) | values,
                        "DeletionPolicy": values,
                        "Metadata": values,
                    },
                )
            },
            optional={"Other": st.just(TOPIC), "Third": values},
        )
    },
    optional={
        "Parameters": st.fixed_dictionaries(
            {
                "P": st.fixed_dictionaries(
                    {"Type": st.sampled_from(["String", "Number", "CommaDelimitedList", "List<Number>"]) | texts},
                    optional={
                        name: values | st.sampled_from(["a", "(a+)+$", "1", ["a"]])
                        for name in ("Default", "AllowedPattern", "AllowedValues", "MinLength", "MaxValue", "NoEcho")
                    },
                )
            }
        )
        | values,
        "Mappings": st.just({"M": {"a": {"b": "c"}}}) | values,
        "Conditions": st.fixed_dictionaries({"C": values}) | values,
        "Outputs": st.fixed_dictionaries(
            {"X": st.fixed_dictionaries({"Value": values}, optional={"Export": values, "Condition": values})}
        )
        | values,
        "Rules": st.fixed_dictionaries({"R": values}) | values,
        "Description": values,
        "Transform": st.sampled_from(["AWS::LanguageExtensions"]) | values,
    },
)


def ends_well(engine: Engine) -> None:
    """Every stack is in a status that is an end, for a reason that is not the engine's own failure, and goes."""
    for stack in engine.backend.stacks.values():
        assert stack.status.endswith(("_COMPLETE", "_FAILED")), stack.status
        assert "Internal Failure" not in str(stack.status_reason), stack.status_reason
    engine.delete()
    assert engine.backend.stacks == {} and engine.topics.existing == {}


@invented
@given(templates)
@example({"Resources": {"Topic": {**TOPIC, "Properties": {"DisplayName": {"Fn::Join": [",", {"Ref": "P"}]}}}}})
def test_creation_when_the_template_is_invented(template: Any):
    """CreateStack refuses the template or makes a stack of which the end is known."""
    engine = Engine()
    try:
        engine.create(json.dumps(template))
    except CloudFormationError as refused:
        assert refused.message
    ends_well(engine)


@invented
@given(templates)
def test_update_when_the_template_is_invented(template: Any):
    """UpdateStack refuses the template, or ends with the new state or the old one."""
    engine = Engine()
    engine.create(json.dumps({"Resources": {"Topic": {**TOPIC, "Properties": {"DisplayName": "one"}}}}))
    try:
        engine.update(json.dumps(template))
    except CloudFormationError as refused:
        assert refused.message
    ends_well(engine)


@invented
@given(texts | st.lists(st.sampled_from(["a", ": ", "\n", "  ", "- ", "&x ", "*x", "!Ref ", "!Sub ", "{", "}", "'"])))
@example(["Resources: &x\n  a: *x"])
def test_text_when_it_is_invented(text: str | list[str]):
    """A text that is no template is refused in words."""
    engine = Engine()
    try:
        engine.create("".join(text))
    except CloudFormationError as refused:
        assert refused.message
    ends_well(engine)
