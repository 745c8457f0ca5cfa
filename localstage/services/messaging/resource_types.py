"""``AWS::SQS::*`` and ``AWS::SNS::*``: queues, topics, subscriptions and their policies."""

from __future__ import annotations

from typing import Any

from localstage.stacks.resource_type import (
    Properties,
    ResourceContext,
    ResourceType,
    Tagging,
    document,
    ignore_missing,
    left_out,
    picked,
    tag_map,
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


_QUEUE_TAGS = Tagging("sqs", resource="QueueUrl", put="tag_queue", as_map=True, remove="untag_queue")


class Queue(ResourceType):
    """A queue; its physical id is its URL."""

    name = "AWS::SQS::Queue"
    deletion = ("sqs", "delete_queue", "QueueUrl")
    attribute_formats = {"Arn": "arn:aws:sqs:{region}:{account_id}:{name}", "QueueName": "{name}", "QueueUrl": "{id}"}
    name_property = "QueueName"

    def create(self, context: ResourceContext, properties: Properties) -> str:
        suffix = ".fifo" if properties.get("FifoQueue") else ""
        name = properties.get("QueueName") or context.generated_name(80 - len(suffix)) + suffix
        return context.client("sqs").create_queue(
            QueueName=name,
            Attributes=_texts(picked(properties, _QUEUE_ATTRIBUTES)),
            tags=tag_map(properties.get("Tags")),
        )["QueueUrl"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("sqs")
        attributes = {
            **left_out(_QUEUE_DEFAULTS, old, new),
            **_texts({n: v for n, v in picked(new, _QUEUE_ATTRIBUTES).items() if old.get(n) != v}),
        }
        if attributes:
            client.set_queue_attributes(QueueUrl=physical_id, Attributes=attributes)
        _QUEUE_TAGS.change(context, physical_id, old, new)


class QueuePolicy(ResourceType):
    """The policy of queues."""

    name = "AWS::SQS::QueuePolicy"
    attribute_formats = {"Id": "{id}"}

    def create(self, context: ResourceContext, properties: Properties) -> str:
        self._set(context, properties["Queues"], document(properties["PolicyDocument"]))
        return context.generated_name(100)

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        self._set(context, [q for q in old["Queues"] if q not in new["Queues"]], "")
        self._set(context, new["Queues"], document(new["PolicyDocument"]))

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        for queue in properties["Queues"]:
            ignore_missing(self._set, context, [queue], "")

    def _set(self, context: ResourceContext, queues: list[str], policy: str) -> None:
        for queue in queues:
            context.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


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
    attribute_formats = {"TopicArn": "{id}", "TopicName": "{name}"}
    unsupported = frozenset({"ArchivePolicy", "DataProtectionPolicy", "DeliveryStatusLogging", "MaximumMessageSize"})

    def create(self, context: ResourceContext, properties: Properties) -> str:
        suffix = ".fifo" if properties.get("FifoTopic") else ""
        arn = context.client("sns").create_topic(
            Name=properties.get("TopicName") or context.generated_name(256 - len(suffix)) + suffix,
            Attributes=_texts(picked(properties, _TOPIC_ATTRIBUTES)),
            Tags=properties.get("Tags", []),
        )["TopicArn"]
        context.on_created(arn)
        self._subscribe(context, arn, {}, properties)
        return arn

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("sns")
        for name in _TOPIC_ATTRIBUTES:
            if old.get(name) != new.get(name):
                client.set_topic_attributes(
                    TopicArn=physical_id, AttributeName=name, AttributeValue=_texts({name: new.get(name, "")})[name]
                )
        self._subscribe(context, physical_id, old, new)
        Tagging("sns").change(context, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        self._subscribe(context, physical_id, properties, {})
        ignore_missing(context.client("sns").delete_topic, TopicArn=physical_id)

    def _subscribe(self, context: ResourceContext, arn: str, old: Properties, new: Properties) -> None:
        client = context.client("sns")
        before, after = old.get("Subscription", []), new.get("Subscription", [])
        for wanted in after:
            if wanted not in before:
                client.subscribe(TopicArn=arn, **wanted)
        gone = [(s["Protocol"], s["Endpoint"]) for s in before if s not in after]
        if not gone:
            return
        listed = ignore_missing(client.list_subscriptions_by_topic, TopicArn=arn) or {}
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
    deletion = ("sns", "unsubscribe", "SubscriptionArn")
    attribute_formats = {"Arn": "{id}"}

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return context.client("sns").subscribe(
            **picked(properties, ("Endpoint", "Protocol", "TopicArn")),
            Attributes=_texts(picked(properties, _SUBSCRIPTION_ATTRIBUTES)),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        for name in _SUBSCRIPTION_ATTRIBUTES:
            if old.get(name) != new.get(name):
                context.client("sns").set_subscription_attributes(
                    SubscriptionArn=physical_id,
                    AttributeName=name,
                    AttributeValue=_texts({name: new.get(name, {})})[name],
                )


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
