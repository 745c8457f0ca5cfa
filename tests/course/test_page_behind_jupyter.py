"""The page behind a Jupyter server with a base URL, as on JupyterHub and Binder: its address is derived, not typed."""

from __future__ import annotations

import functools
import http.server
import secrets
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from localstage import LocalStage
from tests.course.jupyterlab import chromium_path
from tests.course.nbval_runs import clean_environment
from tests.course.page_browser import HTML, chromium, window  # noqa: F401
from tests.course.test_templates_deployed import BUCKET, Site
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

BASE = "/user/ann"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing: what is asked for is the test's business."""


@pytest.fixture(scope="module")
def page_port() -> Iterator[int]:
    """Where a plain file server has html/."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(HTML))) as server:
        thread = threading.Thread(target=server.serve_forever, name="file server")
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and token of a Jupyter server with jupyter-server-proxy below ``/user/ann``."""
    chromium_path()
    work_dir: Path = tmp_path_factory.mktemp("jupyter")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token, address = secrets.token_hex(16), f"http://127.0.0.1:{port}{BASE}"
    with (work_dir / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--ServerApp.port={port}",
             "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={work_dir}",
             f"--ServerApp.base_url={BASE}/", "--ServerApp.jpserver_extensions=jupyter_server_proxy=True"],
            cwd=work_dir, env=clean_environment(work_dir), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: _answers(f"{address}/api/status?token={token}"), bool, "the Jupyter server to answer", 60)
            yield address, token
        finally:
            process.terminate()
            process.wait(30)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
        return True
    except (urllib.error.URLError, OSError):
        return False


def test_page_finds_the_stage_when_it_came_through_jupyter(jupyter: tuple[str, str], page_port: int, window) -> None:  # noqa: F811
    """Opened through the proxy with ?api= and ?port=, the page connects through the same proxy, and a message comes back."""
    address, token = jupyter
    with LocalStage() as stage:
        site = Site(StageTarget(stage))
        site.target.client("s3").create_bucket(Bucket=BUCKET)
        api_id = site.deploy("hub", "chat.yaml")["ApiId"]
        port = stage.url.rsplit(":", 1)[1]
        chat = window().open(f"{address}/proxy/{page_port}/index.html", f"?token={token}&api={api_id}&port={port}&name=Ann")
        expected = f"{address.replace('http', 'ws')}/proxy/{port}/{api_id}/prod"
        assert chat.page.locator("#url").input_value() == expected
        chat.page.locator("#connect").click()
        chat.wait_status("Connected")
        chat.say("hello through the hub")
        chat.wait_line("hello through the hub", ".own:not(.pending)")


@pytest.mark.parametrize("place, query, expected", [
    ("https://hub.example/user/ann/proxy/8000/index.html", "api=a1&stage=dev&port=4581", "wss://hub.example/user/ann/proxy/4581/a1/dev"),
    ("http://127.0.0.1:8888/proxy/absolute/8000/", "api=a1", "ws://127.0.0.1:8888/proxy/4580/a1/prod"),
    ("https://static.example/chat/", "api=a1&port=4581", "ws://127.0.0.1:4581/a1/prod"),
    ("file:///chat/index.html", "api=a1", "ws://127.0.0.1:4580/a1/prod"),
    ("file:///chat/index.html", "api=a1&region=eu-west-1&stage=dev", "wss://a1.execute-api.eu-west-1.amazonaws.com/dev"),
    ("file:///chat/index.html", "api=a1&region=cn-north-1", "wss://a1.execute-api.cn-north-1.amazonaws.com.cn/prod"),
    ("file:///chat/index.html", "api=a1&url=wss://x.example/y", "wss://x.example/y"),
    ("file:///chat/index.html", "stage=prod", ""),
])
def test_address_follows_from_the_pages_own(window, place: str, query: str, expected: str) -> None:  # noqa: F811
    """The rule in address.js, case by case: a whole URL, AWS, a Jupyter server's proxy, this machine."""
    chat = window().open()
    found = chat.page.evaluate("([query, place]) => addressFor(new URLSearchParams(query), new URL(place))", [query, place])
    assert found == expected
