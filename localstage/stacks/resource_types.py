"""CloudFormation's own types: stacks within stacks, and marks in a template."""

from __future__ import annotations

from collections.abc import Generator

from botocore.exceptions import ClientError

from localstage.stacks.driver import Pause, StackEnd
from localstage.stacks.errors import NO_UPDATES, ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceContext, ResourceType


class Marker(ResourceType):
    """A resource without any effect on AWS either: making it is giving it an id."""

    def __init__(self, name: str):
        self.name = name

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return context.generated_name(100)

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        """Nothing is there to change."""

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        """Nothing is there to delete."""


class NestedStack(ResourceType):
    """A stack within a stack; its physical id is the inner stack's id."""

    name = "AWS::CloudFormation::Stack"

    def create(self, context: ResourceContext, properties: Properties) -> Generator[Pause, None, str]:
        client = context.client("cloudformation")
        stack_id = client.create_stack(StackName=context.generated_name(128), **_arguments(properties))["StackId"]
        context.on_created(stack_id)
        yield from self._expect(context, stack_id, "CREATE_COMPLETE", "created")
        return stack_id

    def update(
        self, context: ResourceContext, physical_id: str, old: Properties, new: Properties
    ) -> Generator[Pause, None, None]:
        try:
            context.client("cloudformation").update_stack(StackName=physical_id, **_arguments(new))
        except ClientError as error:
            # AWS: an inner stack that has nothing to change has been updated.
            if error.response["Error"].get("Message") == NO_UPDATES:
                return
            raise
        yield from self._expect(context, physical_id, "UPDATE_COMPLETE", "updated")

    def delete(
        self, context: ResourceContext, physical_id: str, properties: Properties
    ) -> Generator[Pause, None, None]:
        context.client("cloudformation").delete_stack(StackName=physical_id)
        yield from self._expect(context, physical_id, "DELETE_COMPLETE", "deleted")

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        stack = self._stack(context, physical_id)
        return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack.get("Outputs", [])}

    def _expect(self, context: ResourceContext, stack_id: str, status: str, done: str) -> Generator[Pause, None, None]:
        yield StackEnd(stack_id)
        stack = self._stack(context, stack_id)
        if stack["StackStatus"] != status:
            reason = stack.get("StackStatusReason", stack["StackStatus"])
            raise ResourceFailure(f"Embedded stack {stack_id} was not successfully {done}: {reason}")

    def _stack(self, context: ResourceContext, stack_id: str) -> Properties:
        answer = context.client("cloudformation").describe_stacks(StackName=stack_id)
        return answer["Stacks"][0]


# The outer request was checked for the inner templates' sake (AWS asks the same of it).
_ALL_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def _arguments(properties: Properties) -> Properties:
    """What CreateStack and UpdateStack take of a nested stack."""
    return {
        "TemplateURL": properties["TemplateURL"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
            for key, value in properties.get("Parameters", {}).items()
        ],
        "NotificationARNs": properties.get("NotificationARNs", []),
        "Tags": properties.get("Tags", []),
        "Capabilities": _ALL_CAPABILITIES,
    }


TYPES: tuple[ResourceType, ...] = (
    NestedStack(),
    # Analytics of the CDK: AWS makes nothing of it in an account.
    Marker("AWS::CDK::Metadata"),
    # A URL that only a WaitCondition uses, and a WaitCondition is refused by name.
    Marker("AWS::CloudFormation::WaitConditionHandle"),
)
