"""Types that moto knows how to make from a template and this package has no module for.

moto's classes take the resolved properties and keep the resource; this file
turns that into a ``ResourceType``. What moto cannot do is refused by name.
"""

from __future__ import annotations

from typing import Any

from moto.core.common_models import CloudFormationModel

from localstage.services.refused import refusal
from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceType, Work
from localstage.stacks.schema import attribute_patterns


def can_be_deleted(model: type[CloudFormationModel]) -> bool:
    """Whether moto can take back what it makes; a stack must be able to."""
    return hasattr(model, "delete") or not _is_missing(model.delete_from_cloudformation_json)


def _is_missing(method: Any) -> bool:
    return hasattr(method, "__isabstractmethod__")


class MotoType(ResourceType):
    """One of moto's own types. Owns the moto objects that it made, by physical id."""

    def __init__(self, name: str, model: type[CloudFormationModel]):
        self.name = name
        self.name_property = model.cloudformation_name_type() or None
        self._model = model
        self._made: dict[str, Any] = {}

    def create(self, work: Work, properties: Properties) -> str:
        self._check_allowed(work, "Create")
        self._check_triggers(properties)
        named = properties.get(self.name_property or "")
        made = self._model.create_from_cloudformation_json(
            named or work.generated_name(64),
            self._json(properties),
            work.account_id,
            work.region,
            LogicalId=work.logical_id,
            StackId=work.stack_id,
            ResourceType=self.name,
        )
        physical_id = str(made.physical_resource_id)
        self._made[physical_id] = made
        return physical_id

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        self._check_allowed(work, "Update")
        self._check_triggers(new)
        if _is_missing(self._model.update_from_cloudformation_json):
            super().update(work, physical_id, old, new)
        updated = self._model.update_from_cloudformation_json(
            original_resource=self._made[physical_id],
            new_resource_name=new.get(self.name_property or "") or physical_id,
            cloudformation_json=self._json(new),
            account_id=work.account_id,
            region_name=work.region,
        )
        if updated is None or str(updated.physical_resource_id) != physical_id:
            raise ResourceFailure(f"The local stage cannot update a resource of type {self.name} in place")
        self._made[physical_id] = updated

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        self._check_allowed(work, "Delete")
        made = self._made.pop(physical_id, None)
        if not _is_missing(self._model.delete_from_cloudformation_json):
            self._model.delete_from_cloudformation_json(
                physical_id, self._json(properties), work.account_id, work.region
            )
        elif made is not None:
            made.delete(work.account_id, work.region)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        made = self._made[physical_id]
        found = {}
        for attribute in attribute_patterns(work.region, self.name):
            try:
                value = made.get_cfn_attribute(attribute)
            except Exception:  # moto raises what it likes for what it lacks.
                continue
            if isinstance(value, str | int | list):
                found[attribute] = value
        return found

    def _check_allowed(self, work: Work, verb: str) -> None:
        """moto makes these without a call: the caller must be allowed ``service:VerbType`` on everything.

        Guess: the action's name; AWS's own may be another, so a narrow policy is refused.
        """
        _, service, kind = self.name.split("::")
        denial = work.apis.denial(f"{service.lower()}:{verb}{kind}")
        if denial is not None:
            raise ResourceFailure(f'Resource handler returned message: "{denial}" (HandlerErrorCode: AccessDenied)')

    def _check_triggers(self, properties: Properties) -> None:
        """moto makes these without a call: what would invoke a function is refused here."""
        refused = refusal(self.name, properties)
        if refused is not None:
            raise ResourceFailure(refused.message)

    def _json(self, properties: Properties) -> dict[str, Any]:
        return {"Type": self.name, "Properties": properties}
