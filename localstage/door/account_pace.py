"""AWS's pace for one account: stands around every call of a service, on the account thread.

The one owner of what the account's callers are still waiting for. Which calls
it changes, and into what, is in ``door.delays`` and the rooms' ``pace`` modules.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable

from localstage.clock import Clock
from localstage.door.agenda import Agenda
from localstage.door.delays import Delays
from localstage.door.moto_server import AccountThread, Environ, Wire
from localstage.door.pace_calls import Answer, ApiCall, Refusal, read_call
from localstage.door.throttling import Throttling
from localstage.services.apigatewayv2.paced_stages import PacedStages
from localstage.services.awslambda.function_directory import split_name
from localstage.services.awslambda.invoke import Invoker
from localstage.services.awslambda.pace import UPDATES, FunctionPace, RolePace
from localstage.services.awslambda.paced_functions import PacedFunctions, PacedInvoker
from localstage.services.dynamodb.eventual_reads import EventualReads
from localstage.services.dynamodb.pace import TablePace
from localstage.services.iam.grants import LateGrants
from localstage.services.logs.late_log_writer import LateLogWriter
from localstage.services.logs.log_writer import LogWriter
from localstage.stacks.stack_driver import PacedDriver

_RESET = re.compile(r"^/moto-api/reset")
_IAM_READS = ("Get", "List", "Simulate", "Generate")
_ROLE_CHANGES = ("CreateRole", "UpdateAssumeRolePolicy")
_PERMISSION_CHANGES = ("AddPermission", "RemovePermission")


class AccountPace:
    """What an account needs to keep AWS's pace."""

    def __init__(self, account_id: str, region: str, delays: Delays, clock: Clock):
        self._account_id = account_id
        self._region = region
        self._clock = clock
        self.delays = delays
        self.agenda = Agenda(clock)
        self.functions = PacedFunctions(account_id, region, clock.monotonic)
        self.stages = PacedStages(delays.stage_s, clock.monotonic)
        self.policies = LateGrants(account_id, clock.monotonic)
        self._begin()

    def _begin(self) -> None:
        self._throttling = Throttling()
        self._tables = TablePace(self.delays)
        self._roles = RolePace(self.delays)
        self._function_states = FunctionPace(self.delays, self._roles)
        self._reads = EventualReads(self._account_id, self.delays.stale_read_s)

    def invoker(self, inner: Invoker) -> Invoker:
        """``inner``, which refuses functions that are Pending."""
        return PacedInvoker(
            inner, lambda region, name: self._function_states.pending(region, name, self._clock.monotonic())
        )

    def log_writer(self, thread: AccountThread) -> LogWriter:
        """A writer whose lines can be read later."""
        return LateLogWriter(thread, self._account_id, self.agenda, self.delays.log_lines_s)

    def begin(self, loop: asyncio.AbstractEventLoop, thread: AccountThread) -> None:
        """Must be called before the first call is answered."""
        self.agenda.begin(loop)
        self.driver = PacedDriver(self.agenda, thread, self.delays)

    def end(self) -> None:
        """What was to happen later does not."""
        self.agenda.clear()

    def around(self, environ: Environ, proceed: Callable[[Environ], Wire]) -> Wire:
        """Answers one call at AWS's pace; ``proceed`` answers it at once."""
        if _RESET.match(environ["PATH_INFO"]):
            self._forget()
            return proceed(environ)
        call = read_call(
            environ["REQUEST_METHOD"],
            environ["RAW_URI"],
            {
                "authorization": environ.get("HTTP_AUTHORIZATION", ""),
                "x-amz-target": environ.get("HTTP_X_AMZ_TARGET", ""),
            },
            environ["wsgi.input"].getvalue(),
        )
        now = self._clock.monotonic()
        refusal = self._throttling.refusal(call) or self._refusal(call, now)
        if refusal is not None:
            answer = refusal.answer_to(call, str(uuid.uuid4()))
        else:
            answer = self._answer(call, now, lambda: Answer(*proceed(environ)))
        return answer.status, answer.headers, answer.body

    def _refusal(self, call: ApiCall, now: float) -> Refusal | None:
        if call.service == "dynamodb":
            return self._tables.refusal(call, now)
        if call.service == "lambda":
            region, name = self._function_named(call)
            arn = f"arn:aws:lambda:{region}:{self._account_id}:function:{name}"
            return self._function_states.refusal(call, name, arn, now)
        return None

    def _answer(self, call: ApiCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        if call.service == "dynamodb":
            return self._tables.shown(call, self._reads.answer(call, now, proceed), now)
        if call.service == "lambda":
            return self._answer_lambda(call, now, proceed)
        if call.service == "iam" and not call.operation.startswith(_IAM_READS):
            return self._answer_iam(call, now, proceed)
        return proceed()

    def _answer_iam(self, call: ApiCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        granted = self.policies.granted()
        answer = proceed()
        if answer.status == 200:
            self.policies.changed(granted, now + self.delays.policy_s)
            if call.operation in _ROLE_CHANGES:
                self._roles.changed(call.parameters.get("RoleName", ""), now)
        return answer

    def _answer_lambda(self, call: ApiCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        region, name = self._function_named(call)
        before = self.functions.function(name, None, region) if call.operation in UPDATES else None
        statements = self.functions.statements(region, name) if call.operation in _PERMISSION_CHANGES else ()
        answer = proceed()
        if answer.status in (200, 201, 204):
            if before is not None:
                self.functions.keep_definition(region, name, before, now + self.delays.function_s)
            elif call.operation in _PERMISSION_CHANGES:
                self.functions.permission_changed(region, name, statements, now + self.delays.policy_s)
        return self._function_states.shown(call, name, answer, now)

    def _function_named(self, call: ApiCall) -> tuple[str, str]:
        region, name, _ = split_name(str(call.parameters.get("FunctionName", "")), call.region or self._region)
        return region, name

    def _forget(self) -> None:
        """The account is emptied: nothing of it is waited for any more."""
        self._begin()
        self.functions.forget()
        self.policies.forget()
        self.driver.forget()
        self.agenda.take_back()
