"""The one place where a refusal is put on the wire.

What AWS's protocols look like is known by ``moto.core.serialize``; this file
adds what it leaves out: the names that services use in practice, S3's further
elements, request ids, and rpc-v2-cbor, which moto does not speak.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from localstage.door.call import CBOR, Answer, AwsCall
from localstage.door.refusal import Refusal

_ERROR_OF_QUERY = "x-amzn-query-error"


def answer_to(refusal: Refusal, call: AwsCall, protocol: str = "") -> Answer:
    """The refusal of a call in the protocol that its caller reads; with ``protocol``, as a service without a model.

    Loads the service's model if nobody has; call it off the event loop.
    """
    model, request_id = None if protocol else call.model, str(uuid.uuid4())
    protocol = protocol or call.answered_in
    said = refusal.in_protocol(protocol)
    if protocol == CBOR:
        return Answer(said.status, _headers_of_cbor(said, request_id), _cbor(said))
    written = _serializer(protocol, model, request_id).serialize(said)
    headers = {**written["headers"], ("x-amz-request-id" if protocol == "s3" else "x-amzn-RequestId"): request_id}
    body = written["body"].encode() if isinstance(written["body"], str) else written["body"]
    if call.method == "HEAD":
        del headers["Content-Type"]
        body = b""
    return Answer(said.status, list(headers.items()), body)


def _serializer(protocol: str, model: Any, request_id: str) -> Any:
    """moto's serializer of a protocol, with this file's additions; without a model, one that has no shapes."""
    from moto.core.model import OperationModel
    from moto.core.serialize import SerializationContext

    operation = OperationModel({"name": ""}, model or _model_without_shapes(protocol))
    return _written_as(protocol)(operation, SerializationContext(request_id))


@cache
def _model_without_shapes(protocol: str) -> Any:
    from moto.core.model import ServiceModel

    metadata = {"protocol": "rest-xml" if protocol == "s3" else protocol, "jsonVersion": "1.0"}
    return ServiceModel({"metadata": metadata, "operations": {}, "shapes": {}}, "")


@cache
def _written_as(protocol: str) -> type[Any]:
    from moto.core.serialize import get_serializer_class

    # moto warns of codes that a service's model does not name; those of callers and of throttling are in none.
    warnings.filterwarnings("ignore", r"Exception\(\w+\) with code \w+ does not match an error shape")
    moto = get_serializer_class("s3", "rest-xml") if protocol == "s3" else get_serializer_class("", protocol)
    of_family = _Json if protocol in ("json", "rest-json") else _Xml
    return type(of_family.__name__, (of_family, moto), {"PROTOCOL": protocol})


class _Json:
    """JSON's errors as AWS's services write them: ``message`` in small letters, ``__type`` in RPC's bodies only."""

    PROTOCOL: str

    def _get_protocol_specific_error_code(self, shape: Any) -> str:
        return shape.error_code

    def _serialize_error_metadata(self, serialized: dict[str, Any], error: Refusal, shape: Any) -> None:
        super()._serialize_error_metadata(serialized, error, shape)  # type: ignore[misc]
        if self.PROTOCOL == "rest-json":
            del serialized["__type"]  # The header x-amzn-errortype has it.
        else:
            serialized["__type"] = error.namespace + serialized["__type"]
        if "Message" not in shape.members:
            serialized.pop("Message", None)
        serialized["message"] = error.message
        self._query_code = error.query_code

    def _serialize_query_compatible_error_to_response(self, resp: Any, shape: Any) -> None:
        super()._serialize_query_compatible_error_to_response(resp, shape)  # type: ignore[misc]
        if self._query_code and _ERROR_OF_QUERY in resp["headers"]:
            resp["headers"][_ERROR_OF_QUERY] = f"{self._query_code};Sender"


class _Xml:
    """XML's errors, without what XML cannot hold."""

    PROTOCOL: str

    def _serialize_error_metadata(self, serialized: dict[str, Any], error: Refusal, shape: Any) -> None:
        super()._serialize_error_metadata(serialized, error, shape)  # type: ignore[misc]
        last: dict[str, Any] = {name: serialized.pop(name) for name in ("RequestId", "HostId") if name in serialized}
        serialized.update(error.elements)
        serialized.update(last)

    def _serialize_body(self, body: Any) -> str:
        return super()._serialize_body(_for_xml(body))  # type: ignore[misc]


def _for_xml(value: Any) -> Any:
    """A document without the characters that XML has none for; each becomes a question mark."""
    if isinstance(value, str):
        return "".join(c if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" else "?" for c in value)
    return {key: _for_xml(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def _headers_of_cbor(refusal: Refusal, request_id: str) -> list[tuple[str, str]]:
    headers = [
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-RequestId", request_id),
    ]
    return headers + ([(_ERROR_OF_QUERY, f"{refusal.query_code};Sender")] if refusal.query_code else [])


def _cbor(refusal: Refusal) -> bytes:
    """A map of two texts. moto 5.2 knows neither this protocol's requests nor its answers."""
    texts = ("__type", refusal.namespace + refusal.code, "message", refusal.message)
    return b"\xa2" + b"".join(map(_cbor_text, texts))


def _cbor_text(text: str) -> bytes:
    """RFC 8949: major type 3 with a two-byte length."""
    encoded = text.encode("utf-8", "replace")[:0xFFFF]
    return b"\x79" + len(encoded).to_bytes(2, "big") + encoded
