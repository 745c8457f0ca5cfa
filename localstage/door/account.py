"""The account behind the stage: moto's AWS APIs with our extensions of them.

The one owner of the account thread. Knows which calls do not go to moto; what
a service means is moto's or the extension's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from aiohttp import web

from localstage.core.snapshot import ServedStage
from localstage.door.account_pace import AccountPace
from localstage.door.callers import Callers
from localstage.door.moto_server import AccountThread, MotoServer
from localstage.services.apigatewayv2.api_keys import has_api_key
from localstage.services.apigatewayv2.deployment_pace import DeploymentPace
from localstage.services.apigatewayv2.telemetry import GatewayTelemetry
from localstage.services.awslambda.function_directory import FunctionDirectory
from localstage.services.awslambda.invoke import Invoker, LambdaApi
from localstage.services.logs.log_writer import LogWriter
from localstage.services.triggers import LOADED_ANYWAY, SERVICES, guard
from localstage.settings import ACCOUNT_ID, Settings

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


class Account:
    """Answers AWS API calls, and what the gateway asks of stages and functions."""

    def __init__(
        self, settings: Settings, now_ms: Callable[[], int], callers: Callers, pace: AccountPace | None = None
    ):
        """``pace`` makes the account as slow as AWS; without it every call is done when it is answered."""
        self._thread = AccountThread()
        self._callers = callers
        self._pace = pace
        self._moto = MotoServer(self._thread, pace.around if pace else None)
        self.functions = pace.functions if pace else FunctionDirectory(ACCOUNT_ID, settings.region)
        self.logs = pace.log_writer(self._thread) if pace else LogWriter(self._thread, ACCOUNT_ID)
        self.telemetry = GatewayTelemetry(self._thread, self.logs, ACCOUNT_ID, now_ms)
        interval_s = pace.delays.deployment_s if pace else settings.deployment_interval_s
        self._deployments = DeploymentPace(interval_s, now_ms)
        self._lambda: LambdaApi | None = None
        self._has_cloudformation = False
        self._guarded: set[str] = set()

    def use_functions(self, invoker: Invoker) -> None:
        """Names who runs functions. Must be called before ``start``."""
        self._lambda = LambdaApi(self.functions, invoker, self._moto.answer)

    async def start(self) -> None:
        """Loads moto; returns when calls can be answered."""
        loop = asyncio.get_running_loop()

        def function_deleted(arn: str) -> None:
            if self._lambda is not None:
                asyncio.run_coroutine_threadsafe(self._lambda.retire(arn), loop)

        if self._pace:
            self._pace.begin(loop, self._thread)
        await self._moto.load(lambda: _extend_moto(function_deleted, self._callers, self._pace))

    def stop(self) -> None:
        """Ends the account thread."""
        if self._pace:
            self._pace.end()
        self._thread.stop()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one AWS API call."""
        if self._lambda is not None and LambdaApi.is_invocation(request):
            return await self._lambda.invoke(request)
        region, service = _scope_of(request)
        await self._prepare_for(service)
        return self._deployments.refusal(request, region) or await self._moto.answer(request)

    async def _prepare_for(self, service: str) -> None:
        """Does what a service needs before it is asked."""
        # What a function has printed and the gateway has counted can be read at once.
        if service == "logs":
            await self.logs.flush()
        elif service == "monitoring":
            await self.telemetry.flush()
        elif service == "cloudformation" and not self._has_cloudformation:
            # moto's CloudFormation brings all of EC2's data: most of a second and
            # 100 MB, which a stage without stacks does not need.
            await self._thread.run(lambda: _extend_cloudformation(self._callers, self._pace))
            self._has_cloudformation = True
        elif service in SERVICES and service not in self._guarded:
            await self._thread.run(lambda: guard(service))
            self._guarded.add(service)

    def served_stage(self, api_id: str, stage_name: str) -> ServedStage | None:
        """The stage as it is served now, in whatever region its API is."""
        from localstage.services.apigatewayv2 import find_api, find_stage

        found = find_api(api_id)
        stage = find_stage(*found, api_id, stage_name) if found is not None else None
        if stage is None:
            return None
        return self._pace.stages.seen(stage) if self._pace else stage.served

    def unserved_kind(self, api_id: str) -> str | None:
        """``HTTP`` or ``REST`` for an API that is there and that a stage does not serve."""
        from localstage.services.apigatewayv2 import unserved_kind

        return unserved_kind(api_id)

    def has_api_key(self, stage: ServedStage, key: str) -> bool:
        """Whether an enabled API key of a usage plan with this stage has this value."""
        return has_api_key(stage, key)


def _extend_moto(function_deleted: Callable[[str], None], callers: Callers, pace: AccountPace | None) -> None:
    from localstage.services import apigatewayv2, awslambda, iam, s3, sts

    for service in LOADED_ANYWAY:
        guard(service)
    s3.extend()
    iam.extend()
    sts.extend(callers.find_key)
    apigatewayv2.extend(pace.stages.refreshed if pace else None)
    awslambda.extend(function_deleted, callers.may_assume)


def _extend_cloudformation(callers: Callers, pace: AccountPace | None) -> None:
    from localstage import stacks

    for service in SERVICES:
        guard(service)
    stacks.extend(callers.of_stack, pace.driver if pace else None)


def _scope_of(request: web.BaseRequest) -> tuple[str, str]:
    """The region and the service that a request is signed for, "" for both if it is not signed."""
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    return (scope.group(1), scope.group(2)) if scope else ("", "")
