"""Tokens and the authorizer: who is let in, and that nobody can speak in somebody else's name."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import invented
from tests.pure.chat_account import ChatAccount, chat_account, lines, load_handler

SECRET = "a secret of at least 32 characters"
METHOD_ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$connect"
NOW = 1_700_000_000


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatAccount]:
    with chat_account(monkeypatch) as account:
        yield account


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """handlers/tokens.py, fresh."""
    return load_handler("tokens", monkeypatch)


@pytest.fixture
def authorizer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """handlers/authorizer.py, fresh, with its secret."""
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    return load_handler("authorizer", monkeypatch)


def asked(token: str) -> dict:
    """The event of an authorizer: FIDELITY section 1."""
    return {
        "type": "REQUEST",
        "methodArn": METHOD_ARN,
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": {"token": token},
        "multiValueQueryStringParameters": {"token": [token]},
        "stageVariables": {},
        "requestContext": {"routeKey": "$connect", "connectionId": "ann=", "requestId": "request="},
    }


def test_token_when_read_back(tokens: ModuleType) -> None:
    """A token tells the name it was made for until the second it names as its end, and not in that second."""
    token = tokens.make_token("Zoë ☺", NOW + 60, SECRET)
    assert tokens.read_token(token, NOW + 59.9, SECRET) == "Zoë ☺"
    with pytest.raises(tokens.BadToken, match="expired"):
        tokens.read_token(token, NOW + 60, SECRET)


def test_signature_when_compared_with_a_published_token(tokens: ModuleType) -> None:
    """The third part of jwt.io's example is what its first two and its secret give: other libraries can read ours."""
    signed = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
    )
    assert tokens.signature(signed, "your-256-bit-secret") == "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    assert tokens.make_token("ann", NOW, SECRET).startswith("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.")


def test_token_when_any_part_was_changed(tokens: ModuleType) -> None:
    """Whatever single character is replaced, added or taken away, the token is refused."""
    token = tokens.make_token("ann", NOW + 60, SECRET)
    changed = [
        token[:at] + other + token[at + 1 :]
        for at in range(len(token))
        for other in ("", "A", "B")
        if token[at] != other
    ]
    for bad in [*changed, token + "=", token + "A", f"{token}.", f".{token}"]:
        with pytest.raises(tokens.BadToken):
            tokens.read_token(bad, NOW, SECRET)


@pytest.mark.parametrize("token", ["", ".", "..", "x", "a.b.c", "é.é.é", "\ud800.\ud800", "a." * 50])
def test_token_when_it_is_none(tokens: ModuleType, token: str) -> None:
    """Any text at all is refused as a bad token, and nothing else is raised."""
    with pytest.raises(tokens.BadToken, match="signature"):
        tokens.read_token(token, NOW, SECRET)


@invented
@given(st.text(max_size=60) | st.lists(st.text(max_size=20), max_size=4).map(".".join))
def test_token_when_it_is_invented(token: str) -> None:
    """Nobody's token is read, whatever its characters, and only BadToken is raised."""
    read = _tokens()
    with pytest.raises(read.BadToken):
        read.read_token(token, NOW, SECRET)


def _tokens() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        return load_handler("tokens", patch)


def test_token_when_its_header_names_another_algorithm(tokens: ModuleType) -> None:
    """A header that asks for no signature changes nothing: the header is not asked."""
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    claims = tokens.encode({"sub": "ann", "exp": NOW + 60})
    for forged in (f"{header}.{claims}.", f"{header}.{claims}"):
        with pytest.raises(tokens.BadToken, match="signature"):
            tokens.read_token(forged, NOW, SECRET)


@pytest.mark.parametrize(
    "claims",
    [
        [],
        "ann",
        {},
        {"sub": "ann"},
        {"sub": "ann", "exp": "later"},
        {"exp": NOW + 60},
        {"sub": " ", "exp": NOW + 60},
        {"sub": 7, "exp": NOW + 60},
    ],
)
def test_token_when_signed_and_still_wrong(tokens: ModuleType, claims: object) -> None:
    """A signed token without a name or without an end is refused."""
    signed = f"{tokens.encode(tokens.HEADER)}.{tokens.encode(claims)}"
    with pytest.raises(tokens.BadToken, match="names no"):
        tokens.read_token(f"{signed}.{tokens.signature(signed, SECRET)}", NOW, SECRET)


def test_secret_when_it_is_empty(tokens: ModuleType) -> None:
    """Without a secret nothing is signed and nothing is read: anybody could sign."""
    with pytest.raises(ValueError, match="secret is empty"):
        tokens.make_token("ann", NOW, "")
    with pytest.raises(ValueError, match="secret is empty"):
        tokens.read_token("a.b.c", NOW, "")


def test_authorizer_lets_in_who_has_a_good_token(authorizer: ModuleType, capsys: pytest.CaptureFixture) -> None:
    """The answer allows the one call that was asked about, and tells later events the name; no token is logged."""
    token = sys.modules["tokens"].make_token("ann", time.time() + 60, SECRET)
    assert authorizer.lambda_handler(asked(token), None) == {
        "principalId": "ann",
        "context": {"name": "ann"},
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": METHOD_ARN}],
        },
    }
    printed = capsys.readouterr().out
    assert token not in printed and lines(printed)[0]["what"] == "let in"


@pytest.mark.parametrize(
    ("expires_in_s", "secret", "why"),
    [(-1, SECRET, "it has expired"), (60, SECRET[::-1], "the signature does not fit")],
    ids=["expired", "another secret"],
)
def test_authorizer_denies_a_bad_token(
    authorizer: ModuleType, capsys: pytest.CaptureFixture, expires_in_s: int, secret: str, why: str
) -> None:
    """The answer is a Deny without a context, and the log says why."""
    token = sys.modules["tokens"].make_token("ann", time.time() + expires_in_s, secret)
    found = authorizer.lambda_handler(asked(token), None)
    assert (found["policyDocument"]["Statement"][0]["Effect"], found["principalId"], found["context"]) == (
        "Deny",
        "nobody",
        {},
    )
    assert lines(capsys.readouterr().out)[0]["why"] == why


@pytest.mark.parametrize("name", ["send_message", "chat_handler"])
def test_verified_name_stands_for_whatever_the_sender_claims(chat: ChatAccount, name: str) -> None:
    """With an authorizer the row and the frames carry its name; a claim, of whatever type, is not looked at."""
    chat.connect("bob=")
    handler = chat.load(name, "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    for claim in ("mallory", "", None, ["mallory"]):
        verified = {"principalId": "ann", "name": "ann"}
        assert handler.lambda_handler(chat.said("hello", claim, authorizer=verified), chat.context) == {
            "statusCode": 200
        }
    assert [row["sender"] for row in chat.stored()] == ["ann"] * 4
    assert {frame["sender"] for frame in chat.clients.received["bob="]} == {"ann"}


def test_authorizer_without_a_name_changes_nothing(chat: ChatAccount) -> None:
    """Another authorizer, whose context holds no name, leaves the sender as the client says."""
    handler = chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    handler.lambda_handler(chat.said("hello", "Student", authorizer={"principalId": "x"}), chat.context)
    assert [row["sender"] for row in chat.stored()] == ["Student"]
