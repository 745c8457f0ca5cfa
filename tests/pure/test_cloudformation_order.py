"""In which order resources are made, and which names a template may use."""

from __future__ import annotations

import pytest

from localstage.stacks.dependencies import check_references, creation_order
from localstage.stacks.errors import ValidationError

CHAT = {
    "Stage": {"Type": "S", "Properties": {"DeploymentId": {"Ref": "Deployment"}}},
    "Deployment": {"Type": "D", "DependsOn": ["Connect"], "Properties": {"ApiId": {"Ref": "Api"}}},
    "Connect": {"Type": "R", "Properties": {"Target": {"Fn::Sub": "integrations/${Lambda}"}}},
    "Lambda": {"Type": "I", "Properties": {"Uri": {"Fn::GetAtt": ["Function", "Arn"]}}},
    "Function": {"Type": "F", "Properties": {"Environment": {"API": {"Ref": "Api"}}}},
    "Api": {"Type": "A"},
}


def test_order_when_resources_depend_on_others():
    """A resource comes after all that it refers to or depends on."""
    assert creation_order(CHAT) == ["Api", "Function", "Lambda", "Connect", "Deployment", "Stage"]


def test_order_when_a_deployment_does_not_depend_on_its_routes():
    """Without DependsOn the deployment comes before its routes, as it may on AWS."""
    deployment = {"Type": "D", "Properties": {"ApiId": {"Ref": "Api"}}}
    order = creation_order({**CHAT, "Deployment": deployment})
    assert order.index("Deployment") < order.index("Connect")


@pytest.mark.fidelity("11.4")
def test_order_when_resources_wait_for_each_other():
    """A circle is refused, naming those in it and not those that wait for it."""
    circle = {
        "A": {"Type": "T", "Properties": {"X": {"Ref": "B"}}},
        "B": {"Type": "T", "DependsOn": "A"},
        "C": {"Type": "T", "Properties": {"X": {"Ref": "A"}}},
    }
    with pytest.raises(ValidationError) as refused:
        creation_order(circle)
    assert refused.value.message == "Circular dependency between resources: [A, B]"


@pytest.mark.parametrize(
    ("resources", "outputs", "message"),
    [
        (
            {"A": {"Type": "T", "Properties": {"X": [{"Ref": "B"}, {"Fn::Sub": "${C}"}]}}},
            {},
            "Template format error: Unresolved resource dependencies [B, C] in the Resources block of the template",
        ),
        (
            {"A": {"Type": "T", "DependsOn": "B"}},
            {},
            "Template format error: Unresolved resource dependencies [B] in the Resources block of the template",
        ),
        (
            {"A": {"Type": "T"}},
            {"Url": {"Value": {"Ref": "B"}}},
            "Template format error: Unresolved resource dependencies [B] in the Outputs block of the template",
        ),
        (
            {"A": {"Type": "T", "Properties": {"X": {"Fn::GetAtt": ["B", "Arn"]}}}},
            {},
            "Template error: instance of Fn::GetAtt references undefined resource B",
        ),
    ],
)
def test_name_when_the_template_does_not_define_it(resources, outputs, message):
    """A name that nothing defines is refused with AWS's sentence."""
    with pytest.raises(ValidationError) as refused:
        check_references({"Outputs": outputs}, resources)
    assert refused.value.message == message


def test_name_when_it_is_a_parameter_or_pseudo_parameter():
    """Parameters and AWS's own names need no resource."""
    resources = {"A": {"Type": "T", "Properties": {"X": {"Fn::Sub": "${P}-${AWS::Region}"}}}}
    check_references({"Parameters": {"P": {}}}, resources)
