"""Event source mappings in the account: what AWS refuses at their creation, and what is handed over of them.

moto keeps them; all of this runs on the account thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

from localstage.door.moto import existing_backends
from localstage.policy.document import Need
from localstage.services.awslambda.directory import split_name
from localstage.services.awslambda.event_sources import CONCURRENT, EventSource
from localstage.services.messaging.queue_batches import find_queue

MayCall = Callable[[str, str, Need], bool]
"""Whether the function with this ARN and this role's ARN may do what needs this."""
# AWS: Lambda developer guide, "Configuring execution role permissions" for Amazon SQS.
_NEEDED = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


class MappingExists(LambdaClientError):
    """A queue has a mapping to the function already. AWS: the text as in github.com/aws/chalice issue 2146."""

    code = 409

    def __init__(self, queue_arn: str, function: str, uuid: str):
        super().__init__(
            "ResourceConflictException",
            f'An event source mapping with SQS arn (" {queue_arn} ") and function (" {function} ") already exists. '
            f"Please update or delete the existing mapping with UUID {uuid}",
        )


def check_mapping(account_id: str, spec: Mapping[str, Any], function: Any, may_call: MayCall) -> None:
    """Refuses a mapping of a queue to moto's ``function``. Raises LambdaClientError."""
    queue_arn = str(spec["EventSourceArn"])
    _check_batches(spec, queue_arn.endswith(".fifo"))
    for action in _NEEDED:
        if not may_call(function.function_arn, function.role, Need(f"sqs:{action}", queue_arn, {})):
            # AWS: the text as in github.com/anomalyco/sst issue 5737.
            raise InvalidParameterValueException(
                f"The function execution role does not have permissions to call {action} on SQS"
            )
    queue = find_queue(account_id, queue_arn)
    if queue is None:
        # Guess (Sentences of errors): the code is documented, the sentence is that of similar errors.
        raise InvalidParameterValueException(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        )
    visible_s, runs_s = int(queue.visibility_timeout), int(function.timeout)
    if visible_s < runs_s:
        # AWS: the text as in github.com/winglang/wing issue 1507.
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visible_s} seconds is less than Function timeout: {runs_s} seconds"
        )


def _check_batches(spec: Mapping[str, Any], is_fifo: bool) -> None:
    """AWS: Lambda developer guide, "Lambda parameters for Amazon SQS event source mappings"."""
    size, window_s = int(spec.get("BatchSize") or 10), int(spec.get("MaximumBatchingWindowInSeconds") or 0)
    most = 10 if is_fifo else 10_000
    if not 1 <= size <= most or not 0 <= window_s <= 300:
        # Guess (Sentences of errors): FIDELITY has the limits, not the text.
        raise InvalidParameterValueException(
            f"BatchSize must be from 1 to {most} and MaximumBatchingWindowInSeconds from 0 to 300, not {size} and "
            f"{window_s}."
        )
    if is_fifo and window_s:
        # AWS: the text as in github.com/aws/aws-lambda-dotnet pull request 1758.
        raise InvalidParameterValueException("Batching window is not supported for FIFO queues")
    if size > 10 and not window_s:
        # AWS: the text as in github.com/serverless/serverless issue 8989.
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def same_function(backend: Any, mapping: Any, name_or_arn: str) -> bool:
    """Whether a mapping is one of the function of this name, partial ARN or ARN, with the same qualifier."""
    region = backend.region_name
    return split_name(mapping.function_name, region) == split_name(name_or_arn, region)


def sources_of(account_id: str) -> dict[str, EventSource]:
    """The mappings that are enabled and whose queue is there, by UUID."""
    mappings: Iterable[Any] = (
        mapping
        for backend in existing_backends("lambda", account_id)
        for mapping in backend._event_source_mappings.values()
        if mapping.enabled
    )
    return {
        mapping.uuid: _source(mapping, queue)
        for mapping in mappings
        if (queue := find_queue(account_id, mapping.event_source_arn)) is not None
    }


def _source(mapping: Any, queue: Any) -> EventSource:
    return EventSource(
        uuid=mapping.uuid,
        queue_arn=mapping.event_source_arn,
        function_arn=mapping.function_arn,
        batch_size=int(mapping.batch_size),
        window_s=int(mapping.max_batch_window or 0),
        reports_failures="ReportBatchItemFailures" in (mapping.function_response_types or ()),
        concurrent=int((mapping.scaling_config or {}).get("MaximumConcurrency") or CONCURRENT),
        visibility_timeout_s=int(queue.visibility_timeout),
    )
