"""Where the stage tier's calls go.

``target`` is AWS as a program sees it: a boto3 client, a WebSocket. By default
localstage stands in AWS's place (no endpoint override: proxy, TLS, real host
names); with ``CHAT_TARGET=live`` the same tests go to the account of the
environment. ``aws`` is a boto3 client factory on a stage's emptied account.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localstage import LocalStage
from tests.stage.moved_stage import MovedStage
from tests.stage.target import WATCHER, LiveTarget, StageTarget, Target, empty_account


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """AWS, or localstage in its place."""
    live = os.environ.get("CHAT_TARGET", "moto") == "live"
    target: Target = LiveTarget() if live else StageTarget(request.getfixturevalue("stage"))
    watch = request.config.stash.get(WATCHER, None)
    return watch(target) if watch else target


@pytest.fixture(scope="session")
def moved_stage() -> Iterator[MovedStage]:
    """The one stage of ``moved``."""
    stage = MovedStage()
    yield stage
    stage.stop()


@pytest.fixture
def moved(moved_stage: MovedStage) -> MovedStage:
    """A stage at AWS's pace whose time the test moves; what another test has deployed was long ago."""
    moved_stage.move(60)
    return moved_stage


@pytest.fixture(scope="session")
def learners_session(stage: LocalStage) -> boto3.Session:
    """A boto3 session of the learner's."""
    settings = stage.changes().settings
    return boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")


@pytest.fixture(scope="session")
def learners_client(stage: LocalStage, learners_session: boto3.Session) -> Callable[[str], Any]:
    """One client of each service for all tests: making one takes as long as some of them."""
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, proxies={})
    return cache(lambda service: learners_session.client(service, endpoint_url=stage.url, config=config))


@pytest.fixture
def aws(
    stage: LocalStage, learners_session: boto3.Session, learners_client: Callable[[str], Any]
) -> Callable[[str], Any]:
    """A callable that gives a boto3 client by service name; the account is emptied before each test."""
    empty_account(stage.url, learners_session)
    return learners_client


@pytest.fixture
def gateway(aws) -> Any:
    """A client of API Gateway v2."""
    return aws("apigatewayv2")


@pytest.fixture
def api_id(gateway) -> str:
    """The id of a WebSocket API without routes."""
    return gateway.create_api(
        Name="chat-api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
