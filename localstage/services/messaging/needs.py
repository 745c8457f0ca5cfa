"""What SQS's and SNS's operations need.

AWS: Service Authorization Reference, "Amazon SQS", "Amazon SNS". The batch
operations need the action of one message (serverless-application-model issue 3633).
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need


def sqs_needs(call: AwsCall) -> list[Need]:
    """The needs of one call of SQS."""
    action = call.operation.removesuffix("Batch")
    name = call.text("QueueName") or call.text("QueueUrl").rstrip("/").rpartition("/")[2]
    if not name and call.protocol == "query":
        name = call.raw_path.rstrip("/").rpartition("/")[2]  # Old clients post to the queue's URL.
    needs = [call.need(f"sqs:{action}", call.arn("sqs", name))]
    if action == "CreateQueue" and call.parameters.get("tags"):
        needs.append(call.need("sqs:TagQueue", call.arn("sqs", name)))
    return needs


def sns_needs(call: AwsCall) -> list[Need]:
    """The needs of one call of SNS."""
    operation = call.operation.removesuffix("Batch")
    resource = call.text("TopicArn") or call.text("TargetArn") or call.text("ResourceArn")
    if operation == "CreateTopic":
        resource = call.arn("sns", call.text("Name"))
    elif call.text("SubscriptionArn"):
        resource = call.text("SubscriptionArn").rpartition(":")[0]
    elif operation in ("ListTopics", "ListSubscriptions"):
        resource = call.arn("sns", "*")
    needs = [
        call.need(
            f"sns:{operation}",
            resource or "*",
            sns__Protocol=call.text("Protocol"),
            sns__Endpoint=call.text("Endpoint"),
        )
    ]
    if operation == "CreateTopic" and call.request_tags():
        needs.append(call.need("sns:TagResource", resource))
    return needs
