"""The door's side of the port: an HTTP request as an AwsCall."""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.door.signatures.request import SignableRequest
from localstage.port.exchange import Request

_SMALL_BYTES = 64 * 1024


def call_of_head(request: Request) -> AwsCall:
    """The call by its head; its body has not been read."""
    return AwsCall(
        SignableRequest.of(request.method, request.target, request.sent),
        request.sent,
        source_ip=request.remote,
        secure=request.secure,
    )


async def read_small_body(request: Request) -> bytes:
    """The body, read for the protocol that it shows; nothing of one that is large or has no length."""
    length = request.headers.get("content-length", "0")
    return await request.read() if length.isdigit() and int(length) <= _SMALL_BYTES else b""
