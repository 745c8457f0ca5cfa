"""Ids, frames, proxy results, management requests, connection life."""

import itertools
import json

import pytest

from localstage.core import connection, management, refusals
from localstage.core.integrations import MalformedProxyResult, function_arn_of, read_proxy_result

counter = itertools.count(1)


def some_bytes(count: int) -> bytes:
    return bytes((next(counter) * 7 + i) % 256 for i in range(count))


@pytest.mark.fidelity("1.11", "1.12")
def test_ids_when_made():
    """Ids are 16 characters ending in =, and a message id ends as its connection id does."""
    connection_id = connection.new_id(some_bytes)
    message_id = connection.new_message_id(connection_id, some_bytes)
    assert len(connection_id) == len(message_id) == 16
    assert connection_id.endswith("=")
    assert message_id[-6:] == connection_id[-6:]
    assert message_id != connection_id
    assert connection.connect_request_id(connection_id, some_bytes)[:5] == connection_id[:5]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("FDmBIeapIAMCIQg=", True),
        ("BFaT_fALIAMCKug=", True),
        ("x", False),
        ("not an id", False),
        ("AAAA", False),
        ("é" * 16, False),
    ],
)
def test_id_when_it_comes_from_outside(text, good):
    """Only base64url of a plausible length is well-formed."""
    assert connection.is_well_formed_id(text) is good


def test_error_frame_when_no_route_matches():
    """The frame is byte-exact, odd spacing included (FIDELITY section 2)."""
    context = {"connectionId": "C=", "requestId": "R=", "messageId": "M="}
    assert refusals.MessageRefused(403, refusals.FORBIDDEN).frame(context) == (
        '{"message": "Forbidden", "connectionId":"C=", "requestId":"R="}'
    )
    assert refusals.BadRequestBody().frame(context) == (
        '{"message": "Bad request body", "connectionId":"C=", "messageId":"M="}'
    )


def test_frame_when_two_refusals_have_one_text():
    """Which form a frame has is the refusal's kind, not its text."""
    context = {"connectionId": "C=", "requestId": "R=", "messageId": "M="}
    assert '"requestId"' in refusals.MessageRefused(400, refusals.BAD_REQUEST_BODY).frame(context)


def test_refused_handshake_when_written():
    """The body names connection and request once they exist; a refusal by $connect itself has no body."""
    refused = refusals.HandshakeRefused(403, "Forbidden")
    assert refused.body() == b'{"message": "Forbidden"}'
    refused.name_ids("C=", "R=")
    assert refused.body() == b'{"message": "Forbidden", "connectionId":"C=", "requestId":"R="}'
    silent = refusals.HandshakeRefused(401)
    silent.name_ids("C=", "R=")
    assert silent.body() == b""


def test_proxy_result_when_well_formed():
    """Status, body and headers are read; names of headers compare without case."""
    result = read_proxy_result(b'{"statusCode": 201, "body": "hi", "headers": {"sec-websocket-protocol": "chat"}}')
    assert (result.status_code, result.body, result.header("Sec-WebSocket-Protocol")) == (201, "hi", "chat")


@pytest.mark.fidelity("2.12")
def test_proxy_result_when_it_has_no_status():
    """An object without a statusCode, an empty one too, is a 200."""
    assert (read_proxy_result(b"{}").status_code, read_proxy_result(b'{"body": "hi"}').body) == (200, "hi")


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"3",
        b'"ok"',
        b"[]",
        b'{"statusCode": null}',
        b'{"statusCode": true}',
        b'{"statusCode": 200, "Data": 1}',
        b'{"statusCode": 200, "body": {}}',
        b"not json",
        b'{"statusCode": 9}',
        b'{"statusCode": 200, "headers": []}x',
    ],
)
@pytest.mark.fidelity("2.12")
def test_proxy_result_when_malformed(payload):
    """None, what is no status and unknown keys are malformed (FIDELITY section 2)."""
    with pytest.raises(MalformedProxyResult):
        read_proxy_result(payload)


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        (
            "abc123.execute-api.us-east-1.amazonaws.com",
            "/prod/%40connections/R0oXAdfD0kwCH6w%3D",
            ("abc123", "prod", "R0oXAdfD0kwCH6w="),
        ),
        ("127.0.0.1:4580", "/abc123/prod/@connections/R0oXAdfD0kwCH6w%3D", ("abc123", "prod", "R0oXAdfD0kwCH6w=")),
    ],
)
@pytest.mark.fidelity("6.9")
def test_management_address_when_read(host, path, expected):
    """Both address forms and both encodings are read."""
    address = management.read_address(host, path)
    assert (address.api_id, address.stage, management.connection_id_of(address)) == expected


def test_management_address_when_the_stage_is_missing():
    """No stage in the URL is answered ForbiddenException."""
    address = management.read_address("abc123.execute-api.us-east-1.amazonaws.com", "/@connections/R0o%3D")
    with pytest.raises(management.Forbidden) as caught:
        management.connection_id_of(address)
    assert json.loads(caught.value.body()) == {"message": "Forbidden"}


def test_connection_description_when_no_user_agent():
    """Times are ISO with milliseconds, userAgent is null if none was sent."""
    shown = json.loads(management.connection_description(1643136604673, 1643136604673, "203.0.113.7", None))
    assert shown == {
        "connectedAt": "2022-01-25T18:50:04.673Z",
        "lastActiveAt": "2022-01-25T18:50:04.673Z",
        "identity": {"sourceIp": "203.0.113.7", "userAgent": None},
    }


@pytest.mark.fidelity("4.8")
def test_life_when_moves_are_illegal():
    """Only the moves of the table are possible; another raises."""
    legal = set(connection.TRANSITIONS)
    for state, happening in itertools.product(connection.State, connection.Transition):
        if (state, happening) not in legal:
            with pytest.raises(connection.IllegalMove):
                connection.next_state(state, happening)
    assert connection.ending_of_client_close(1005, "") == connection.NO_STATUS


@pytest.mark.parametrize(
    ("uri", "arn"),
    [
        (
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:f/invocations",
            "arn:aws:lambda:us-east-1:1:function:f",
        ),
        ("arn:aws:lambda:us-east-1:1:function:f:live", "arn:aws:lambda:us-east-1:1:function:f:live"),
        ("arn:aws:lambda:us-east-1:1:function:${stageVariables.fn}", "arn:aws:lambda:us-east-1:1:function:chosen"),
        ("https://example.org", None),
    ],
)
def test_function_arn_when_read_from_an_integration_uri(uri, arn):
    """Both forms of URI and stage variables name the function."""
    assert function_arn_of(uri, {"fn": "chosen"}) == arn


@pytest.mark.fidelity("6.12")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Grüße 😀".encode(), "Grüße 😀"),
        (b"\xed\xa0\x80", "\ufffd"),
        (b"\xed\xb0\x80", "\ufffd"),
        (b"\xed\xbf\xbf", "\ufffd"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "\ufffd\ufffd"),
        (b"\xed\xa0", "\ufffd"),
        (b"\xed\xa0A", "\ufffdA"),
        (b"\xc0\xaf", "\ufffd\ufffd"),
        (b"\xe0\x80\xaf", "\ufffd" * 3),
        (b"\xf0\x80\x80\x80", "\ufffd" * 4),
        (b"\xf4\x90\x80\x80", "\ufffd" * 4),
        (b"\xf5\x80\x80\x80", "\ufffd" * 4),
        (b"\xe2\x82", "\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xed\x9f\xbf", "\ud7ff"),
    ],
)
def test_text_to_send_when_the_body_is_not_utf_8(body, text):
    """Each invalid sequence becomes one U+FFFD, an encoded surrogate too, whole or cut short."""
    assert management.text_to_send(body) == text


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("abc123.execute-api.us-east-1.amazonaws.com", "/prod/@connections/R0o=", True),
        ("abc123.execute-api.us-east-1.amazonaws.com", "/@connections/R0o=", True),
        ("127.0.0.1:4580", "/abc123/prod/%40connections/R0o%3D", True),
        ("127.0.0.1:4580", "/abc123/@connections/R0o=", True),
        ("127.0.0.1:4580", "/my-bucket/prod/@connections/R0o=", False),
        ("127.0.0.1:4580", "/abc123/deeper/prod/@connections/R0o=", False),
        ("127.0.0.1:4580", "/abc123/prod", False),
    ],
)
def test_management_path_when_the_words_stand_elsewhere(host, path, expected):
    """A path is the management API's only where the words follow the stage."""
    assert management.is_management_path(host, path) is expected
