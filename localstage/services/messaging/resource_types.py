"""``AWS::SQS::*`` and ``AWS::SNS::*``: queues, topics, subscriptions and their policies."""

from __future__ import annotations

from typing import Any

from localstage.stacks.resource_type import (
    Properties,
    ResourceType,
    Work,
    change_tags,
    document,
    picked,
    tag_list,
    tag_map,
    unless_gone,
)

_QUEUE_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DelaySeconds": "0",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
}
_QUEUE_ATTRIBUTES = (
    *_QUEUE_DEFAULTS,
    "DeduplicationScope",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
)


class Queue(ResourceType):
    """A queue; its physical id is its URL."""

    name = "AWS::SQS::Queue"
    name_property = "QueueName"

    def create(self, work: Work, properties: Properties) -> str:
        suffix = ".fifo" if properties.get("FifoQueue") else ""
        name = properties.get("QueueName") or work.generated_name(80 - len(suffix)) + suffix
        return work.client("sqs").create_queue(
            QueueName=name,
            Attributes=_texts(picked(properties, _QUEUE_ATTRIBUTES)),
            tags=tag_map(properties.get("Tags")),
        )["QueueUrl"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("sqs")
        removed = {n: d for n, d in _QUEUE_DEFAULTS.items() if n in old and n not in new}
        attributes = {**removed, **_texts({n: v for n, v in picked(new, _QUEUE_ATTRIBUTES).items() if old.get(n) != v})}
        if attributes:
            client.set_queue_attributes(QueueUrl=physical_id, Attributes=attributes)
        change_tags(
            old,
            new,
            lambda tags: client.tag_queue(QueueUrl=physical_id, Tags=tags),
            lambda keys: client.untag_queue(QueueUrl=physical_id, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("sqs").delete_queue, QueueUrl=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        name = physical_id.rsplit("/", 1)[-1]
        arn = f"arn:aws:sqs:{work.region}:{work.account_id}:{name}"
        return {"Arn": arn, "QueueName": name, "QueueUrl": physical_id}


class QueuePolicy(ResourceType):
    """The policy of queues."""

    name = "AWS::SQS::QueuePolicy"

    def create(self, work: Work, properties: Properties) -> str:
        self._set(work, properties["Queues"], document(properties["PolicyDocument"]))
        return work.generated_name(100)

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        self._set(work, [q for q in old["Queues"] if q not in new["Queues"]], "")
        self._set(work, new["Queues"], document(new["PolicyDocument"]))

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        for queue in properties["Queues"]:
            unless_gone(self._set, work=work, queues=[queue], policy="")

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Id": physical_id}

    def _set(self, work: Work, queues: list[str], policy: str) -> None:
        for queue in queues:
            work.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


_TOPIC_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)


class Topic(ResourceType):
    """A topic with its own subscriptions; its physical id is its ARN."""

    name = "AWS::SNS::Topic"
    name_property = "TopicName"
    not_run = frozenset({"ArchivePolicy", "DataProtectionPolicy", "DeliveryStatusLogging", "MaximumMessageSize"})

    def create(self, work: Work, properties: Properties) -> str:
        suffix = ".fifo" if properties.get("FifoTopic") else ""
        arn = work.client("sns").create_topic(
            Name=properties.get("TopicName") or work.generated_name(256 - len(suffix)) + suffix,
            Attributes=_texts(picked(properties, _TOPIC_ATTRIBUTES)),
            Tags=properties.get("Tags", []),
        )["TopicArn"]
        work.made(arn)
        self._subscribe(work, arn, {}, properties)
        return arn

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("sns")
        for name in _TOPIC_ATTRIBUTES:
            if old.get(name) != new.get(name):
                client.set_topic_attributes(
                    TopicArn=physical_id, AttributeName=name, AttributeValue=_texts({name: new.get(name, "")})[name]
                )
        self._subscribe(work, physical_id, old, new)
        change_tags(
            old,
            new,
            lambda tags: client.tag_resource(ResourceArn=physical_id, Tags=tag_list(tags)),
            lambda keys: client.untag_resource(ResourceArn=physical_id, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        self._subscribe(work, physical_id, properties, {})
        unless_gone(work.client("sns").delete_topic, TopicArn=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"TopicArn": physical_id, "TopicName": physical_id.rsplit(":", 1)[-1]}

    def _subscribe(self, work: Work, arn: str, old: Properties, new: Properties) -> None:
        client = work.client("sns")
        before, after = old.get("Subscription", []), new.get("Subscription", [])
        for wanted in after:
            if wanted not in before:
                client.subscribe(TopicArn=arn, **wanted)
        gone = [(s["Protocol"], s["Endpoint"]) for s in before if s not in after]
        if not gone:
            return
        listed = unless_gone(client.list_subscriptions_by_topic, TopicArn=arn) or {}
        for subscription in listed.get("Subscriptions", []):
            if (subscription["Protocol"], subscription["Endpoint"]) in gone:
                client.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])


_SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


class Subscription(ResourceType):
    """A subscription to a topic; its physical id is its ARN."""

    name = "AWS::SNS::Subscription"

    def create(self, work: Work, properties: Properties) -> str:
        return work.client("sns").subscribe(
            **picked(properties, ("Endpoint", "Protocol", "TopicArn")),
            Attributes=_texts(picked(properties, _SUBSCRIPTION_ATTRIBUTES)),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        for name in _SUBSCRIPTION_ATTRIBUTES:
            if old.get(name) != new.get(name):
                work.client("sns").set_subscription_attributes(
                    SubscriptionArn=physical_id,
                    AttributeName=name,
                    AttributeValue=_texts({name: new.get(name, {})})[name],
                )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("sns").unsubscribe, SubscriptionArn=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Arn": physical_id}


def _texts(attributes: dict[str, Any]) -> dict[str, str]:
    """Attributes as both services take them: text."""
    return {
        name: str(value).lower()
        if isinstance(value, bool)
        else document(value)
        if isinstance(value, dict)
        else str(value)
        for name, value in attributes.items()
    }


TYPES: tuple[ResourceType, ...] = (Queue(), QueuePolicy(), Topic(), Subscription())
