"""Which types stacks can have here: those that the services' rooms have, and moto's.

moto knows how to make some from a template: its classes take the resolved properties and keep the resource. What
nobody knows is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.core.common_models import CloudFormationModel

from localstage.door.refusal import Refusal
from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceContext, ResourceType, handler_message
from localstage.stacks.schema import TypeSchema, attribute_patterns, find_schema, offers_attribute

RefusalOf = Callable[[str, Properties], Refusal | None]
"""Why a resource of a type with these properties must not be made, or None."""
CUSTOM = "AWS::CloudFormation::CustomResource"
"""The type of all custom resources, whatever ``Custom::`` name they have."""
# AWS waits in this one for a signal from outside: nothing here sends one.
_REFUSED = ("AWS::CloudFormation::WaitCondition",)


def is_custom(name: str) -> bool:
    """Whether resources of this type are made by a function of the account."""
    return name == CUSTOM or name.startswith("Custom::")


class Registry:
    """The types and schemas of one account and region."""

    def __init__(self, region: str, types: Iterable[ResourceType], refusal_of: RefusalOf):
        """``types`` are the rooms'; ``refusal_of`` is asked of moto's."""
        self._region = region
        self._refusal_of = refusal_of
        self._types: dict[str, ResourceType] = {known.name: known for known in types}
        self._schemas: dict[str, TypeSchema | None] = {}

    def resource_type(self, name: str) -> ResourceType:
        """The type of this name.

        Raises:
            ResourceFailure: the stage cannot make resources of the type.
        """
        if is_custom(name):
            name = CUSTOM
        if name not in self._types:
            self._types[name] = self._moto_type(name)
        return self._types[name]

    def schema(self, name: str) -> TypeSchema | None:
        """The published schema of a type, or None when AWS has none; a custom resource has properties of its own."""
        if name not in self._schemas:
            self._schemas[name] = None if is_custom(name) else find_schema(self._region, name)
        return self._schemas[name]

    def replacing_changes(self, name: str, old: Properties, new: Properties) -> list[str]:
        """The properties for whose changes a resource of a type must be replaced. Raises ResourceFailure."""
        schema = self.schema(name)
        of_schema = schema.create_only_changes(old, new) if schema is not None else []
        return [*self.resource_type(name).replacing_changes(old, new), *of_schema]

    def is_known_to_aws(self, name: str) -> bool:
        """Whether a template with this type is well-formed."""
        return is_custom(name) or self.schema(name) is not None

    def offers(self, name: str, attribute: str) -> bool:
        """Whether ``Fn::GetAtt`` gives this attribute of a type."""
        if is_custom(name) or attribute.startswith("Outputs."):
            return True
        return offers_attribute(self._region, name, attribute)

    def _moto_type(self, name: str) -> ResourceType:
        from moto.cloudformation.parsing import get_model_map

        model = get_model_map().get(name)
        if name in _REFUSED or name == CUSTOM or model is None or not can_be_deleted(model):
            raise ResourceFailure(f"localstage does not support resource type {name}")
        return MotoType(name, model, self._refusal_of)


def can_be_deleted(model: type[CloudFormationModel]) -> bool:
    """Whether moto can take back what it makes; a stack must be able to."""
    return hasattr(model, "delete") or not _is_missing(model.delete_from_cloudformation_json)


def _is_missing(method: Any) -> bool:
    return hasattr(method, "__isabstractmethod__")


class MotoType(ResourceType):
    """One of moto's own types. Owns the moto objects that it made, by physical id."""

    def __init__(self, name: str, model: type[CloudFormationModel], refusal_of: RefusalOf):
        self.name = name
        self.name_property = model.cloudformation_name_type() or None
        self._model = model
        self._refusal_of = refusal_of
        self._backend = model.__module__.split(".")[1]
        self._made: dict[str, Any] = {}

    def create(self, context: ResourceContext, properties: Properties) -> str:
        self._check_allowed(context, "Create", properties)
        named = properties.get(self.name_property or "")
        made = self._model.create_from_cloudformation_json(
            named or context.generated_name(64),
            self._json(properties),
            context.account_id,
            context.region,
            LogicalId=context.logical_id,
            StackId=context.stack_id,
            ResourceType=self.name,
        )
        physical_id = str(made.physical_resource_id)
        self._made[physical_id] = made
        context.apis.changed(self._backend)
        return physical_id

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        self._check_allowed(context, "Update", new)
        if _is_missing(self._model.update_from_cloudformation_json):
            super().update(context, physical_id, old, new)
        updated = self._model.update_from_cloudformation_json(
            original_resource=self._made[physical_id],
            new_resource_name=new.get(self.name_property or "") or physical_id,
            cloudformation_json=self._json(new),
            account_id=context.account_id,
            region_name=context.region,
        )
        if updated is None or str(updated.physical_resource_id) != physical_id:
            raise ResourceFailure(f"localstage cannot update a resource of type {self.name} in place")
        self._made[physical_id] = updated
        context.apis.changed(self._backend)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        self._check_allowed(context, "Delete", {})
        made = self._made.pop(physical_id, None)
        if not _is_missing(self._model.delete_from_cloudformation_json):
            self._model.delete_from_cloudformation_json(
                physical_id, self._json(properties), context.account_id, context.region
            )
        elif made is not None:
            made.delete(context.account_id, context.region)
        context.apis.changed(self._backend)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        made = self._made[physical_id]
        found = {}
        for attribute in attribute_patterns(context.region, self.name):
            try:
                value = made.get_cfn_attribute(attribute)
            except Exception:  # moto raises what it likes for what it lacks.
                continue
            if isinstance(value, str | int | list):
                found[attribute] = value
        return found

    def _check_allowed(self, context: ResourceContext, verb: str, properties: Properties) -> None:
        """moto makes these without a call: the caller must be allowed ``service:VerbType`` on everything.

        What would invoke a function by itself is refused here too.
        Guess (Stacks whose caller): the action's name; AWS's own may be another, so a narrow policy is refused.
        """
        _, service, kind = self.name.split("::")
        denial = context.apis.denial(f"{service.lower()}:{verb}{kind}")
        if denial is not None:
            raise ResourceFailure(handler_message(denial, "AccessDenied"))
        refused = self._refusal_of(self.name, properties)
        if refused is not None:
            raise ResourceFailure(refused.message)

    def _json(self, properties: Properties) -> dict[str, Any]:
        return {"Type": self.name, "Properties": properties}
