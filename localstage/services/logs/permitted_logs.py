"""A function's log lines, as far as its role may write them.

AWS: FIDELITY section 10: Lambda writes a function's log with the function's own
role; without the permissions there is no log, and nothing says so. Writing is
log_writer.py's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from localstage.door.permissions import Permissions
from localstage.door.signatures.verification import KnownKey
from localstage.functions.definition import FunctionDefinition
from localstage.policy.document import Need
from localstage.services.logs.log_writer import LogWriter
from localstage.services.logs.needs import log_stream_arn


class PermittedLogs:
    """The LogSink of functions; passes on what the role may write."""

    def __init__(self, logs: LogWriter, permissions: Permissions, key_of: Callable[[str, str], KnownKey]):
        """``key_of`` gives the role session of a function's ARN and role."""
        self._logs = logs
        self._permissions = permissions
        self._key_of = key_of

    def put(self, definition: FunctionDefinition, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Takes lines as (milliseconds, message); returns at once."""
        allowed = partial(self._may_write, definition, log_stream)
        self._logs.write(definition.region, definition.log_group, log_stream, events, allowed)

    def _may_write(self, definition: FunctionDefinition, stream: str, has_group: bool, has_stream: bool) -> bool:
        key = self._key_of(definition.arn, definition.role_arn)
        where = (definition.region, definition.account_id, definition.log_group)
        in_stream = log_stream_arn(*where, stream)
        needs = [] if has_group else [Need("logs:CreateLogGroup", log_stream_arn(*where), {})]
        needs += [] if has_stream else [Need("logs:CreateLogStream", in_stream, {})]
        return self._permissions.refusal(key, [*needs, Need("logs:PutLogEvents", in_stream, {})]) is None
