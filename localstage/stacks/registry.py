"""Which types stacks can have here, and how a type is found by its name."""

from __future__ import annotations

from collections.abc import Iterable

from localstage.services.apigatewayv2 import resource_types as apigatewayv2
from localstage.services.awslambda import resource_types as awslambda
from localstage.services.dynamodb import global_table
from localstage.services.dynamodb import resource_types as dynamodb
from localstage.services.iam import resource_types as iam
from localstage.services.messaging import resource_types as messaging
from localstage.services.others import budgets, supporting
from localstage.services.s3 import resource_types as storage
from localstage.stacks import account_settings
from localstage.stacks.errors import ResourceFailure
from localstage.stacks.moto_types import MotoType, can_be_deleted
from localstage.stacks.resource_type import ResourceType
from localstage.stacks.schema import TypeSchema, find_schema, offers_attribute

_OWN_TYPES: tuple[ResourceType, ...] = (
    *apigatewayv2.TYPES,
    *awslambda.TYPES,
    *budgets.TYPES,
    *dynamodb.TYPES,
    *global_table.TYPES,
    *iam.TYPES,
    *messaging.TYPES,
    *storage.TYPES,
    *supporting.TYPES,
    *account_settings.TYPES,
)
# AWS waits in these for a signal from outside, or calls a function: nothing here can.
_REFUSED = ("AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitCondition")


class Registry:
    """The types and schemas of one account and region."""

    def __init__(self, region: str, types: Iterable[ResourceType] = _OWN_TYPES):
        self._region = region
        self._types: dict[str, ResourceType] = {known.name: known for known in types}
        self._schemas: dict[str, TypeSchema | None] = {}

    def resource_type(self, name: str) -> ResourceType:
        """The type of this name.

        Raises:
            ResourceFailure: the stage cannot make resources of the type.
        """
        if name not in self._types:
            self._types[name] = self._moto_type(name)
        return self._types[name]

    def schema(self, name: str) -> TypeSchema | None:
        """The published schema of a type, or None when AWS has no such type."""
        if name not in self._schemas:
            self._schemas[name] = find_schema(self._region, name)
        return self._schemas[name]

    def is_known_to_aws(self, name: str) -> bool:
        """Whether a template with this type is well-formed."""
        return name.startswith("Custom::") or self.schema(name) is not None

    def offers(self, name: str, attribute: str) -> bool:
        """Whether ``Fn::GetAtt`` gives this attribute of a type."""
        if name.startswith("Custom::") or attribute.startswith("Outputs."):
            return True
        return offers_attribute(self._region, name, attribute)

    def _moto_type(self, name: str) -> ResourceType:
        from moto.cloudformation.parsing import get_model_map

        model = get_model_map().get(name)
        if name in _REFUSED or model is None or not can_be_deleted(model):
            raise ResourceFailure(f"The local stage does not support resource type {name}")
        return MotoType(name, model)
