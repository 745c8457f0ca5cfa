"""``AWS::CloudWatch::Alarm`` and ``AWS::SecretsManager::Secret``."""

from __future__ import annotations

import json

from localstage.stacks.resource_type import Properties, ResourceType, Work, change_tags, picked, tag_list, unless_gone


class Alarm(ResourceType):
    """An alarm; its physical id is its name."""

    name = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"

    def create(self, work: Work, properties: Properties) -> str:
        name = properties.get("AlarmName") or work.generated_name(255)
        work.client("cloudwatch").put_metric_alarm(**{**properties, "AlarmName": name})
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("cloudwatch")
        arn = self.attributes(work, physical_id, new)["Arn"]
        settings = {key: value for key, value in new.items() if key != "Tags"}
        client.put_metric_alarm(**{**settings, "AlarmName": physical_id})
        change_tags(
            old,
            new,
            lambda tags: client.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
            lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        work.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Arn": f"arn:aws:cloudwatch:{work.region}:{work.account_id}:alarm:{physical_id}"}


class Secret(ResourceType):
    """A secret, given or generated; its physical id is its ARN."""

    name = "AWS::SecretsManager::Secret"
    name_property = "Name"
    not_run = frozenset({"ReplicaRegions"})

    def create(self, work: Work, properties: Properties) -> str:
        return work.client("secretsmanager").create_secret(
            Name=properties.get("Name") or work.generated_name(512),
            SecretString=self._text(work, properties),
            **picked(properties, ("Description", "KmsKeyId", "Tags")),
        )["ARN"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("secretsmanager")
        content = ("GenerateSecretString", "SecretString")
        changed = picked(old, content) != picked(new, content)
        client.update_secret(
            SecretId=physical_id,
            Description=new.get("Description", ""),
            **picked(new, ("KmsKeyId",)),
            **({"SecretString": self._text(work, new)} if changed else {}),
        )
        change_tags(
            old,
            new,
            lambda tags: client.tag_resource(SecretId=physical_id, Tags=tag_list(tags)),
            lambda keys: client.untag_resource(SecretId=physical_id, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("secretsmanager").delete_secret, SecretId=physical_id, ForceDeleteWithoutRecovery=True)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Id": physical_id}

    def _text(self, work: Work, properties: Properties) -> str:
        if "SecretString" in properties:
            return properties["SecretString"]
        wanted = dict(properties.get("GenerateSecretString") or {})
        template, key = wanted.pop("SecretStringTemplate", None), wanted.pop("GenerateStringKey", None)
        password = work.client("secretsmanager").get_random_password(**wanted)["RandomPassword"]
        if template is None or key is None:
            return password
        return json.dumps({**json.loads(template), key: password})


TYPES: tuple[ResourceType, ...] = (Alarm(), Secret())
