"""What ``/_localstage/`` answers, to whom, and to whom not."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from threading import Thread
from urllib.parse import urlsplit

import pytest

from localstage import LocalStage
from tests.stage.target import StageTarget, deploy_api
from tests.stage.waiting import eventually

ECHO = "def handler(event, context):\n    print('served')\n    return {'statusCode': 200}\n"
OWN_FILES = ("", "page.js", "page.css", "status", "overview", "activity")


def ask(stage: LocalStage, path: str, method: str = "GET", headers: Mapping[str, str] = {}) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(stage.url).netloc, timeout=60)
    connection.request(method, f"/_localstage/{path}", headers=dict(headers))
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


@pytest.mark.parametrize("path", OWN_FILES)
def test_page_when_asked_for_by_itself(stage: LocalStage, path: str):
    """The page, its files and its data are given to this origin, and no other page may frame or keep them."""
    answer = ask(stage, path, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status == 200 and answer.getheader("Cache-Control") == "no-store"
    assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
    assert "frame-ancestors 'self'" in answer.getheader("Content-Security-Policy")
    assert answer.getheader("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", OWN_FILES)
def test_page_when_another_origin_asks(stage: LocalStage, path: str, site: str):
    """A browser that asks for another origin's page is refused; who follows a link there sees the page."""
    answer = ask(stage, path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"})
    assert (answer.status, answer.text) == (
        403,
        "localstage shows what it does to its own page only, not to one of another origin.\n",
    )
    followed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(stage, path, headers=followed).status == 200
    framed = {**followed, "Sec-Fetch-Dest": "iframe"}
    assert ask(stage, path, headers=framed).status == 403


@pytest.mark.parametrize("path", OWN_FILES)
def test_page_when_the_host_is_foreign(stage: LocalStage, path: str):
    """A name that somebody made lead here is refused, as everywhere on the port."""
    assert ask(stage, path, headers={"Host": "evil.example"}).status == 421


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "overview", 405),
        ("DELETE", "", 405),
        ("GET", "../cli.py", 404),
        ("GET", "%2e%2e/answers.py", 404),
        ("GET", "activity?after=soon", 400),
        ("GET", "activity?after=99999999&wait=nan", 200),
        ("GET", "nothing", 404),
    ],
)
def test_page_when_the_request_is_another(stage: LocalStage, method: str, path: str, status: int):
    """It is read only, has no other files, and what it cannot read is refused."""
    assert ask(stage, path, method).status == status


def test_activity_when_an_event_is_served(stage: LocalStage):
    """Who waits is answered when something happens: the event with its latency, without the message's text."""
    target = StageTarget(stage)
    api = deploy_api(target, {"$default": ECHO})
    socket = target.connect(api.url)
    first = json.loads(ask(stage, "activity").text)["last"]

    def woken() -> bool:
        """Whether who waits was answered before the time was over."""
        last = json.loads(ask(stage, "activity").text)["last"]
        answers: list[dict] = []
        waiting = Thread(target=lambda: answers.append(json.loads(ask(stage, f"activity?after={last}&wait=20").text)))
        began = time.monotonic()
        waiting.start()
        socket.send("a secret text")
        waiting.join()
        return answers[0]["last"] > last and time.monotonic() - began < 20

    eventually(woken, bool, "an answer to who waits for what happens")

    def of_this_test() -> tuple[list[dict], list[str]]:
        """The events of the message's route, and the function's lines."""
        entries = json.loads(ask(stage, f"activity?after={first}").text)["entries"]
        assert "a secret text" not in json.dumps(entries)
        name = api.function_arns["$default"].rpartition(":")[2]
        events = [entry for entry in entries if entry.get("api_id") == api.api_id and entry["route"] == "$default"]
        return events, [entry["text"] for entry in entries if entry.get("function") == name]

    events, _ = eventually(of_this_test, lambda seen: bool(seen[0]) and "served" in seen[1], "the event and the line")
    assert (events[0]["status"], events[0]["error"]) == (200, None)
    assert events[0]["latency_ms"] >= 0 and events[0]["connection_id"]
    socket.close()
