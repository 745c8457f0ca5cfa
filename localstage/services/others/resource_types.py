"""Types of services of which only the types are known here: alarms, budgets, parameters, secrets."""

from __future__ import annotations

import json

from localstage.stacks.resource_type import (
    ApiType,
    Properties,
    ResourceContext,
    ResourceType,
    Tagging,
    ignore_missing,
    picked,
)


class Alarm(ApiType):
    """An alarm; its physical id is its name."""

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        context.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])


class Secret(ResourceType):
    """A secret, given or generated; its physical id is its ARN."""

    name = "AWS::SecretsManager::Secret"
    name_property = "Name"
    attribute_formats = {"Id": "{id}"}
    unsupported = frozenset({"ReplicaRegions"})

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return context.client("secretsmanager").create_secret(
            Name=properties.get("Name") or context.generated_name(512),
            SecretString=self._text(context, properties),
            **picked(properties, ("Description", "KmsKeyId", "Tags")),
        )["ARN"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("secretsmanager")
        content = ("GenerateSecretString", "SecretString")
        changed = picked(old, content) != picked(new, content)
        client.update_secret(
            SecretId=physical_id,
            Description=new.get("Description", ""),
            **picked(new, ("KmsKeyId",)),
            **({"SecretString": self._text(context, new)} if changed else {}),
        )
        Tagging("secretsmanager", resource="SecretId").change(context, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        ignore_missing(
            context.client("secretsmanager").delete_secret, SecretId=physical_id, ForceDeleteWithoutRecovery=True
        )

    def _text(self, context: ResourceContext, properties: Properties) -> str:
        if "SecretString" in properties:
            return properties["SecretString"]
        wanted = dict(properties.get("GenerateSecretString") or {})
        template, key = wanted.pop("SecretStringTemplate", None), wanted.pop("GenerateStringKey", None)
        password = context.client("secretsmanager").get_random_password(**wanted)["RandomPassword"]
        if template is None or key is None:
            return password
        return json.dumps({**json.loads(template), key: password})


class Budget(ResourceType):
    """A budget with its notifications; its physical id is its name. Nothing costs here, so it never warns."""

    name = "AWS::Budgets::Budget"
    unsupported = frozenset({"ResourceTags"})

    def create(self, context: ResourceContext, properties: Properties) -> str:
        budget = dict(properties["Budget"])
        name = budget.setdefault("BudgetName", context.generated_name(100))
        if "BudgetLimit" in budget:
            limit = budget["BudgetLimit"]
            budget["BudgetLimit"] = {**limit, "Amount": str(limit["Amount"])}  # the API takes decimals as text
        context.client("budgets").create_budget(
            AccountId=context.account_id,
            Budget=budget,
            NotificationsWithSubscribers=properties.get("NotificationsWithSubscribers", []),
        )
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        self.delete(context, physical_id, old)
        self.create(context, {**new, "Budget": {**new["Budget"], "BudgetName": physical_id}})

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        context.client("budgets").delete_budget(AccountId=context.account_id, BudgetName=physical_id)


_ALARM_ARN = "arn:aws:cloudwatch:{region}:{account_id}:alarm:{id}"

TYPES: tuple[ResourceType, ...] = (
    Alarm(
        "AWS::CloudWatch::Alarm",
        "cloudwatch",
        "put_metric_alarm",
        "put_metric_alarm",
        "delete_alarms",
        physical_id="{AlarmName}",
        id_argument="AlarmName",
        generated=("AlarmName", 255),
        tagging=Tagging("cloudwatch", _ALARM_ARN, resource="ResourceARN"),
        creation_takes_tags=True,
        name_property="AlarmName",
        attribute_formats={"Arn": _ALARM_ARN},
    ),
    ApiType(
        "AWS::SSM::Parameter",
        "ssm",
        "put_parameter",
        "put_parameter",
        "delete_parameter",
        physical_id="{Name}",
        id_argument="Name",
        generated=("Name", 500),
        also={"Overwrite": True},
        tagging=Tagging(
            "ssm",
            resource="ResourceId",
            put="add_tags_to_resource",
            remove="remove_tags_from_resource",
            always=(("ResourceType", "Parameter"),),
        ),
        name_property="Name",
    ),
    Budget(),
    Secret(),
)
