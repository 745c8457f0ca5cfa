"""The management API, ``@connections``: post to, look at and close a connection.

AWS: FIDELITY section 6. What a request means is the core's, who may make it the
account's; this shell answers HTTP.
"""

from __future__ import annotations

from localstage.core import management
from localstage.core.connection import DELETED, is_well_formed_id
from localstage.door.signatures.verification import KnownKey
from localstage.gateway.connections import Connection
from localstage.gateway.gateway import ExecuteApiDenial, Gateway
from localstage.gateway.socket import ClientReadsTooSlowly
from localstage.port.exchange import Answer, Request

_JSON = [("Content-Type", "application/json")]
_POSTED, _DELETED = Answer(200, []), Answer(204, [])


class ManagementApi:
    """Answers POST, GET and DELETE of ``…/@connections/{connectionId}``; ``denial`` says who may not."""

    def __init__(self, gateway: Gateway, denial: ExecuteApiDenial):
        self._gateway = gateway
        self._denial = denial

    def answer(self, request: Request, signer: KnownKey) -> Answer:
        """Answers one management request, which has its body; an error carries ``x-amzn-errortype``."""
        try:
            return self._answer(request, signer)
        except management.ManagementError as error:
            return Answer(error.status, [*_JSON, ("x-amzn-errortype", error.error_type)], error.body())

    def _answer(self, request: Request, signer: KnownKey) -> Answer:
        connection = self._connection(request, signer)
        if request.method == "POST":
            self._post(connection, request.body or b"")
            return _POSTED
        if request.method == "GET":
            facts = connection.facts
            description = management.connection_description(
                facts.connected_at_ms, connection.last_active_ms, facts.source_ip, facts.user_agent
            )
            return Answer(200, _JSON, description)
        if request.method == "DELETE":
            self._gateway.close(connection, DELETED)
            return _DELETED
        raise management.Forbidden()

    def _connection(self, request: Request, signer: KnownKey) -> Connection:
        path = request.target.partition("?")[0]
        address = management.read_address(request.headers.get("host", ""), path)
        stage = self._gateway.stages.find(address.api_id, address.stage) if address is not None else None
        if address is None or stage is None:
            raise management.Forbidden()
        connection_id = management.connection_id_of(address)
        sentence = self._denial(
            signer,
            "execute-api:ManageConnections",
            f"{stage.arn}/{request.method}/@connections/{connection_id}",
            request.remote,
        )
        if sentence is not None:
            raise management.NotAuthorized(sentence)
        connection = self._gateway.connections.get(address.api_id, address.stage, connection_id)
        if connection is None:
            gone = management.ConnectionGone if is_well_formed_id(connection_id) else management.InvalidConnectionId
            raise gone(connection_id)
        return connection

    def _post(self, connection: Connection, body: bytes) -> None:
        if len(body) > self._gateway.settings.message_limit_bytes:
            raise management.PayloadTooLarge()
        try:
            self._gateway.send(connection, management.text_to_send(body))  # AWS: FIDELITY section 6, a text frame.
        except ClientReadsTooSlowly:
            raise management.LimitExceeded() from None
