"""Route selection, FIDELITY section 2."""

import pytest

from localstage.core.selection import evaluate, select_route

ROUTES = {"$connect", "$disconnect", "$default", "sendMessage", "1", "true", "[a, b]", "chat/send", "chat/"}


@pytest.mark.parametrize(
    ("expression", "body", "route"),
    [
        ("$request.body.action", '{"action": "sendMessage"}', "sendMessage"),
        ("${request.body.action}", '{"action": "sendMessage"}', "sendMessage"),
        ("$request.body.a.b", '{"a": {"b": "sendMessage"}}', "sendMessage"),
        ("$request.body.list[1]", '{"list": ["x", "sendMessage"]}', "sendMessage"),
        ("${request.body.service}/${request.body.action}", '{"service": "chat", "action": "send"}', "chat/send"),
        ("${request.body.service}/${request.body.action}", '{"service": "chat"}', "chat/"),
        ("$request.body.action", '{"action": 1}', "1"),
        ("$request.body.action", '{"action": true}', "true"),
        ("$request.body.action", '{"action": ["a", "b"]}', "[a, b]"),
        ("sendMessage", "anything at all", "sendMessage"),
        (r"\$default", '{"action": "sendMessage"}', "$default"),
    ],
)
@pytest.mark.fidelity("2.1", "2.2")
def test_route_when_the_expression_gives_a_key(expression, body, route):
    """Every form of expression selects the route whose key it gives."""
    assert select_route(expression, body, ROUTES) == route


@pytest.mark.parametrize(
    "body",
    [
        '{"action": "sendmessage"}',
        '{"action": null}',
        "{}",
        "hello",
        "[1, 2]",
        "7",
        "",
        '{"action":"sendMessage", body:"hello"}',
        '{"action": "$connect"}',
    ],
)
def test_default_when_no_key_matches(body):
    """Other case, missing key, text that is not JSON, other JSON and reserved keys all take $default."""
    assert select_route("$request.body.action", body, ROUTES) == "$default"


def test_nothing_when_there_is_no_default():
    """Without a match and without $default no route serves the message."""
    assert select_route("$request.body.action", '{"action": "x"}', {"sendMessage"}) is None


def test_static_text_when_the_dollar_is_missing():
    """S2 writes request.body.action without the dollar: that is text, not a path."""
    assert evaluate("request.body.action", '{"action": "sendmessage"}') == "request.body.action"
