"""What a request asks a stack to be: template, parameters and conditions, checked and decided.

A ``Definition`` is made before anything is done, so every fault that can be
known from the template alone is answered at once and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.conditions import check_rules, evaluate
from localstage.stacks.dependencies import check_references, creation_order, dependencies, references
from localstage.stacks.errors import InsufficientCapabilities, NoSuchAttribute, ValidationError
from localstage.stacks.intrinsics import check_functions, resolve, text_of
from localstage.stacks.parameters import parameter_texts, parameter_values
from localstage.stacks.registry import Registry
from localstage.stacks.template import Template, read_template, transformed

_IAM_NAMES = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}


@dataclass(frozen=True)
class Owner:
    """The stack for which a definition is made, as far as templates can see it."""

    apis: AccountApis
    registry: Registry
    stack_id: str
    stack_name: str
    notification_arns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """A template with its parameters applied: which resources there are, and in which order."""

    owner: Owner
    template: Template
    processed: Template
    """The template after its transforms; the same one when it has none."""
    parameters: Mapping[str, str]
    values: Mapping[str, Any]
    conditions: Mapping[str, bool]
    resources: Mapping[str, Any] = field(default_factory=dict)
    """The resources whose condition holds, with every ``Fn::If`` decided."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    dependencies: Mapping[str, set[str]] = field(default_factory=dict)


def define(text: str, given: Mapping[str, str], owner: Owner) -> Definition:
    """Read a template and apply parameters to it.

    Raises:
        ValidationError: the template or a parameter is at fault.
    """
    template = read_template(text)
    try:
        return _define(template, given, owner)
    except RecursionError:  # Conditions that refer to each other in a very long row.
        raise ValidationError("Template error: the template's expressions are nested too deeply.") from None


def _define(template: Template, given: Mapping[str, str], owner: Owner) -> Definition:
    declarations = template.section("Parameters")
    parameters = parameter_texts(declarations, given)
    values = parameter_values(declarations, parameters, lambda name: _stored(owner.apis, name))
    processed = transformed(template, parameters, owner.apis.region)
    for name, resource in processed.resources.items():
        check_functions(resource.get("Properties"), f"/Resources/{name}/Properties")
    check_functions(processed.section("Outputs"), "/Outputs")
    scope = _ConditionScope(processed, values, owner)
    check_rules(template.section("Rules"), scope)
    conditions = {name: scope.condition(name) for name in processed.section("Conditions")}
    _check_condition_names(processed, conditions)
    check_references(processed.body, processed.resources)
    resources = {
        name: _with_policies(name, resource, scope)
        for name, resource in _existing(processed.resources, conditions).items()
    }
    outputs = _existing(processed.section("Outputs"), conditions)
    check_references({**processed.body, "Outputs": outputs}, resources)
    _check_types(resources, owner)
    return Definition(
        owner=owner,
        template=template,
        processed=processed,
        parameters=parameters,
        values=values,
        conditions=conditions,
        resources=resources,
        outputs=outputs,
        order=tuple(creation_order(resources)),
        dependencies=dependencies(resources),
    )


def required_capabilities(template: Template) -> list[str]:
    """What a template's resources ask the caller to acknowledge, as AWS names it."""
    capabilities = []
    for resource in template.resources.values():
        if resource["Type"] in _IAM_NAMES:
            named = _IAM_NAMES[resource["Type"]] in (resource.get("Properties") or {})
            capabilities.append("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
    return sorted(set(capabilities))[-1:]


def check_capabilities(definition: Definition, acknowledged: list[str], expands: bool = True) -> None:
    """Refuse what the caller has not acknowledged.

    ``expands`` says that transforms run without a review; change sets are reviewed.

    Raises:
        InsufficientCapabilities: with the capability that is missing.
    """
    if expands and definition.template.transforms and "CAPABILITY_AUTO_EXPAND" not in acknowledged:
        raise InsufficientCapabilities("CAPABILITY_AUTO_EXPAND")
    for capability in required_capabilities(definition.processed):
        enough = {"CAPABILITY_NAMED_IAM", capability}
        if enough.isdisjoint(acknowledged):
            raise InsufficientCapabilities(capability)


def pseudo_parameter(name: str, owner: Owner) -> Any:
    """The value of an ``AWS::`` name, or None when it is not one."""
    partition = "aws-cn" if owner.apis.region.startswith("cn-") else "aws"
    return {
        "AWS::AccountId": owner.apis.account_id,
        "AWS::NotificationARNs": list(owner.notification_arns),
        "AWS::Partition": partition,
        "AWS::Region": owner.apis.region,
        "AWS::StackId": owner.stack_id,
        "AWS::StackName": owner.stack_name,
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }.get(name)


class _ConditionScope:
    """Names as the Conditions block sees them: parameters, no resources."""

    def __init__(self, template: Template, values: Mapping[str, Any], owner: Owner):
        self.mappings = template.section("Mappings")
        self.region = owner.apis.region
        self._expressions = template.section("Conditions")
        self._values = values
        self._owner = owner
        self._open: set[str] = set()

    def ref(self, name: str) -> Any:
        value = self._values.get(name, pseudo_parameter(name, self._owner))
        return self.get_att(name, "") if value is None else value

    def get_att(self, logical_id: str, attribute: str) -> Any:
        raise ValidationError(
            f"Template format error: Unresolved dependencies [{logical_id}]. Cannot reference "
            "resources in the Conditions block of the template"
        )

    def import_value(self, name: str) -> Any:
        raise ValidationError("Template error: Cannot use Fn::ImportValue in Conditions.")

    def condition(self, name: str) -> bool:
        if name not in self._expressions:
            raise ValidationError(
                f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
            )
        if name in self._open:
            raise ValidationError(f"Template format error: Circular dependency between conditions: [{name}]")
        self._open.add(name)
        try:
            return evaluate(self._expressions[name], self, f"/Conditions/{name}")
        finally:
            self._open.discard(name)


def _stored(apis: AccountApis, name: str) -> str:
    try:
        return text_of(apis.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except (ClientError, BotoCoreError):
        raise ValidationError(f"Unable to fetch parameters [{name}] from parameter store for this account.") from None


def _check_condition_names(template: Template, conditions: Mapping[str, bool]) -> None:
    for section in ("Resources", "Outputs"):
        for name, member in template.section(section).items():
            condition = member.get("Condition") if isinstance(member, dict) else None
            if condition is not None and condition not in conditions:
                kind = "resource" if section == "Resources" else "output"
                raise ValidationError(
                    f"Template format error: Unresolved condition dependency {condition} of {kind} {name}"
                )


_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}


def _with_policies(logical_id: str, resource: dict[str, Any], scope: _ConditionScope) -> dict[str, Any]:
    """The resource with its policies resolved, which functions of parameters may give (AWS::LanguageExtensions)."""
    policies = {
        name: resolve(resource[name], scope, f"/Resources/{logical_id}/{name}")
        for name in _POLICIES
        if name in resource
    }
    for name, value in policies.items():
        if value not in _POLICIES[name]:  # Guess (Undocumented): the sentence.
            raise ValidationError(f"Template format error: Unrecognized {name} {value} for resource {logical_id}")
    return {**resource, **policies}


def _existing(members: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    return {
        name: _decided(member, conditions)
        for name, member in members.items()
        if "Condition" not in member or conditions[member["Condition"]]
    }


def _decided(value: Any, conditions: Mapping[str, bool]) -> Any:
    """The value with every ``Fn::If`` replaced by the branch that holds."""
    if isinstance(value, list):
        return [_decided(item, conditions) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and isinstance(value.get("Fn::If"), list) and len(value["Fn::If"]) == 3:
        name, when_true, when_false = value["Fn::If"]
        if not isinstance(name, str) or name not in conditions:
            raise ValidationError(
                f"Template format error: Unresolved condition dependency {name} in the Resources block of the template"
            )
        return _decided(when_true if conditions[name] else when_false, conditions)
    return {key: _decided(item, conditions) for key, item in value.items()}


def _check_types(resources: Mapping[str, Any], owner: Owner) -> None:
    kinds = {resource["Type"] for resource in resources.values()}
    unknown = sorted(kind for kind in kinds if not owner.registry.is_known_to_aws(kind))
    if unknown:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    _check_attributes(resources, owner)


def _check_attributes(resources: Mapping[str, Any], owner: Owner) -> None:
    for resource in resources.values():
        for name, attribute in references(resource.get("Properties")):
            target = resources.get(name)
            if target is None or not attribute or owner.registry.schema(target["Type"]) is None:
                continue
            if not owner.registry.offers(target["Type"], attribute):
                raise NoSuchAttribute(name, attribute)
