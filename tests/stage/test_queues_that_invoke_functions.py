"""Event source mappings of SQS queues: what functions are given, and what becomes of the messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from localstage import LocalStage
from tests.stage.stacks import Stacks, refusal
from tests.stage.target import StageTarget, create_function, new_name
from tests.stage.waiting import eventually, messages_in

CODE = """
import json

def handler(event, context):
    print("GOT" + json.dumps(event))
    bodies = [record["body"] for record in event["Records"]]
    first = event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"
    if "poison" in bodies or ("once" in bodies and first):
        raise ValueError("as asked")
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in event["Records"] if record["body"] == "bad" and first
        ]
    }
"""


@pytest.fixture(scope="module")
def target(stage: LocalStage) -> StageTarget:
    return StageTarget(stage)


NEEDED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
RUNS_S = 60
"""So long the function may run and its messages are hidden, also on a busy machine: who waits for them ends that."""


def function_that_may(target: StageTarget, actions: Iterable[str], timeout_s: int = RUNS_S) -> str:
    """The ARN of a function that may do these, besides what every test's function may."""
    arn = create_function(target, CODE, Timeout=timeout_s)
    role = target.client("lambda").get_function_configuration(FunctionName=arn)["Role"].rpartition("/")[2]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    target.client("iam").put_role_policy(RoleName=role, PolicyName="queues", PolicyDocument=document)
    return arn


@pytest.fixture(scope="module")
def function(target: StageTarget) -> str:
    return function_that_may(target, NEEDED)


class Queue:
    """A queue that invokes the function, until the test has ended."""

    def __init__(self, target: StageTarget, function: str, attributes: dict[str, str], **mapping: Any):
        self.sqs, self.lambda_, self.logs = (target.client(name) for name in ("sqs", "lambda", "logs"))
        self._function = function
        name = new_name() + (".fifo" if "FifoQueue" in attributes else "")
        self.url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(RUNS_S), **attributes})[
            "QueueUrl"
        ]
        self.arn = self.attribute("QueueArn")
        self.uuid = self.lambda_.create_event_source_mapping(FunctionName=function, EventSourceArn=self.arn, **mapping)[
            "UUID"
        ]

    def attribute(self, name: str) -> str:
        return str(self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])["Attributes"][name])

    def events(self, count: int) -> list[list[dict[str, Any]]]:
        """The records of each invocation with messages of this queue, once there are so many."""

        def printed() -> list[list[dict[str, Any]]]:
            lines = messages_in(self.logs, self._function, '"GOT"')
            records = [json.loads(line[3:])["Records"] for line in lines if line[:3] == "GOT"]
            return [batch for batch in records if batch[0]["eventSourceARN"] == self.arn]

        return eventually(printed, lambda seen: len(seen) >= count, f"{count} invocations by {self.arn}")

    def bodies(self, count: int) -> list[list[str]]:
        return [[record["body"] for record in batch] for batch in self.events(count)]

    def soon_seen_again(self, body: str, given: int = 1) -> None:
        """Lets the time end in which a message is hidden, as soon as the function was given it so many times."""

        def handles() -> list[str]:
            return [record["receiptHandle"] for batch in self.events(0) for record in batch if record["body"] == body]

        handle = eventually(handles, lambda seen: len(seen) >= given, f"{body} to be given {given} times")[-1]
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=1)

    def empty(self) -> None:
        """Returns when no message is in the queue, seen or hidden."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        eventually(lambda: [self.attribute(name) for name in names], lambda seen: seen == ["0", "0"], "an empty queue")


@pytest.fixture
def queues(target: StageTarget, function: str) -> Iterator[Any]:
    """Makes queues that invoke the function."""
    made: list[Queue] = []

    def make(attributes: dict[str, str] | None = None, **mapping: Any) -> Queue:
        made.append(Queue(target, function, attributes or {}, **mapping))
        return made[-1]

    yield make
    for queue in made:
        queue.lambda_.delete_event_source_mapping(UUID=queue.uuid)
        queue.sqs.delete_queue(QueueUrl=queue.url)


@pytest.mark.fidelity("9.15")
def test_event_when_messages_come(queues: Any):
    """A function gets AWS's records, and the messages are deleted when it has returned."""
    queue = queues()
    attributes = {
        "kind": {"DataType": "String", "StringValue": "greeting"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = queue.sqs.send_message(QueueUrl=queue.url, MessageBody="hällo", MessageAttributes=attributes)
    ((record,),) = queue.events(1)
    assert sorted(record.pop("attributes")) == [
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "SenderId",
        "SentTimestamp",
    ]
    assert len(record.pop("receiptHandle")) > 20
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hällo",
        "messageAttributes": {
            "kind": {"stringValue": "greeting", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "raw": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": "us-east-1",
    }
    queue.empty()


@pytest.mark.fidelity("9.15")
def test_messages_when_the_function_fails(queues: Any):
    """A failed batch is there again when its visibility time-out is over; of a partial failure what failed alone."""
    whole, partly = queues(), queues(FunctionResponseTypes=["ReportBatchItemFailures"])
    whole.sqs.send_message(QueueUrl=whole.url, MessageBody="once")
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad")]
    partly.sqs.send_message_batch(QueueUrl=partly.url, Entries=entries)
    whole.soon_seen_again("once")
    partly.soon_seen_again("bad")
    assert whole.bodies(2) == [["once"], ["once"]]
    assert [batch[0]["attributes"]["ApproximateReceiveCount"] for batch in whole.events(2)] == ["1", "2"]
    assert sorted(body for batch in partly.bodies(2) for body in batch) == ["bad", "bad", "good"]
    whole.empty()
    partly.empty()


@pytest.mark.fidelity("9.15")
def test_messages_when_they_fail_too_often(queues: Any):
    """The queue's RedrivePolicy moves a message to the dead-letter queue after so many attempts."""
    dead = queues(Enabled=False)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    queue = queues({"RedrivePolicy": policy})
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="poison")
    for given in (1, 2):
        queue.soon_seen_again("poison", given)
    eventually(
        lambda: dead.attribute("ApproximateNumberOfMessages"), "1".__eq__, "the message in the dead-letter queue"
    )
    assert queue.bodies(2) == [["poison"], ["poison"]]
    assert dead.events(0) == []


@pytest.mark.fidelity("9.15")
def test_messages_when_the_queue_is_fifo(queues: Any):
    """Messages of a group come in their order, also after a failure; other groups do not wait for them."""
    queue = queues({"FifoQueue": "true", "ContentBasedDeduplication": "true"}, BatchSize=1)
    for body, group in (("once", "a"), ("second", "a"), ("third", "a"), ("other", "b")):
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=group)
    queue.soon_seen_again("once")
    records = [record for (record,) in queue.events(5)]
    of_group = [record["body"] for record in records if record["attributes"]["MessageGroupId"] == "a"]
    assert of_group == ["once", "once", "second", "third"]
    assert sorted(records[0]["attributes"]) == [
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
    ]
    queue.empty()


def test_mapping_when_it_is_switched_on_and_off(queues: Any, function: str):
    """A disabled mapping takes nothing; an enabled one takes what is there; lists find it by name and ARN."""
    queue = queues(Enabled=False, BatchSize=100, MaximumBatchingWindowInSeconds=1)
    for number in range(20):
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody=f"m{number}")
    shown = queue.lambda_.get_event_source_mapping(UUID=queue.uuid)
    assert (shown["State"], shown["FunctionArn"], shown["BatchSize"]) == ("Disabled", function, 100)
    for name in (function, function.rpartition(":")[2]):
        listed = queue.lambda_.list_event_source_mappings(FunctionName=name, EventSourceArn=queue.arn)
        assert [one["UUID"] for one in listed["EventSourceMappings"]] == [queue.uuid]
    assert queue.attribute("ApproximateNumberOfMessages") == "20"
    queue.lambda_.update_event_source_mapping(UUID=queue.uuid, Enabled=True)
    assert len(queue.bodies(1)[0]) == 20
    queue.empty()


def test_mapping_when_aws_refuses_it(target: StageTarget, queues: Any, function: str):
    """A mapping that could not work is refused at its creation, in AWS's words."""
    queue = queues()
    create = queue.lambda_.create_event_source_mapping
    other = f"{queue.arn}2"
    code, message = refusal(create, FunctionName=function, EventSourceArn=queue.arn)
    assert code == "ResourceConflictException" and message.endswith(f"existing mapping with UUID {queue.uuid}")
    code, message = refusal(create, FunctionName=function, EventSourceArn=other)
    assert code == "InvalidParameterValueException" and "NonExistentQueue" in message
    slow = function_that_may(target, NEEDED, timeout_s=RUNS_S + 1)
    assert refusal(create, FunctionName=slow, EventSourceArn=queue.arn)[1] == (
        f"Queue visibility timeout: {RUNS_S} seconds is less than Function timeout: {RUNS_S + 1} seconds"
    )
    assert refusal(create, FunctionName=slow, EventSourceArn=queue.arn, BatchSize=11)[1] == (
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    )
    fifo = queue.arn + ".fifo"
    assert refusal(create, FunctionName=slow, EventSourceArn=fifo, MaximumBatchingWindowInSeconds=1)[1] == (
        "Batching window is not supported for FIFO queues"
    )
    for update in ({"UUID": queue.uuid, "BatchSize": 11}, {"UUID": queue.uuid, "MaximumBatchingWindowInSeconds": 301}):
        assert refusal(queue.lambda_.update_event_source_mapping, **update)[0] in (
            "InvalidParameterValueException",
            "ParamValidationError",
        )


@pytest.mark.fidelity("9.15")
@pytest.mark.parametrize("missing", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_mapping_when_the_role_lacks_a_permission(target: StageTarget, queues: Any, missing: str):
    """Each of the three permissions that Lambda needs of the execution role is asked for by name."""
    queue = queues()
    function = function_that_may(target, [action for action in NEEDED if action != f"sqs:{missing}"])
    assert refusal(queue.lambda_.create_event_source_mapping, FunctionName=function, EventSourceArn=queue.arn) == (
        "InvalidParameterValueException",
        f"The function execution role does not have permissions to call {missing} on SQS",
    )


def test_stack_when_sam_maps_a_queue(target: StageTarget):
    """A serverless function with an event of type SQS is invoked, and the stack updates and deletes the mapping."""
    stacks, name = Stacks(target.client), new_name()
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Worker": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "InlineCode": CODE,
                    "Events": {
                        "Jobs": {
                            "Type": "SQS",
                            "Properties": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}, "BatchSize": 1},
                        }
                    },
                },
            },
        },
        "Outputs": {"Url": {"Value": {"Ref": "Queue"}}, "Worker": {"Value": {"Ref": "Worker"}}},
    }
    stack = stacks.create(name, json.dumps(template))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    outputs = stacks.outputs(name)
    sqs, lambda_ = target.client("sqs"), target.client("lambda")
    sqs.send_message(QueueUrl=outputs["Url"], MessageBody="hello")
    eventually(
        lambda: sqs.get_queue_attributes(
            QueueUrl=outputs["Url"],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"],
        lambda seen: set(seen.values()) == {"0"},
        "the message to be deleted",
    )
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=outputs["Worker"])["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["State"]) == (1, "Enabled")
    changed = json.dumps(template).replace('"BatchSize": 1', '"BatchSize": 5, "Enabled": false')
    assert stacks.update(name, changed)["StackStatus"] == "UPDATE_COMPLETE", stacks.events(name)
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=outputs["Worker"])["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["State"]) == (5, "Disabled")
    stacks.api.delete_stack(StackName=name)
    assert stacks.stack(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
