"""authorizer.yaml added to the whole chat: who is let in, and whose name messages carry."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from types import ModuleType

import pytest
import websocket

from localstage import LocalStage
from tests.course.test_templates_deployed import Site, heard, say
from tests.pure.chat_account import load_handler
from tests.stage.target import StageTarget, status_of_refusal
from tests.stage.waiting import eventually

SECRET = "a secret of at least 32 characters"
BUCKET = "deployment-packages"


@pytest.fixture(scope="module")
def site(emptied: LocalStage) -> Iterator[Site]:
    """A stage with the whole chat, whose $connect asks the authorizer."""
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    site.__dict__["outputs"] = chat = site.deploy("signed", "chat.yaml")
    add_the_authorizer(site, chat["ApiId"])
    yield site
    site.close()


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """handlers/tokens.py, which also makes the tokens."""
    yield load_handler("tokens", monkeypatch)
    sys.modules.pop("tokens", None)


def add_the_authorizer(site: Site, api_id: str) -> None:
    """Make the stack of the authorizer, and let $connect ask it."""
    guard = site.deploy("guard", "authorizer.yaml", Prefix="signed", ApiId=api_id, TokenSecret=SECRET)
    ask_at_connect(site, api_id, AuthorizationType="CUSTOM", AuthorizerId=guard["AuthorizerId"])


def ask_at_connect(site: Site, api_id: str, **authorization: str) -> None:
    """Set the authorization of $connect and deploy."""
    gateway = site.target.client("apigatewayv2")
    [route] = [route for route in gateway.get_routes(ApiId=api_id)["Items"] if route["RouteKey"] == "$connect"]
    gateway.update_route(ApiId=api_id, RouteId=route["RouteId"], **authorization)
    deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.update_stage(ApiId=api_id, StageName="prod", DeploymentId=deployment)


def url(site: Site, token: str | None = None) -> str:
    return site.__dict__["outputs"]["WebSocketUrl"] + ("" if token is None else f"?token={token}")


def test_good_token_opens_the_chat(site: Site, tokens: ModuleType) -> None:
    """101, and the session that connect.py keeps."""
    ann = site.connect(url(site, tokens.make_token("ann", time.time() + 60, SECRET)))
    assert ann.status == 101
    ann.close()


@pytest.mark.parametrize(
    ("expires_in_s", "secret"),
    [(-1, SECRET), (60, "another secret of enough characters")],
    ids=["expired", "another secret"],
)
def test_bad_token_is_refused_with_403(site: Site, tokens: ModuleType, expires_in_s: int, secret: str) -> None:
    """A token that has expired, or that somebody else has signed, gets 403."""
    assert (
        status_of_refusal(site.target, url(site, tokens.make_token("ann", time.time() + expires_in_s, secret))) == 403
    )


def test_tampered_token_is_refused_with_403(site: Site, tokens: ModuleType) -> None:
    """The claims of one token with the signature of another get 403."""
    ann, mallory = (tokens.make_token(name, time.time() + 60, SECRET).split(".") for name in ("ann", "mallory"))
    assert status_of_refusal(site.target, url(site, ".".join([*ann[:2], mallory[2]]))) == 403


@pytest.mark.parametrize("token", [None, ""], ids=["missing", "empty"])
def test_missing_token_is_refused_with_401(site: Site, token: str | None) -> None:
    """Without the identity source API Gateway answers 401 by itself (FIDELITY section 3): the function logs nothing."""
    before = len(site.logged("signed-authorizer"))
    assert status_of_refusal(site.target, url(site, token)) == 401
    assert len(site.logged("signed-authorizer")) == before


def test_nobody_speaks_in_anothers_name(site: Site, tokens: ModuleType) -> None:
    """Every message carries the name that the token proves, whatever the frame says; both see the same."""
    ann, mallory = (
        site.connect(url(site, tokens.make_token(name, time.time() + 60, SECRET))) for name in ("ann", "mallory")
    )
    mallory.send(json.dumps({"action": "sendMessage", "sender": "ann", "message": "I owe mallory money"}))
    say(ann, "I am Ann")  # whose frame names somebody called Student
    for socket in (ann, mallory):
        said = {frame["message"]: frame["sender"] for frame in (heard(socket), heard(socket))}
        assert said == {"I owe mallory money": "mallory", "I am Ann": "ann"}
    close(ann, mallory)


def test_stack_is_deleted_when_no_route_asks(site: Site) -> None:
    """With the authorization NONE the stack can go, and everybody is let in again."""
    api_id = site.__dict__["outputs"]["ApiId"]
    ask_at_connect(site, api_id, AuthorizationType="NONE")
    site.delete("guard")
    open_again = site.connect(url(site))
    open_again.send('{"action": "ping"}')
    assert heard(open_again) == {"type": "pong"}
    close(open_again)
    eventually(lambda: site.rows("signed-ChatConnections"), lambda rows: not rows, "all connections to be forgotten")
    names = {function["FunctionName"] for function in site.target.client("lambda").list_functions()["Functions"]}
    assert "signed-authorizer" not in names
    add_the_authorizer(site, api_id)  # as the other tests know the chat


def close(*sockets: websocket.WebSocket) -> None:
    for socket in sockets:
        socket.close()
