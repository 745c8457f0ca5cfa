"""The records of stacks and change sets in the shapes of CloudFormation's answers.

An answer takes the members that its shape has, by AWS's names or by theirs in ``snake_case``: one function serves
shapes that differ in which members they have, and a record that has AWS's names needs none.
"""

from __future__ import annotations

import json
from typing import Any

from localstage.stacks.change_set import ChangeSet, ResourceChange
from localstage.stacks.parameters import NO_ECHO
from localstage.stacks.stack import DriftDetection, ResourceDrift, Stack, StackResource
from localstage.stacks.template import Template

Shape = dict[str, Any]


def stack(record: Stack) -> Shape:
    """The shapes ``Stack`` and ``StackSummary``."""
    definition = record.definition
    return {
        "StackId": record.stack_id,
        "StackName": record.name,
        "ChangeSetId": record.change_set_id,
        "Description": definition.template.description if definition else None,
        "TemplateDescription": definition.template.description if definition else None,
        "Parameters": _parameters(record),
        "CreationTime": record.created,
        "LastUpdatedTime": record.updated,
        "DeletionTime": record.deleted,
        "RollbackConfiguration": {},
        "StackStatus": record.status,
        "StackStatusReason": record.status_reason,
        "DisableRollback": record.disable_rollback,
        "NotificationARNs": record.notification_arns,
        "TimeoutInMinutes": record.timeout_in_minutes,
        "Capabilities": record.capabilities or None,
        "Outputs": record.outputs or None,
        "RoleARN": record.role_arn,
        "Tags": tags(record.tags),
        "EnableTerminationProtection": record.termination_protection,
        "DriftInformation": _drift(record.drift),
    }


def tags(pairs: dict[str, str]) -> list[Shape]:
    """The shape ``Tags``."""
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def resource(owner: Stack, record: StackResource) -> Shape:
    """The shapes ``StackResource``, ``StackResourceSummary`` and ``StackResourceDetail``."""
    return {
        "StackName": owner.name,
        "StackId": owner.stack_id,
        "LogicalResourceId": record.logical_id,
        "PhysicalResourceId": record.physical_id,
        "ResourceType": record.type_name,
        "Timestamp": record.updated,
        "LastUpdatedTimestamp": record.updated,
        "ResourceStatus": record.status,
        "ResourceStatusReason": record.status_reason,
        "DriftInformation": _resource_drift(owner, record),
        "Metadata": json.dumps(record.metadata) if record.metadata is not None else None,
    }


def change_set(record: ChangeSet) -> Shape:
    """The answer of DescribeChangeSet."""
    definition = record.definition
    return {
        **vars(record),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in _visible(definition.template, definition.parameters).items()
        ],
        "RollbackConfiguration": {},
        "Tags": tags(record.tags or {}),
        "Changes": [{"Type": "Resource", "ResourceChange": _resource_change(change)} for change in record.changes],
    }


def _resource_change(change: ResourceChange) -> Shape:
    return {
        **vars(change),
        "Details": [
            {
                "Target": {"Attribute": "Properties", **vars(item)},
                "Evaluation": "Dynamic" if item.is_dynamic else "Static",
                "ChangeSource": "ResourceReference" if item.is_dynamic else "DirectModification",
            }
            for item in change.properties
        ],
    }


def template_summary(template: Template, capabilities: list[str]) -> Shape:
    """The answers of GetTemplateSummary and ValidateTemplate."""
    types = sorted({item["Type"] for item in template.resources.values()})
    iam = [name for name in types if name.startswith("AWS::IAM::")]
    reason = f"The following resource(s) require capabilities: [{', '.join(iam)}]"
    return {
        "Parameters": [_declaration(k, s) for k, s in template.section("Parameters").items()],
        "Description": template.description,
        "Capabilities": capabilities,
        "CapabilitiesReason": reason if capabilities else None,
        "ResourceTypes": types,
        "Version": template.body.get("AWSTemplateFormatVersion"),
        "DeclaredTransforms": template.transforms,
    }


def _declaration(key: str, declaration: Shape) -> Shape:
    default = declaration.get("Default")
    allowed = [str(value) for value in declaration.get("AllowedValues", [])]
    return {
        "ParameterKey": key,
        "DefaultValue": None if default is None else str(default),
        "ParameterType": declaration.get("Type"),
        "NoEcho": _is_secret(declaration),
        "Description": declaration.get("Description"),
        "ParameterConstraints": {"AllowedValues": allowed} if allowed else {},
    }


def _parameters(record: Stack) -> list[Shape] | None:
    definition = record.definition
    if definition is None or not definition.parameters:
        return None
    shown = _visible(definition.template, definition.parameters)
    declarations = definition.template.section("Parameters")
    stored = {
        key: definition.values[key]
        for key in shown
        if str(declarations[key].get("Type", "")).startswith("AWS::SSM::Parameter::Value<")
    }
    return [
        {"ParameterKey": key, "ParameterValue": value, "ResolvedValue": _joined(stored[key]) if key in stored else None}
        for key, value in shown.items()
    ]


def _joined(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _visible(template: Template, parameters: Any) -> dict[str, str]:
    declarations = template.section("Parameters")
    return {key: NO_ECHO if _is_secret(declarations.get(key, {})) else value for key, value in parameters.items()}


def _is_secret(declaration: Shape) -> bool:
    return str(declaration.get("NoEcho", "false")).lower() == "true"


def resource_drift(owner: Stack, drift: ResourceDrift) -> Shape:
    """The shape ``StackResourceDrift``."""
    known = drift.status in ("IN_SYNC", "MODIFIED")
    return {
        "StackId": owner.stack_id,
        "LogicalResourceId": drift.record.logical_id,
        "PhysicalResourceId": drift.record.physical_id,
        "ResourceType": drift.record.type_name,
        "ExpectedProperties": json.dumps(drift.expected) if known else None,
        "ActualProperties": json.dumps(drift.actual) if known else None,
        "PropertyDifferences": [
            {
                "PropertyPath": difference.path,
                "ExpectedValue": _text(difference.expected),
                "ActualValue": _text(difference.actual),
                "DifferenceType": difference.kind,
            }
            for difference in drift.differences
        ],
        "StackResourceDriftStatus": drift.status,
        "Timestamp": drift.found,
    }


def _drift(detection: DriftDetection | None) -> Shape:
    if detection is None:
        return {"StackDriftStatus": "NOT_CHECKED"}
    return {"StackDriftStatus": detection.stack_drift_status, "LastCheckTimestamp": detection.timestamp}


def _resource_drift(owner: Stack, record: StackResource) -> Shape:
    found = owner.drift.resources.get(record.logical_id) if owner.drift else None
    if found is None or found.status == "NOT_CHECKED":
        return {"StackResourceDriftStatus": "NOT_CHECKED"}
    return {"StackResourceDriftStatus": found.status, "LastCheckTimestamp": found.found}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
