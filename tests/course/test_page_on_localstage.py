"""The page with the whole chat behind it, on localstage: two pages, ws:// by path and wss:// with AWS's own host name."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from localstage import LocalStage
from tests.course.page_browser import HTML, ChatPage
from tests.course.test_authorizer_deployed import SECRET, ask_at_connect, tokens  # noqa: F401
from tests.course.test_templates_deployed import BUCKET, Site
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually


@pytest.fixture(scope="module")
def site(emptied: LocalStage) -> Site:
    """A stage with the page in it, and a bucket for deployment packages."""
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    return site


@pytest.fixture(scope="module")
def outputs(site: Site) -> dict[str, str]:
    return site.deploy("page", "chat.yaml")


@pytest.fixture
def by_path(site: Site, outputs: dict[str, str]) -> str:
    """The chat's address for a browser without a proxy."""
    return f"{site.target.stage.url.replace('http', 'ws')}/{outputs['ApiId']}/prod"


@pytest.fixture
def static_host() -> Iterator[str]:
    """The address of a plain file server that has html/."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing: what is asked for is the test's business."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML))) as server:
        thread = threading.Thread(target=server.serve_forever, name="file server")
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join(10)


def exchange(ann: ChatPage, bob: ChatPage) -> None:
    """Each says something, and both see it: once, own and others' apart, in one order."""
    for speaker, listener, text in ((ann, bob, "hello from Ann"), (bob, ann, "hello from Bob")):
        speaker.say(text)
        speaker.wait_line(text, ".own:not(.pending)")
        listener.wait_line(text, ".other")
    assert ann.texts() == bob.texts() == ["hello from Ann", "hello from Bob"]
    assert ann.page.locator("#log .sender").all_text_contents() == ["Ann", "Bob"]


def test_two_pages_chat_when_both_are_connected(by_path: str, window) -> None:
    """Two windows in one chat see each other over ws://, and the heartbeat's answer stays off the screen."""
    ann = window().open().connect(by_path, "Ann", heartbeat="1")
    bob = window().open().connect(by_path, "Bob")
    pongs: list[str] = []
    ann.page.on("websocket", lambda socket: socket.on("framereceived", lambda text: pongs.append(text)))
    ann.page.reload()
    ann.wait_status("Connected")
    exchange(ann, bob)
    eventually(
        lambda: (ann.page.evaluate("() => 0"), [text for text in pongs if "pong" in text])[1],
        bool,
        "an answered heartbeat",
    )
    assert ann.page.locator("#log li").count() == 2


def test_pages_chat_when_they_come_from_different_places(
    site: Site, outputs: dict[str, str], by_path: str, static_host: str, window
) -> None:
    """From a file, from the stage and from any static host it is the same page, with the same address in its field."""
    port, stage = by_path.split(":")[2].split("/")[0], site.target.stage
    for name, address in (("Ann", ""), ("Bob", stage.pages_url), ("Cy", static_host)):
        query = f"?api={outputs['ApiId']}&name={name}" + ("" if address == stage.pages_url else f"&port={port}")
        chat = window().open(address, query)
        assert chat.page.locator("#url").input_value() == by_path
        chat.page.locator("#connect").click()
        chat.wait_status("Connected")
        chat.say(f"hello from {name}")
        chat.wait_line(f"hello from {name}", ".own:not(.pending)")


def test_aws_url_works_when_the_stage_is_the_browsers_proxy(
    site: Site, outputs: dict[str, str], chromium: Any, window
) -> None:
    """The stack's own wss:// URL, typed as on AWS, opens through TLS when the browser's proxy is the stage."""
    settings = {"proxy": {"server": site.target.stage.url}, "ignore_https_errors": True}
    assert outputs["WebSocketUrl"].startswith("wss://")
    ann = window(**settings).open().connect(outputs["WebSocketUrl"], "Ann")
    bob = window(**settings).open(query=f"?api={outputs['ApiId']}&region=us-east-1&name=Bob")
    assert bob.page.locator("#url").input_value() == outputs["WebSocketUrl"]
    bob.page.locator("#connect").click()
    bob.wait_status("Connected")
    exchange(ann, bob)


def test_page_comes_back_when_the_api_hangs_up(
    site: Site, outputs: dict[str, str], by_path: str, same_window: ChatPage
) -> None:
    """A connection that delete_connection ends shows its code, and a new one takes its place; the chat goes on."""
    ann = same_window.open().connect(by_path, "Ann")
    table = outputs["ConnectionsTableName"]
    [row] = eventually(lambda: site.rows(table), lambda rows: len(rows) == 1, "Ann's row alone")
    first = row["connection_id"]["S"]
    api = site.target.client("apigatewaymanagementapi", endpoint_url=outputs["WebSocketUrl"].replace("wss", "https"))
    api.delete_connection(ConnectionId=first)
    eventually(
        lambda: [one["connection_id"]["S"] for one in site.rows(table)],
        lambda ids: len(ids) == 1 and first not in ids,
        "another connection in the first one's place",
    )
    ann.wait_status("Connected")
    ann.say("back again")
    ann.wait_line("back again", ".own:not(.pending)")


def test_page_says_so_when_the_stage_refuses(by_path: str, same_window: ChatPage) -> None:
    """A stage name that is not deployed is refused with 403, which a page cannot see: it says what it knows."""
    ann = same_window.open()
    ann.begin(by_path.replace("/prod", "/nowhere"))
    ann.wait_status("No connection. Trying again in")
    ann.wait_line("Browsers do not tell a page which", ".notice")


def test_browser_meets_the_authorizer_when_it_brings_a_token(site: Site, window, tokens: ModuleType) -> None:  # noqa: F811
    """Without a token the chat refuses; with one the page is in, and its messages carry the name that was verified."""
    chat = site.deploy("signed", "chat.yaml")
    guard = site.deploy("guard", "authorizer.yaml", Prefix="signed", ApiId=chat["ApiId"], TokenSecret=SECRET)
    ask_at_connect(site, chat["ApiId"], AuthorizationType="CUSTOM", AuthorizerId=guard["AuthorizerId"])
    url = f"{site.target.stage.url.replace('http', 'ws')}/{chat['ApiId']}/prod"
    page = window().open()
    page.begin(url, "Mallory")
    page.wait_line("perhaps because a good token is missing", ".notice")
    page.page.locator("#disconnect").click()
    page.connect(url, "Mallory", token=tokens.make_token("Ann", time.time() + 600, SECRET))
    page.say("it is me")
    page.wait_line("it is me", ".own:not(.pending)")
    assert page.page.locator("#log .sender").all_text_contents() == ["Ann"]


def test_page_says_so_when_its_api_was_deleted(site: Site, window) -> None:
    """After lesson 99 a page that is still connected is told Forbidden: it explains that, and marks its message."""
    gateway = site.target.client("apigatewayv2")
    api = gateway.create_api(
        Name="short-lived", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    mock = gateway.create_integration(ApiId=api["ApiId"], IntegrationType="MOCK")["IntegrationId"]
    gateway.create_route(ApiId=api["ApiId"], RouteKey="sendMessage", Target=f"integrations/{mock}")
    deployment = gateway.create_deployment(ApiId=api["ApiId"])["DeploymentId"]
    gateway.create_stage(ApiId=api["ApiId"], StageName="prod", DeploymentId=deployment)
    page = window().open().connect(f"{site.target.stage.url.replace('http', 'ws')}/{api['ApiId']}/prod")
    gateway.delete_api(ApiId=api["ApiId"])
    page.say("anybody?")
    page.wait_line("Open its new link.", ".error")
    assert page.page.locator("#log .own .mark").all_text_contents() == ["refused"]
