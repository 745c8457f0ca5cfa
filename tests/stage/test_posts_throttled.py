"""What a program makes of the 429 of PostToConnection: boto3 in each of its retry modes, and the course's own delivery.

The 429 is that of a client that does not read. FIDELITY section 6.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from localstage import LocalStage
from tests.stage.target import DeployedApi, StageTarget, new_name

HANDLERS = Path(__file__).parents[2] / "handlers"
PARCEL = b"x" * 100_000


@pytest.fixture(scope="module")
def local(stage: LocalStage) -> StageTarget:
    return StageTarget(stage)


@pytest.fixture(scope="module")
def api(local: StageTarget) -> DeployedApi:
    """An API with nothing behind it: whoever says something is told the connection's id."""
    gateway = local.client("apigatewayv2")
    api_id = gateway.create_api(Name=new_name(), ProtocolType="WEBSOCKET", RouteSelectionExpression="none")["ApiId"]
    gateway.create_route(ApiId=api_id, RouteKey="some")
    deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deployment)
    return DeployedApi(api_id, {})


class Client:
    """A connection and its id."""

    unread = 0
    """Parcels that were taken for it and that it has not read."""

    def __init__(self, local: StageTarget, api: DeployedApi):
        self.socket = local.connect(api.url)
        self.socket.send("who am I")
        self.id = str(json.loads(self.socket.recv())["connectionId"])


def endpoint(api: DeployedApi) -> str:
    return api.url.replace("wss:", "https:")


@pytest.fixture(scope="module")
def sleeper(local: StageTarget, api: DeployedApi) -> Iterator[Client]:
    """A client that reads nothing unless a test does."""
    client = Client(local, api)
    yield client
    client.socket.shutdown()


@pytest.fixture
def lazy(local: StageTarget, api: DeployedApi, sleeper: Client) -> Client:
    """The same, when no more is taken for it."""
    connections = local.client("apigatewaymanagementapi", endpoint_url=endpoint(api))
    for _ in range(400):
        try:
            connections.post_to_connection(ConnectionId=sleeper.id, Data=PARCEL)
            sleeper.unread += 1
        except connections.exceptions.LimitExceededException:
            return sleeper
    raise AssertionError("40 MB were taken for a client that reads nothing")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that a program makes between its attempts, which take no time; nothing is configured."""
    for name in ("AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"):  # Whoever runs the tests may have set them.
        monkeypatch.delenv(name, raising=False)
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


@pytest.mark.fidelity("6.13")
@pytest.mark.parametrize(("mode", "attempts"), [("legacy", 5), ("standard", 3), ("adaptive", 3)])
def test_post_when_boto3_tries_again(local, api, lazy: Client, pauses: list[float], mode: str, attempts: int):
    """In every mode boto3 takes LimitExceededException for a throttle and tries again, as often as the mode says."""
    config = Config(retries={"mode": mode})
    connections = local.client("apigatewaymanagementapi", endpoint_url=endpoint(api), config=config)
    asked: list[str] = []
    connections.meta.events.register("before-send", lambda request, **_: asked.append(request.url))
    with pytest.raises(connections.exceptions.LimitExceededException) as caught:
        connections.post_to_connection(ConnectionId=lazy.id, Data=PARCEL)
    told = caught.value.response["ResponseMetadata"]
    assert (len(asked), told["RetryAttempts"], told["HTTPStatusCode"]) == (attempts, attempts - 1, 429)
    assert len([pause for pause in pauses if pause]) == attempts - 1


class Invocation:
    """Lambda's context object, of an invocation with plenty of time."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def delivery(stage: LocalStage, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The course's handlers/delivery.py, in an environment like that of a function."""
    for name, value in stage.changes(as_aws=True).settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(HANDLERS))
    for path in HANDLERS.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return importlib.import_module("delivery")


def read_all(client: Client) -> None:
    """Takes every parcel that waits for the client."""
    while client.unread:
        client.unread -= len(client.socket.recv()) == len(PARCEL)


@pytest.mark.fidelity("6.13")
@pytest.mark.parametrize("wakes", [True, False], ids=["reads later", "never reads"])
def test_delivery_when_one_client_does_not_read(local, api, lazy: Client, delivery: Any, monkeypatch, wakes: bool):
    """The others have the message first; the slow one is tried five times more, and is never taken for gone."""
    brisk, pauses = Client(local, api), []
    frame, request = {"message": "hello"}, {"requestId": "r", "connectionId": brisk.id, "stage": "prod"}

    def pause(seconds: float) -> None:
        if seconds:
            assert pauses or json.loads(brisk.socket.recv()) == frame  # Before anybody waits for the slow one.
            pauses.append(seconds)
        if wakes and len(pauses) == 2:
            read_all(lazy)

    monkeypatch.setattr(time, "sleep", pause)
    request["domainName"] = endpoint(api).split("/")[2]
    rows = [{"connection_id": client.id} for client in (lazy, brisk)]
    outcomes = {row["connection_id"]: outcome for row, outcome in delivery.deliver(request, Invocation(), rows, frame)}
    assert outcomes == {brisk.id: "delivered", lazy.id: "delivered" if wakes else "failed"}
    assert len(pauses) == (2 if wakes else 5)
    brisk.socket.close()
