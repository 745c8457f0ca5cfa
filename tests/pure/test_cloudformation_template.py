"""How the text of a template is read, and what is refused at once."""

from __future__ import annotations

import pytest

from localstage.stacks.errors import ValidationError
from localstage.stacks.template import read_template

BUCKET = "Resources: {Bucket: {Type: AWS::S3::Bucket}}"


def refusal(text: str) -> str:
    """The message with which the template is refused."""
    with pytest.raises(ValidationError) as refused:
        read_template(text)
    return str(refused.value.message)


def test_template_when_it_is_yaml_with_short_intrinsics():
    """Short intrinsics become the long ones, nested ones included."""
    template = read_template(
        """
        Resources:
          Route:
            Type: AWS::ApiGatewayV2::Route
            Properties:
              ApiId: !Ref Api
              Target: !Join ['/', [integrations, !Ref Integration]]
              Uri: !Sub ['${Arn}/x', {Arn: !GetAtt Function.Arn}]
              Code: !Base64 {'Fn::Sub': hello}
        """
    )
    assert template.resources["Route"]["Properties"] == {
        "ApiId": {"Ref": "Api"},
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]},
        "Uri": {"Fn::Sub": ["${Arn}/x", {"Arn": {"Fn::GetAtt": ["Function", "Arn"]}}]},
        "Code": {"Fn::Base64": {"Fn::Sub": "hello"}},
    }


def test_template_when_it_has_dates():
    """A date stays the text that policies and the format version need."""
    template = read_template(
        "AWSTemplateFormatVersion: 2010-09-09\n"
        "Resources: {Role: {Type: AWS::IAM::Role, Properties: {P: {Version: 2012-10-17}}}}"
    )
    assert template.body["AWSTemplateFormatVersion"] == "2010-09-09"
    assert template.resources["Role"]["Properties"]["P"]["Version"] == "2012-10-17"


def test_template_when_it_is_json():
    """JSON is read as well."""
    template = read_template('{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}')
    assert list(template.resources) == ["Bucket"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just text", "Template format error: unsupported structure."),
        ("[1, 2]", "Template format error: unsupported structure."),
        ("Description: nothing\n", "Template format error: At least one Resources member must be defined."),
        (
            "Resources: {Bucket: {Properties: {}}}",
            "Template format error: [/Resources/Bucket] Every Resources object must contain a Type member.",
        ),
        (
            "Resources: {my-bucket: {Type: AWS::S3::Bucket}}",
            "Template format error: Resource name my-bucket is non alphanumeric.",
        ),
        ("Resources: {Bucket: {Type: AWS::S3::Bucket, Depends: X}}", "Invalid template resource property 'Depends'"),
        (
            "Resources: {Bucket: {Type: AWS::S3::Bucket, Properties: }}",
            "[/Resources/Bucket/Properties] 'null' values are not allowed in templates",
        ),
        (f"Globals: {{}}\n{BUCKET}", "Invalid template property or properties [Globals]"),
        (f"Outputs:\n{BUCKET}", "[/Outputs] 'null' values are not allowed in templates"),
    ],
)
def test_template_when_its_shape_is_wrong(text, message):
    """A template of the wrong shape is refused with AWS's sentence."""
    assert refusal(text) == message


def test_template_when_its_yaml_is_broken():
    """Broken YAML is refused with the place of the fault."""
    assert refusal("Resources:\n  A: [1, 2\n  B: 3\n").startswith(
        "Template format error: YAML not well-formed. (line 3, column"
    )


def test_template_when_its_json_is_broken():
    """Broken JSON is refused with the place of the fault."""
    assert refusal('{"Resources": {"A": }}') == ("Template format error: JSON not well-formed. (line 1, column 21)")


def test_template_when_it_asks_for_sam():
    """Globals are part of a template with the serverless transform."""
    template = read_template(f"Transform: AWS::Serverless-2016-10-31\nGlobals: {{}}\n{BUCKET}")
    assert template.transforms == ["AWS::Serverless-2016-10-31"]
