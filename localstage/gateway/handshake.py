"""The WebSocket handshake on the wire: reading it, refusing it, answering 101.

AWS: FIDELITY section 3: the upgrade is held until ``$connect`` has run; only
``Sec-WebSocket-Protocol`` of its result reaches the client.
"""

from __future__ import annotations

import base64
from functools import partial
from urllib.parse import parse_qsl

from websockets.utils import accept_key

from localstage.core.connection import CUT
from localstage.core.events import HandshakeRequest
from localstage.core.integrations import ProxyResult
from localstage.core.management import Address, execute_api_host_of, read_address
from localstage.core.refusals import FORBIDDEN, HandshakeRefused
from localstage.core.snapshot import ServedStage
from localstage.door.signatures.refusals import SignatureRefused
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey, Verifier
from localstage.gateway.connections import Connection, ConnectRequest
from localstage.gateway.gateway import ExecuteApiDenial, Gateway
from localstage.gateway.socket import WebSocket
from localstage.port.exchange import Answer, Reply, Request


class Handshakes:
    """Answers WebSocket handshakes for the gateway; ``denial`` says who may not connect where AWS_IAM is asked for."""

    def __init__(self, gateway: Gateway, verifier: Verifier, denial: ExecuteApiDenial):
        self._gateway = gateway
        self._verifier = verifier
        self._denial = denial

    async def answer(self, request: Request) -> Reply:
        """Answers one handshake: 101 and an open connection, or the status that refuses it."""
        try:
            await self._connect(request)
        except HandshakeRefused as refused:
            headers = [("Upgrade", "websocket")] if refused.status == 426 else []
            return Answer(refused.status, [*headers, ("Content-Type", "application/json")], refused.body())
        return None

    async def _connect(self, request: Request) -> None:
        stage = self._stage(request)
        if _url_length(request, stage) > self._gateway.settings.url_limit_chars:
            # Guess (Deployments one after): FIDELITY section 5 has the limit, no capture the answer.
            raise HandshakeRefused(414, "Request-URI Too Long")
        key = _websocket_key(request)
        signer, signature_refusal = self._signer(request, stage) if must_be_signed(stage) else (None, None)
        connection = self._gateway.new_connection(
            stage, request.remote, request.headers.get("user-agent"), identity_of(signer) if signer is not None else {}
        )
        handshake = _handshake_request(request, connection)
        asked = ConnectRequest(stage, connection, handshake, signature_refusal)
        self._open(request, connection, key, await self._gateway.executions.connect(asked))

    def _stage(self, request: Request) -> ServedStage:
        """The stage that the URL names. Raises HandshakeRefused."""
        address = read_address(request.headers.get("host", ""), request.target.partition("?")[0])
        stage = self._gateway.stages.find(address.api_id, address.stage) if address else None
        if stage is None and address and (kind := self._gateway.stages.unserved_kind(address.api_id)):
            raise HandshakeRefused(501, f"localstage serves WebSocket APIs; {address.api_id} is a {kind} API")
        if stage is None or not _is_stage_root(address):
            raise HandshakeRefused(403, FORBIDDEN)  # FIDELITY section 3: unknown or undeployed stage.
        return stage

    def _signer(self, request: Request, stage: ServedStage) -> tuple[KnownKey | None, str | None]:
        """Who signed the handshake, or why the signature does not count (FIDELITY section 3, AWS_IAM).

        The signer's policies must allow ``execute-api:Invoke`` on ``…/{stage}/$connect``.
        """
        asked = SignableRequest.of(request.method, request.target, request.sent)
        try:
            signer = self._verifier.verify(asked, "execute-api")
        except SignatureRefused as refused:
            return None, refused.rest_message
        denial = self._denial(signer, "execute-api:Invoke", f"{stage.arn}/$connect", request.remote)
        return (signer, None) if denial is None else (None, denial)

    def _open(self, request: Request, connection: Connection, key: str, result: ProxyResult) -> None:
        gateway = self._gateway
        gateway.opened(connection)
        try:
            transport, early = request.detach()
        except ConnectionResetError:
            gateway.ended(connection, CUT)
            return
        socket = WebSocket(gateway.settings, partial(gateway.received, connection), partial(gateway.ended, connection))
        connection.socket = socket
        transport.set_protocol(socket)
        socket.connection_made(transport)
        transport.write(_switching_protocols(key, result.header("Sec-WebSocket-Protocol")))
        if early:
            socket.data_received(early)


def must_be_signed(stage: ServedStage) -> bool:
    """Whether the stage's ``$connect`` asks for AWS_IAM."""
    route = stage.snapshot.routes.get("$connect")
    return route is not None and route.authorization_type == "AWS_IAM"


def identity_of(signer: KnownKey) -> dict[str, str | None]:
    """What ``identity`` gains.

    Guess (`identity`): the names are those of the context variables of the developer guide,
    their order and the nulls those of a REST API's event; no capture exists.
    """
    caller = signer.principal_id or signer.principal_arn.rpartition("/")[2]
    return {
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "cognitoAuthenticationType": None,
        "cognitoAuthenticationProvider": None,
        "userArn": signer.principal_arn,
        "accountId": signer.account_id,
        "caller": caller,
        "user": caller,
        "accessKey": signer.access_key_id,
    }


def _is_stage_root(address: Address | None) -> bool:
    return address is not None and bool(address.stage) and address.rest in ("", "/")


def _url_length(request: Request, stage: ServedStage) -> int:
    """The length of the URL as AWS would see it, ``wss://{host}/{stage}?{query}``, whatever the address form."""
    query = request.target.partition("?")[2]
    return len(f"wss://{execute_api_host_of(stage.api_id, stage.region)}/{stage.stage_name}?{query}")


def _websocket_key(request: Request) -> str:
    headers = request.headers
    if headers.get("upgrade", "").lower() != "websocket" or request.method != "GET":
        raise HandshakeRefused(
            426, "Upgrade Required"
        )  # Guess (GET without upgrade): FIDELITY section 3 knows of some 4xx.
    key, asked = headers.get("sec-websocket-key", ""), headers.get("connection", "")
    is_well_formed = (
        _is_key(key)
        and headers.get("sec-websocket-version") == "13"
        and "upgrade" in (token.strip().lower() for token in asked.split(","))
        and request.is_bare
    )
    if not is_well_formed:
        raise HandshakeRefused(400, "Bad Request")
    return key


def _is_key(text: str) -> bool:
    """Whether a text is 16 bytes in base64 (RFC 6455, section 4.1)."""
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except ValueError:
        return False


def _handshake_request(request: Request, connection: Connection) -> HandshakeRequest:
    sent = [(name, _readable(value)) for name, value in request.sent]
    kept = [(name, value) for name, value in sent if name.lower() not in _REPLACED]
    offered = [value for name, value in kept if name.lower() == "sec-websocket-protocol"]
    if len(offered) > 1:  # FIDELITY section 1: sub-protocols arrive as one string, on however many lines they came.
        kept = [header for header in kept if header[0].lower() != "sec-websocket-protocol"]
        kept.append(("Sec-WebSocket-Protocol", ", ".join(offered)))
    added = [
        ("Host", connection.facts.domain_name),
        ("X-Amzn-Trace-Id", _trace_id(connection)),
        ("X-Forwarded-For", connection.facts.source_ip),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]
    query = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    return HandshakeRequest(tuple(kept + added), tuple(query))


def _readable(value: str) -> str:
    """A header's value, in which each byte that is no UTF-8 is a question mark."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_REPLACED = {
    "host",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
    "proxy-connection",
    "proxy-authorization",
}


def _trace_id(connection: Connection) -> str:
    seconds = connection.facts.connected_at_ms // 1000
    digits = connection.connection_id.encode().hex()[:24]
    return f"Root=1-{seconds:08x}-{digits}"


def _switching_protocols(key: str, subprotocol: str | None) -> bytes:
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(key)}",
    ]
    if subprotocol:
        lines.append("Sec-WebSocket-Protocol: " + subprotocol.replace("\r", "").replace("\n", ""))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
