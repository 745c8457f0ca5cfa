"""A hostile web page in a real Chromium, on another origin, tries to drive the stage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.course.page_browser import launched

PAGE = b"<!doctype html><title>hostile</title><iframe name='hidden' style='display:none'></iframe>"
ATTEMPTS = """async stage => {
    const outcome = {};
    const attempt = async (name, act) => {
        try { outcome[name] = await act(); } catch (error) { outcome[name] = 'blocked'; }
    };
    const form = 'Action=CreateUser&UserName=mallory&Version=2010-05-08';
    const simple = {'Content-Type': 'application/x-www-form-urlencoded'};
    const target = {'X-Amz-Target': 'DynamoDB_20120810.DeleteTable', 'Content-Type': 'application/x-amz-json-1.0'};
    await attempt('read', async () => (await fetch(stage + '/')).status);
    await attempt('status', async () => (await fetch(stage + '/_localstage/status')).status);
    await attempt('target', async () => (await fetch(stage + '/', {method: 'POST', headers: target,
        body: '{"TableName": "Kept"}'})).status);
    await attempt('delete', async () => (await fetch(stage + '/v2/apis/x', {method: 'DELETE'})).status);
    for (const path of ['/', '/moto-api/reset', '/2015-03-31/functions/f/invocations', '/papers'])
        await attempt('no-cors ' + path, async () => (await fetch(stage + path, {method: 'POST', mode: 'no-cors',
            headers: simple, body: form, credentials: 'include'})).type);
    await attempt('plain text', async () => (await fetch(stage + '/', {method: 'POST', mode: 'no-cors',
        headers: {'Content-Type': 'text/plain'}, body: '{"TableName": "Kept"}'})).type);
    await attempt('form', () => new Promise(done => {
        const sent = Object.assign(document.createElement('form'),
            {method: 'POST', action: stage + '/', target: 'hidden'});
        for (const [name, value] of new URLSearchParams(form)) sent.append(Object.assign(
            document.createElement('input'), {name, value}));
        document.body.append(sent);
        document.querySelector('iframe').onload = () => done('sent');
        sent.submit();
    }));
    await attempt('image', () => new Promise(done => Object.assign(new Image(),
        {onload: () => done('shown'), onerror: () => done('refused')}).src = stage + '/?' + form));
    for (const path of ['/', '/moto-api/reset', '/2018-06-01/runtime/invocation/next'])
        await attempt('socket ' + path, () => new Promise(done => Object.assign(
            new WebSocket(stage.replace('http', 'ws') + path),
            {onopen: () => done('open'), onerror: () => done('refused')})));
    return outcome;
}"""


@pytest.fixture
def hostile_origin() -> Iterator[str]:
    """A web server of somebody else's."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium in which evil.example leads to this machine, as after DNS rebinding."""
    with launched("--no-proxy-server", "--host-resolver-rules=MAP evil.example 127.0.0.1") as chromium:
        yield chromium


@pytest.fixture
def kept(aws):
    """An account with a table, a user and a bucket; gives what is in it."""
    aws("dynamodb").create_table(
        TableName="Kept",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    aws("iam").create_user(UserName="alice")
    aws("s3").create_bucket(Bucket="papers")

    def contents() -> tuple[list[str], list[str], list[str], int]:
        return (
            aws("dynamodb").list_tables()["TableNames"],
            [user["UserName"] for user in aws("iam").list_users()["Users"]],
            [bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]],
            aws("s3").list_objects_v2(Bucket="papers")["KeyCount"],
        )

    return contents


def test_stage_when_a_page_of_another_origin_calls_it(stage, kept, browser, hostile_origin):
    """The page reads no answer, changes nothing and opens no socket."""
    before = kept()
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(hostile_origin)
    outcome = page.evaluate(ATTEMPTS, stage.url)
    assert before == kept() == (["Kept"], ["alice"], ["papers"], 0)
    assert {outcome[name] for name in ("read", "status", "target", "delete")} == {"blocked"}, outcome
    assert outcome["image"] == "refused" and outcome["form"] == "sent", outcome
    sockets = {name: what for name, what in outcome.items() if name.startswith("socket")}
    assert len(sockets) == 3 and set(sockets.values()) == {"refused"}, outcome


def test_stage_when_a_page_has_rebound_its_name(stage, kept, browser):
    """A page whose own name now leads to the stage is same-origin with it, and is refused for its Host."""
    before = kept()
    page = browser.new_page()
    address = stage.url.replace("127.0.0.1", "evil.example")
    assert page.goto(address + "/_localstage/status").status == 421
    statuses = page.evaluate("""() => Promise.all(['/', '/moto-api/reset', '/_localstage/status'].map(
        async path => (await fetch(path, {method: 'POST', headers: {'X-Amz-Target': 'DynamoDB_20120810.DeleteTable'},
                                          body: '{"TableName": "Kept"}'})).status))""")
    assert statuses == [421, 421, 421]
    assert before == kept()
