"""The pytest plugin: a fixture ``localstage`` with an empty AWS account, and boto3 that needs no configuration.

pytest finds it where localstage is installed; elsewhere ``-p localstage.testing``
loads it. One process of localstage serves all tests that ask for the same
settings; the account is emptied when the fixture begins. ``localstage_scope`` in
pytest's configuration is ``function``, unless it says ``module`` or ``session``.

Markers choose settings: ``like_aws`` (with ``pace=0.1``, for instance),
``iam(False)``, and ``localstage(idle_timeout_s=2)`` for any field of ``Settings``.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_connection

from localstage.environment import Access
from localstage.launcher import LocalStage
from localstage.project.building import Building
from localstage.project.deployment import Address, Deployment, Wanted, addresses, stack_name_of
from localstage.sessions import StageSession
from localstage.state import ask

SCOPES = ("function", "module", "session")
_MARKERS = (
    "like_aws(pace=1.0): the fixture localstage keeps AWS's pace",
    "iam(enforced): whether the fixture localstage evaluates policies; it does unless this says False",
    "localstage(**settings): the settings of the fixture localstage, such as idle_timeout_s=2",
)


class Stage:
    """What a test has of a running localstage: its account, templates that it deploys, connections that it opens."""

    def __init__(self, access: Access):
        self.access = access
        self.url = access.url
        self.session = StageSession(access)
        """A boto3 session on the account, whatever the environment says."""
        self._connections = ExitStack()
        self._seen = 0

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of a service on the account."""
        return self.session.client(service, **options)

    def deploy(
        self, template: str | Path, parameters: Mapping[str, str] | None = None, stack_name: str | None = None
    ) -> str:
        """Deploy a SAM or CloudFormation template with its local code; the WebSocket URL of its stage.

        Without a WebSocket stage the URL is empty; with several use ``addresses``.
        Raises NotDeployed and CannotPackage, each with the first cause in a sentence.
        """
        path = Path(template)
        wanted = Wanted(path, stack_name or stack_name_of(path), parameters or {}, build=Building().build)
        Deployment(self.session, wanted).deploy()
        found = self.addresses(wanted.stack_name)
        return found[0].local_url if found else ""

    def addresses(self, stack_name: str) -> list[Address]:
        """The addresses of all WebSocket stages of a stack."""
        return addresses(self.session, self.url, stack_name)

    def connect(self, url: str, **options: Any) -> ClientConnection:
        """A WebSocket connection of the ``websockets`` library, which is closed at the end if the test does not.

        ``options`` are those of ``websockets.sync.client.connect``. Raises InvalidStatus where the handshake is refused.
        """
        opening = open_connection(url, **{"proxy": None, "compression": None, **options})
        return self._connections.enter_context(opening)

    def logs(self) -> list[str]:
        """What functions have printed since the account was emptied, Lambda's own lines included, oldest first.

        A function that an earlier test left at work may still add a line.
        """
        entries = ask(self.url, f"activity?after={self._seen}")["entries"]
        return [f"{entry['function']}: {entry['text']}" for entry in entries if entry["kind"] == "line"]

    def disconnect(self) -> None:
        """Close the connections that were opened here."""
        self._connections.close()

    def reset(self) -> None:
        """Close the connections that were opened here, and empty the account."""
        self.disconnect()
        request = AWSRequest("POST", f"{self.url}/moto-api/reset", headers={"Host": urlsplit(self.url).netloc})
        SigV4Auth(self.session.get_credentials(), "moto-api", self.access.region).add_auth(request)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        signed = urllib.request.Request(request.url, method="POST", headers=dict(request.headers))
        opener.open(signed, timeout=60).close()
        self._seen = ask(self.url, "activity?after=999999999")["last"]


class Stages:
    """The processes of a test run, one for each choice of settings, started when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[tuple[tuple[str, Any], ...], tuple[LocalStage, Stage]] = {}
        self._started = ExitStack()

    def stage(self, settings: Mapping[str, Any]) -> tuple[LocalStage, Stage]:
        """The process with these settings. Raises NotStarted, and TypeError for what is no setting."""
        key = tuple(sorted(settings.items()))
        if key not in self._running:
            process = self._started.enter_context(LocalStage(**settings))
            self._running[key] = process, Stage(process.access)
        return self._running[key]

    def stop(self) -> None:
        """End them all."""
        self._started.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one setting of pytest's configuration."""
    parser.addini(
        "localstage_scope", "how long the fixture localstage lives: function, module or session", default=SCOPES[0]
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    scope = config.getini("localstage_scope")
    if scope not in SCOPES:
        raise pytest.UsageError(f"localstage_scope is {scope!r}; it must be one of: {', '.join(SCOPES)}.")
    return scope


@pytest.fixture(scope="session")
def localstages() -> Iterator[Stages]:
    """The processes of this test run; they end with it."""
    stages = Stages()
    yield stages
    stages.stop()


@pytest.fixture(scope=_scope)
def localstage(request: pytest.FixtureRequest, localstages: Stages) -> Iterator[Stage]:
    """localstage with an empty account; meanwhile boto3 in this process and its children reaches it by itself."""
    process, stage = localstages.stage(settings_of(request.node))
    stage.reset()
    with pytest.MonkeyPatch.context() as patch:
        changes = process.changes()
        for name in changes.removals:
            patch.delenv(name, raising=False)
        for name, value in changes.settings.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield stage
    stage.disconnect()


def settings_of(node: Any) -> dict[str, Any]:
    """The settings that the markers of a test, or of a module, ask for."""
    found: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("localstage"))):
        found |= mark.kwargs
    like_aws, iam = node.get_closest_marker("like_aws"), node.get_closest_marker("iam")
    if like_aws is not None:
        found |= {"like_aws": True, **like_aws.kwargs}
    if iam is not None:
        found["iam"] = iam.args[0] if iam.args else iam.kwargs.get("enforced", True)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show with a failed test what functions printed: their exceptions are not the test's."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("localstage")
    if report.when == "call" and report.failed and isinstance(stage, Stage):
        try:
            lines = stage.logs()
        except OSError:
            lines = ["localstage has ended."]
        report.sections.append(("what functions printed on localstage", "\n".join(lines[-200:])))
    return report
