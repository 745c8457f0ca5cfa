"""Types that set something of the account or only mark a place in a template."""

from __future__ import annotations

from botocore.exceptions import ClientError

from localstage.stacks.errors import NO_UPDATES, ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceType, Work


class ApiGatewayAccount(ResourceType):
    """The role with which API Gateway writes logs, for the whole account and region."""

    name = "AWS::ApiGateway::Account"

    def create(self, work: Work, properties: Properties) -> str:
        self._set(work, properties)
        return work.generated_name(100)

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        self._set(work, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        """AWS: deleting the resource leaves the account's setting as it is."""

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Id": physical_id}

    def _set(self, work: Work, properties: Properties) -> None:
        patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": properties.get("CloudWatchRoleArn", "")}
        work.client("apigateway").update_account(patchOperations=[patch])


class Marker(ResourceType):
    """A resource without any effect on AWS either: making it is giving it an id."""

    def __init__(self, name: str):
        self.name = name

    def create(self, work: Work, properties: Properties) -> str:
        return work.generated_name(100)

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        """Nothing is there to change."""

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        """Nothing is there to delete."""


class NestedStack(ResourceType):
    """A stack within a stack; its physical id is the inner stack's id."""

    name = "AWS::CloudFormation::Stack"

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("cloudformation")
        stack_id = client.create_stack(
            StackName=work.generated_name(128),
            TemplateURL=properties["TemplateURL"],
            Parameters=_parameters(properties),
            NotificationARNs=properties.get("NotificationARNs", []),
            Tags=properties.get("Tags", []),
            Capabilities=_ALL_CAPABILITIES,
        )["StackId"]
        work.made(stack_id)
        self._expect(work, stack_id, "CREATE_COMPLETE", "created")
        return stack_id

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        try:
            work.client("cloudformation").update_stack(
                StackName=physical_id,
                TemplateURL=new["TemplateURL"],
                Parameters=_parameters(new),
                NotificationARNs=new.get("NotificationARNs", []),
                Tags=new.get("Tags", []),
                Capabilities=_ALL_CAPABILITIES,
            )
        except ClientError as error:
            # AWS: an inner stack that has nothing to change has been updated.
            if error.response["Error"].get("Message") == NO_UPDATES:
                return
            raise
        self._expect(work, physical_id, "UPDATE_COMPLETE", "updated")

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        work.client("cloudformation").delete_stack(StackName=physical_id)
        self._expect(work, physical_id, "DELETE_COMPLETE", "deleted")

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        stack = self._stack(work, physical_id)
        return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack.get("Outputs", [])}

    def _expect(self, work: Work, stack_id: str, status: str, done: str) -> None:
        stack = self._stack(work, stack_id)
        if stack["StackStatus"] != status:
            reason = stack.get("StackStatusReason", stack["StackStatus"])
            raise ResourceFailure(f"Embedded stack {stack_id} was not successfully {done}: {reason}")

    def _stack(self, work: Work, stack_id: str) -> Properties:
        answer = work.client("cloudformation").describe_stacks(StackName=stack_id)
        return answer["Stacks"][0]


# The outer request was checked for the inner templates' sake (AWS asks the same of it).
_ALL_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def _parameters(properties: Properties) -> list[dict[str, str]]:
    given = properties.get("Parameters", {})
    return [
        {"ParameterKey": key, "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
        for key, value in given.items()
    ]


TYPES: tuple[ResourceType, ...] = (
    ApiGatewayAccount(),
    NestedStack(),
    # Analytics of the CDK: AWS makes nothing of it in an account.
    Marker("AWS::CDK::Metadata"),
    # A URL that only a WaitCondition uses, and a WaitCondition is refused by name.
    Marker("AWS::CloudFormation::WaitConditionHandle"),
)
