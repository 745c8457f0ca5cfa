"""The account: every service's room put together on one account thread, and the door in front of them.

The composition of what answers AWS API calls. Knows which service needs what;
what a service means is its room's, or moto's.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from functools import partial

from localstage.clock import Clock
from localstage.door import seams
from localstage.door.account_thread import AccountThread
from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delays
from localstage.door.door import Door
from localstage.door.identities import Identities, KnownKeys
from localstage.door.models import loaded_for_good
from localstage.door.moto import MotoServer
from localstage.door.pace import AwsPace, Pace, Timers
from localstage.door.permissions import Permissions, StackPrincipals
from localstage.door.rooms import Room
from localstage.door.signatures.verification import Verifier
from localstage.functions.service import Functions
from localstage.gateway.served_stages import ServedStages
from localstage.policy.document import Need
from localstage.services import apigatewayv2, awslambda, dynamodb, iam, logs, s3, sts
from localstage.services.apigatewayv2.deployment_limit import DeploymentLimit
from localstage.services.apigatewayv2.reader import known_apis
from localstage.services.apigatewayv2.telemetry import GatewayTelemetry
from localstage.services.awslambda.custom_resources import Providers
from localstage.services.awslambda.directory import FunctionDirectory, PublishedFunction
from localstage.services.awslambda.event_sources import Batch, EventSource, EventSources, Queues
from localstage.services.awslambda.invoke import Invocations
from localstage.services.awslambda.pace import LambdaPace, RolePace
from localstage.services.awslambda.reader import FunctionPublisher
from localstage.services.cognitoidp.triggers import UserPoolTriggers
from localstage.services.dynamodb.eventual_reads import DynamoDbPace
from localstage.services.facts import AccountFacts
from localstage.services.iam.pace import IamPace, LatePolicies
from localstage.services.iam.reader import access_keys, identities
from localstage.services.logs.log_writer import LogWriter
from localstage.services.needs import needs_of
from localstage.services.refused import refusal, refusal_of_call
from localstage.settings import ACCOUNT_ID, Settings
from localstage.stacks.driver import Driver, PacedDriver


class Account:
    """One account's APIs, and what the gateway asks of its stages and functions."""

    def __init__(self, settings: Settings, clock: Clock):
        self._settings = settings
        self._clock = clock
        self._delays = None if not settings.like_aws else Delays().times(settings.pace)
        self._thread = AccountThread()
        self._moto = MotoServer(refusal_of_call, self._changed)
        self._timers = Timers(clock)
        self._loading: asyncio.Task[None] | None = None
        self._has_stacks = False
        self._identities = Identities()
        self._late_policies = LatePolicies(self._identities, clock.monotonic)
        self.keys = KnownKeys(ACCOUNT_ID, self._identities)
        self.verifier = Verifier(self.keys.find, clock.now_ms)
        self.permissions = Permissions(
            ACCOUNT_ID,
            clock.now_ms,
            self._identities,
            AccountFacts(ACCOUNT_ID),
            needs_of,
            enforced=settings.iam,
            policies=self._late_policies if self._delays else None,
        )
        self.functions = FunctionDirectory(
            ACCOUNT_ID, settings.region, clock.monotonic, self._delays, policies_count=settings.iam
        )
        self._publisher = FunctionPublisher(ACCOUNT_ID, self._hand_over_functions)
        later = partial(self._timers.after, self._delays.log_lines_s) if self._delays else None
        self.logs = LogWriter(self._thread, ACCOUNT_ID, later)
        self.telemetry = GatewayTelemetry(self._thread, self.logs, ACCOUNT_ID, clock.now_ms)
        self.stages = ServedStages(clock, self._delays.stage_s if self._delays else 0.0)
        self._sources = EventSources(self.functions, _queues(), self._thread, clock)
        self._published_sources: dict[str, EventSource] = {}
        self._driver = PacedDriver(self._timers, self._thread, self._delays) if self._delays else Driver(self._thread)
        self._invocations: Invocations | None = None
        self._providers = Providers(self.functions, self.keys.learner, clock, patient=self._delays is not None)
        self._triggers = UserPoolTriggers(ACCOUNT_ID, self.functions, self._thread, self._moto.answer)
        rooms = self._rooms()
        pace = AwsPace(clock, rooms, self._emptied) if self._delays else Pace()
        self.door = Door(self.verifier, self.keys, self.permissions, pace, rooms, self._moto, self._thread, self.loaded)

    def _rooms(self) -> dict[str, Room]:
        """What each service's room offers, by the name that its calls are signed for."""
        interval_s = self._settings.deployment_interval_s if self._delays is None else self._delays.deployment_s
        rooms = {
            "apigateway": Room(refusal=DeploymentLimit(interval_s, self._clock.monotonic).refusal),
            "cloudformation": Room(prepare=self._prepare_stacks),
            "cognito-idp": Room(answers=self._triggers.answers, answer=self._triggers.answer),
            "iam": Room(prepare=lambda: self.logs.flush()),  # Lines are written as their function's role is now.
            "lambda": Room(answers=_is_invoke, answer=self._invoke),
            # What a function has printed and the gateway has counted can be read at once.
            "logs": Room(prepare=lambda: self.logs.flush()),
            "monitoring": Room(prepare=lambda: self.telemetry.flush()),
            "s3": Room(answers=self._providers.takes, answer=self._providers.take),
        }
        if self._delays is not None:
            roles = RolePace(self._delays)
            lambda_pace = LambdaPace(
                ACCOUNT_ID, self._settings.region, self._publisher.at_aws_pace, roles, self._delays
            )
            rooms["dynamodb"] = Room(pace=DynamoDbPace(ACCOUNT_ID, self._delays))
            rooms["iam"] = Room(pace=IamPace(self._identities, self._late_policies, roles, self._delays))
            rooms["lambda"] = Room(answers=_is_invoke, answer=self._invoke, pace=lambda_pace)
        return rooms

    def use_functions(self, functions: Functions) -> None:
        """Names who runs functions. Must be called before ``start``."""
        self._invocations = Invocations(self.functions, functions)
        self._providers.functions = self._sources.functions = self._triggers.functions = functions
        self.functions.deleted = functions.retire

    async def start(self) -> None:
        """Begins to load moto, half a second for which calls wait; returns at once.

        With a moto that is not the known one it returns when all is there. Raises MotoHasChanged.
        """
        self._loop = asyncio.get_running_loop()
        self._timers.begin(self._loop)
        self.stages.begin(self._loop)
        self._providers.begin_on(self._loop)
        self._loading = self._loop.create_task(self._thread.run(self._load, limit_s=math.inf))
        if not seams.moto_is_known():
            await self.loaded()

    async def loaded(self) -> None:
        """Returns when moto is loaded. Raises MotoHasChanged."""
        assert self._loading is not None, "what has not been started does not load"
        await asyncio.shield(self._loading)

    def stop(self) -> None:
        """Ends the account thread; what was to happen later does not."""
        if self._loading is not None:
            self._loading.cancel()
        self._timers.clear()
        self._providers.stop()
        self._sources.stop()
        self._thread.stop()

    def _load(self) -> None:
        self._moto.load()
        iam.extend()  # First, since others of moto's services import its IAM, here without AWS's policies.
        s3.extend()
        logs.extend()
        dynamodb.extend()
        sts.extend(self.keys.publish_of_sts)
        apigatewayv2.extend(self.stages.publish, self._settings.allow_host)
        awslambda.extend(self.permissions.may_assume, self._function_may)
        seams.check(loaded_only=True)

    async def _prepare_stacks(self) -> None:
        await self.logs.flush()
        if not self._has_stacks:
            await self._thread.run(self._load_stacks, limit_s=math.inf)
            self._has_stacks = True

    def _load_stacks(self) -> None:
        # An account without stacks does not need the engine.
        with loaded_for_good():
            from localstage import stacks
            from localstage.services.resource_types import TYPES
            from localstage.stacks.custom_resources import CustomResource

            principals = StackPrincipals(self.keys, self.permissions)
            types = (*TYPES, CustomResource(self._providers.send))
            stacks.extend(principals, self._moto, types, refusal, self._driver)

    def _changed(self, backend: str) -> None:
        """Something of one of moto's backends has changed. On the account thread: publishes what others read of it."""
        emptied = backend == "moto_api"
        if emptied:
            self._loop.call_soon_threadsafe(self.logs.forget)
            self.keys.forget_sts()
            self._driver.forget()
        if emptied or backend == "iam":
            self._identities.publish(identities())
            self.keys.publish_of_iam(access_keys())
        if emptied or backend == "awslambda":
            self._publisher.publish()
            self._publish_sources()
        if backend == "sqs":
            self._publish_sources()
            self._loop.call_soon_threadsafe(self._sources.wake)
        if emptied or backend == "apigateway":
            self.stages.publish_apis(known_apis(ACCOUNT_ID))

    def _publish_sources(self) -> None:
        from localstage.services.awslambda.event_source_mappings import sources_of

        sources = sources_of(ACCOUNT_ID)
        if sources != self._published_sources:
            self._published_sources = sources
            self._loop.call_soon_threadsafe(self._sources.take, sources)

    def _function_may(self, function_arn: str, role_arn: str, need: Need) -> bool:
        """On the account thread: whether a function's role grants what it needs."""
        return self.permissions.refusal(self.keys.of_function(function_arn, role_arn), [need]) is None

    def _emptied(self) -> None:
        """The account is reset: nothing of it is waited for any more."""
        self._timers.take_back()

    def _hand_over_functions(self, changes: Mapping[str, PublishedFunction | None], paced: bool) -> None:
        """On the account thread. The event loop takes them before the answer to the call that has changed them."""
        self._loop.call_soon_threadsafe(self.functions.take, changes, paced)

    async def _invoke(self, call: AwsCall) -> Answer:
        assert self._invocations is not None, "who runs functions must be named before the first call"
        return await self._invocations.answer(call)


def _queues() -> Queues:
    """Queues as event sources ask them, with moto's loaded at the first question."""

    def take(arn: str, size: int, wait_for_more: bool) -> Batch:
        from localstage.services.messaging import queue_batches

        return queue_batches.take(ACCOUNT_ID, arn, size, wait_for_more)

    def delete(arn: str, receipt_handles: list[str]) -> None:
        from localstage.services.messaging import queue_batches

        queue_batches.delete(ACCOUNT_ID, arn, receipt_handles)

    return Queues(take, delete)


def _is_invoke(call: AwsCall) -> bool:
    return call.operation == "Invoke"
