"""Messages as Lambda takes them from a queue for a function: received in batches, deleted when they are done with.

Reads moto's queues, so all of it runs on the account thread. AWS: Lambda developer guide, "Using Lambda with Amazon
SQS" (FIDELITY section 9).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import QueueDoesNotExist, ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue

from localstage.door.moto import existing_backend
from localstage.services.awslambda.event_sources import Batch

_PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
"""AWS: a batch ends before its event is larger than a synchronous invocation's payload."""
_RECORD_OVERHEAD_BYTES = 2048


def find_queue(account_id: str, arn: str) -> Queue | None:
    """The queue with this ARN, in its own region."""
    region, _, name = arn.split(":")[3:6]
    backend = existing_backend("sqs", account_id, region)
    return backend.queues.get(name) if backend is not None else None


def take(account_id: str, arn: str, size: int, wait_for_more: bool) -> Batch:
    """Receives up to ``size`` messages; none while there are fewer and ``wait_for_more``. No queue: nothing is there."""
    queue = find_queue(account_id, arn)
    if queue is None:
        return Batch()
    backend = existing_backend("sqs", account_id, queue.region)
    # moto lets go of one message of a group after the other, and would give the second one before the first.
    for message in [message for message in queue.pending_messages if message.visible]:
        queue.pending_messages.discard(message)
    ready = queue.messages
    if ready and wait_for_more and len(ready) < size:
        return Batch(gathering=True, more_in_s=_more_in_s(queue))
    count = min(size, _that_fit(ready))
    timeout_s = int(queue.visibility_timeout)
    received = backend.receive_message(queue.name, count, 0, timeout_s, ["All"]) if count else []
    return Batch(tuple(_record(message, queue) for message in received), False, _more_in_s(queue))


def delete(account_id: str, arn: str, receipt_handles: Iterable[str]) -> None:
    """Deletes messages that a function is done with; one that is gone is no error."""
    queue = find_queue(account_id, arn)
    if queue is None:
        return
    backend = existing_backend("sqs", account_id, queue.region)
    for handle in receipt_handles:
        try:
            backend.delete_message(queue.name, handle)
        except (QueueDoesNotExist, ReceiptHandleIsInvalid):
            continue


def _that_fit(messages: list[Message]) -> int:
    """How many of the messages one event holds; one at least, if there is one."""
    total = 0
    for count, message in enumerate(messages):
        total += len(message.body.encode()) + _RECORD_OVERHEAD_BYTES
        if total > _PAYLOAD_LIMIT_BYTES:
            return max(1, count)
    return len(messages)


def _more_in_s(queue: Queue) -> float | None:
    now_ms = unix_time_millis()
    times = [max(message.visible_at, message.delayed_until) for message in queue._messages]
    later = [time_ms - now_ms for time_ms in times if time_ms > now_ms]
    return (min(later) + 5) / 1000 if later else None


def _record(message: Message, queue: Queue) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": message.approximate_receive_count,
        "SentTimestamp": message.sent_timestamp,
        "SequenceNumber": message.sequence_number,
        "MessageGroupId": message.group_id,
        "SenderId": message.sender_id,
        "MessageDeduplicationId": message.deduplication_id,
        "ApproximateFirstReceiveTimestamp": message.approximate_first_receive_timestamp,
        "AWSTraceHeader": (message.system_attributes.get("AWSTraceHeader") or {}).get("StringValue"),
    }
    has_attributes = bool(message.message_attributes)
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {name: str(value) for name, value in attributes.items() if value is not None},
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        **({"md5OfMessageAttributes": message.attribute_md5} if has_attributes else {}),
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    binary = value.get("BinaryValue")
    if isinstance(binary, bytes):
        binary = base64.b64encode(binary).decode()
    told = {"stringValue": value.get("StringValue"), "binaryValue": binary}
    return {
        **{name: text for name, text in told.items() if text is not None},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
