"""Selection expressions, request models, frames and management requests that nobody would write."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from localstage.core.connection import Ending, is_well_formed_id
from localstage.core.integrations import MalformedProxyResult, read_proxy_result
from localstage.core.management import (
    Address,
    ManagementError,
    connection_id_of,
    is_management_path,
    read_address,
    text_to_send,
)
from localstage.core.selection import satisfies_model, select_route
from localstage.port.hosts import is_aws_host, is_own_host, split_authority
from localstage.settings import Settings
from tests.fuzzing import invented, json_values, texts
from tests.pure.test_gateway_socket import Client

ROUTES = frozenset({"$default", "sendMessage", "$connect"})
pieces = st.sampled_from(
    ["$request.body", "${request.body", ".action", "}", "[0]", "['a']", ".a-b", "${", "$default", "\\", "}"]
)
expressions = st.lists(pieces | texts, max_size=5).map("".join)
bodies = texts | json_values.map(json.dumps)
schemas = st.recursive(
    json_values,
    lambda inner: st.dictionaries(
        st.sampled_from(
            ["type", "pattern", "properties", "patternProperties", "additionalProperties", "$ref", "items", "allOf"]
        ),
        inner | st.sampled_from(["(a+)+$", "(", "#", "object", {"(a|a)*b": {}}]),
    ),
    max_leaves=6,
)


@invented
@given(expressions, bodies)
@example("$request.body.action", "[" * 20_000)
@example("${request.body[0]}", "[" * 900 + "]" * 900)
def test_route_when_expression_and_message_are_invented(expression: str, body: str):
    """A message is served by a route that there is, or by $default."""
    assert select_route(expression, body, ROUTES) in ROUTES


@invented
@given(schemas, bodies)
@example({"type": "string", "pattern": "^(a+)+$"}, json.dumps("a" * 60 + "!"))
@example({"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False}, json.dumps({"a" * 60 + "!": 1}))
def test_model_when_it_and_the_message_are_invented(schema: Any, body: str):
    """A message satisfies a model or does not, in time that neither of them stretches."""
    assert satisfies_model(None, {"$default": json.dumps(schema)}, body) in (True, False)


def heard(pieces: list[bytes]) -> tuple[list[str], list[Ending]]:
    """What a socket makes of bytes that come in these pieces: messages, and ends."""

    async def run() -> tuple[list[str], list[Ending]]:
        client = Client()
        for piece in pieces:
            client.socket.data_received(piece)
            while not client.line.reading and not client.line.closing:
                await asyncio.sleep(0)
        client.socket.connection_lost(None)
        return client.texts, client.endings

    return asyncio.run(run())


frames = st.builds(
    lambda opcode, data, fin: Frame(opcode, data, fin=fin or opcode >= Opcode.CLOSE).serialize(mask=True),
    st.sampled_from([Opcode.TEXT, Opcode.CONT, Opcode.BINARY, Opcode.PING, Opcode.PONG]),
    st.binary(max_size=100) | texts.map(str.encode),
    st.booleans(),
)


@invented
@given(st.lists(frames | st.binary(max_size=30), max_size=8).map(b"".join), st.lists(st.integers(0, 400), max_size=5))
def test_socket_when_bytes_are_invented(sent: bytes, cuts: list[int]):
    """What a socket hears does not depend on how the bytes were cut, it ends once, and no message is over the limit."""
    messages, endings = heard([sent])
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    in_pieces, _ = heard([sent[at:to] for at, to in pairwise(places)])
    assert in_pieces == messages
    assert len(endings) == 1
    assert all(len(message.encode()) <= Settings().message_limit_bytes for message in messages)


@invented
@given(
    st.sampled_from(["127.0.0.1:4580", "abc123.execute-api.us-east-1.amazonaws.com", "s3.amazonaws.com"]) | texts,
    st.lists(st.sampled_from(["/", "abc123", "prod", "@connections", "%40connections", "%", "%2F"]) | texts).map(
        "".join
    ),
)
def test_management_path_when_it_is_invented(host: str, path: str):
    """A path is an address or none; what is taken for a connection's has an id, well formed or refused."""
    address = read_address(host, path)
    assert address is None or isinstance(address, Address)
    if is_management_path(host, path):
        assert address is not None
        try:
            assert is_well_formed_id(connection_id_of(address)) in (True, False)
        except ManagementError as error:
            assert 400 <= error.status < 500


@invented
@given(st.binary() | texts.map(str.encode))
def test_body_when_it_is_invented(body: bytes):
    """A posted body becomes text that can be sent; one that is text stays as it is."""
    text = text_to_send(body)
    assert text.encode().decode() == text
    try:
        assert text == body.decode()
    except UnicodeDecodeError:
        assert "\N{REPLACEMENT CHARACTER}" in text


@invented
@given(st.binary() | bodies.map(str.encode))
def test_proxy_result_when_it_is_invented(payload: bytes):
    """A function's result is one that a route can use, or is malformed."""
    try:
        assert 100 <= read_proxy_result(payload).status_code <= 599
    except MalformedProxyResult as error:
        assert str(error)


@invented
@given(texts | st.tuples(texts, st.integers(-1, 70_000)).map(lambda pair: f"{pair[0]}:{pair[1]}"))
def test_connect_target_when_it_is_invented(authority: str):
    """The target of CONNECT is a host and a port, or refused with a sentence."""
    try:
        host, port = split_authority(authority)
    except ValueError as error:
        assert "is not host:port" in str(error)
        return
    assert host and 0 < port < 65536
    assert is_aws_host(host) in (True, False) and is_own_host(host) in (True, False)
