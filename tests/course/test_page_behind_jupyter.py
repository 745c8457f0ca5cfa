"""The page behind a Jupyter server with a base URL and a name, as on JupyterHub and Binder: its address is derived, not typed."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from classroom.exercises.solutions import course_text
from classroom.page import HTML, own_page_address, page_address
from localstage import LocalStage
from tests.course.jupyterlab import chromium_path, end
from tests.course.nbval_runs import clean_environment
from tests.course.page_browser import HUB, ChatPage
from tests.course.test_templates_deployed import BUCKET, Site
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

BASE = "/user/ann"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Origin and token of a Jupyter server with jupyter-server-proxy below ``/user/ann``; a browser knows it as HUB."""
    chromium_path()
    work_dir: Path = tmp_path_factory.mktemp("jupyter")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token, origin = secrets.token_hex(16), f"http://127.0.0.1:{port}"
    with (work_dir / "log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={token}",
                f"--ServerApp.root_dir={work_dir}",
                f"--ServerApp.base_url={BASE}/",
                "--ServerApp.jpserver_extensions=jupyter_server_proxy=True",
                "--ServerApp.allow_remote_access=True",
            ],
            cwd=work_dir,
            env=clean_environment(work_dir),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(
                lambda: _answers(f"{origin}{BASE}/api/status?token={token}"), bool, "the Jupyter server to answer"
            )
            yield origin.replace("127.0.0.1", HUB), token
        finally:
            end(process)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
        return True
    except (urllib.error.URLError, OSError):
        return False


def test_page_finds_the_stage_when_it_came_through_jupyter(jupyter: tuple[str, str], window, tmp_path: Path) -> None:
    """The lesson's link, opened on a hub, needs no other server: stage, page and socket all go through the hub's name."""
    origin, token = jupyter
    own = tmp_path / "my_chat"
    own.mkdir()
    (own / "page.html").write_text(course_text("page.html", "6.4") or "")
    with LocalStage(pages=HTML, more_pages=own, pages_for_any_host=True) as stage:
        site = Site(StageTarget(stage))
        site.target.client("s3").create_bucket(Bucket=BUCKET)
        outputs = site.deploy("hub", "chat.yaml")
        environ = {**stage.environment(), "JUPYTERHUB_SERVICE_PREFIX": f"{BASE}/"}
        link = page_address(environ, outputs["ApiId"], "prod", outputs["WebSocketUrl"], "Ann")
        port = stage.url.rsplit(":", 1)[1]
        assert link == f"{BASE}/proxy/{port}/_localstage/pages/index.html?api={outputs['ApiId']}&stage=prod&name=Ann"
        chat = window().open(origin + link, f"&token={token}")
        assert (
            chat.page.locator("#url").input_value()
            == f"{origin.replace('http', 'ws')}{BASE}/proxy/{port}/{outputs['ApiId']}/prod"
        )
        chat.page.locator("#connect").click()
        chat.wait_status("Connected")
        chat.say("hello through the hub")
        chat.wait_line("hello through the hub", ".own:not(.pending)")
        mine = window().open(
            origin + own_page_address(environ, own, outputs["ApiId"], "prod", outputs["WebSocketUrl"], "ben"),
            f"&token={token}",
        )
        eventually(
            lambda: mine.page.evaluate("socket.readyState"), lambda state: state == 1, "the own page's connection"
        )
        mine.page.locator("#text").fill("and from my own page")
        mine.page.locator("#text").press("Enter")
        chat.wait_line("and from my own page", ".other")


@pytest.mark.parametrize(
    ("place", "query", "expected"),
    [
        (
            "https://hub.example/user/ann/proxy/8000/index.html",
            "api=a1&stage=dev&port=4581",
            "wss://hub.example/user/ann/proxy/4581/a1/dev",
        ),
        ("http://127.0.0.1:8888/proxy/absolute/8000/", "api=a1", "ws://127.0.0.1:8888/proxy/4580/a1/prod"),
        ("https://static.example/chat/", "api=a1&port=4581", "ws://127.0.0.1:4581/a1/prod"),
        ("http://127.0.0.1:4581/_localstage/pages/index.html", "api=a1&stage=dev", "ws://127.0.0.1:4581/a1/dev"),
        (
            "https://hub.example/user/ann/proxy/4581/_localstage/pages/",
            "api=a1",
            "wss://hub.example/user/ann/proxy/4581/a1/prod",
        ),
        (
            "https://hub.example/user/ann/proxy/4581/_localstage/pages/",
            "api=a1&port=4582",
            "wss://hub.example/user/ann/proxy/4582/a1/prod",
        ),
        (
            "https://a1.execute-api.us-east-1.amazonaws.com/_localstage/pages/",
            "api=b2&region=us-east-1",
            "wss://b2.execute-api.us-east-1.amazonaws.com/prod",
        ),
        ("file:///chat/index.html", "api=a1", "ws://127.0.0.1:4580/a1/prod"),
        (
            "file:///chat/index.html",
            "api=a1&region=eu-west-1&stage=dev",
            "wss://a1.execute-api.eu-west-1.amazonaws.com/dev",
        ),
        (
            "file:///chat/index.html",
            "api=a1&region=cn-north-1",
            "wss://a1.execute-api.cn-north-1.amazonaws.com.cn/prod",
        ),
        ("file:///chat/index.html", "api=a1&url=wss://x.example/y", "wss://x.example/y"),
        ("file:///chat/index.html", "stage=prod", ""),
        ("file:///chat/index.html", "api=a1/../x", ""),
        ("file:///chat/index.html", "api=evil.example/", ""),
        ("file:///chat/index.html", "api=a1&region=evil.example/&port=80@evil", "ws://127.0.0.1:4580/a1/prod"),
        ("file:///chat/index.html", "api=a1&stage=../x&port=4581", "ws://127.0.0.1:4581/a1/prod"),
    ],
)
def test_address_follows_from_the_pages_own(same_window: ChatPage, place: str, query: str, expected: str) -> None:
    """The rule in address.js, case by case: a whole URL, AWS, the stage, a server's proxy, this machine, nothing else."""
    found = same_window.open().page.evaluate(
        "([query, place]) => addressFor(new URLSearchParams(query), new URL(place))", [query, place]
    )
    assert found == expected
