"""A learner's template as the checks read it: what each property comes to, however it is written."""

from __future__ import annotations

import re

import pytest

from classroom.exercises.checks import CheckFailed
from classroom.exercises.templates import Template

TEXT = """
Parameters: {Prefix: {Type: String}}
Resources:
  Logs: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: !Sub "/aws/${Prefix}-x"}}
  Role: {Type: "AWS::IAM::Role", Properties: {Of: VALUE}}
Outputs: {Name: {Value: !Ref Logs}}
"""


@pytest.mark.parametrize(
    ("written", "comes_to"),
    [
        ("!Ref Prefix", "lab"),
        ("{Ref: Logs}", "<Logs>"),
        ("!GetAtt Logs.Arn", "<Logs.Arn>"),
        ('{"Fn::GetAtt": [Logs, Arn]}', "<Logs.Arn>"),
        ("!Sub '${Prefix}-${AWS::Region}-${Logs.Arn}'", "lab-us-east-1-<Logs.Arn>"),
        ('!Sub ["${Prefix}-${own}-${!kept}", {own: !Ref Logs}]', "lab-<Logs>-${!kept}"),
        ('!Join ["-", [a, !Ref Prefix]]', "a-lab"),
        ("${Prefix}-other", "${Prefix}-other"),
        ("[!Ref Prefix, {deep: !Ref Logs}]", ["lab", {"deep": "<Logs>"}]),
    ],
)
def test_property_when_worked_out(written, comes_to):
    """Short and long forms come to the same, and what is no function stays as it is."""
    quoted = f'"{written}"' if written.startswith("$") else written
    template = Template(TEXT.replace("VALUE", quoted), {"Prefix": "lab"})
    assert template.only("AWS::IAM::Role") == ("Role", {"Of": comes_to})
    assert template.outputs() == {"Name": "<Logs>"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("Resources:", "Resource:"), "It has no Resources"),
        (("VALUE", "!Ref Nobody"), "no parameter and no resource Nobody"),
        (("Parameters:", "Other:"), "no parameter and no resource Prefix"),
        (('{Type: "AWS::IAM::Role", Properties: {Of: VALUE}}', "{Properties: {}}"), "each resource has a Type. Role"),
        (("AWS::IAM::Role", "AWS::IAM::Roll"), "There are 0."),
        (("Properties: {Of: VALUE}", "Of: VALUE"), "Role has properties. It has none."),
    ],
)
def test_template_when_it_is_wrong(change, says):
    """A mistake is told in a sentence that names the thing and where to look."""
    with pytest.raises(CheckFailed, match=re.escape(says)) as raised:
        template = Template(TEXT.replace(*change), {"Prefix": "lab"})
        template.only("AWS::IAM::Role")
        template.only("AWS::Logs::LogGroup")
    assert "Look at: " in str(raised.value)


CHOOSING = """
Parameters:
  Mode: {Type: String, Default: small}
  Extra: {Type: String, Default: "no"}
Conditions:
  IsLarge: !Equals [!Ref Mode, large]
  IsPlain: !Not [!Equals [!Ref Extra, "yes"]]
  Both: !And [!Condition IsLarge, !Condition IsPlain]
  Either: !Or [!Condition IsLarge, !Not [!Condition IsPlain]]
Resources:
  Thing: {Type: "AWS::X::Thing", Properties: {Size: !If [IsLarge, 9, 1], Note: !If [Both, both, !Ref AWS::NoValue]}}
"""


@pytest.mark.parametrize(
    ("given", "properties", "either"),
    [
        ({}, {"Size": 1}, False),
        ({"Mode": "large"}, {"Size": 9, "Note": "both"}, True),
        ({"Mode": "large", "Extra": "yes"}, {"Size": 9}, True),
        ({"Extra": "yes"}, {"Size": 1}, True),
    ],
)
def test_condition_when_parameters_differ(given, properties, either):
    """A parameter has its default unless a value is given, and a property is what its condition chooses."""
    template = Template(CHOOSING, given)
    assert template.all_of("AWS::X::Thing") == {"Thing": properties}
    assert template.holds("Either") is either


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("IsLarge:", "Large:"), "has no condition IsLarge"),
        (("!Equals [!Ref Mode, large]", "!Ref Mode"), "It is {'Ref'"),
    ],
)
def test_condition_when_it_is_wrong(change, says):
    """A condition that is missing, or asks nothing, is told by its name."""
    with pytest.raises(CheckFailed, match=re.escape(says)):
        Template(CHOOSING.replace(*change), {}).holds("Both")
