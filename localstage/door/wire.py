"""The door's side of the port: an HTTP request as an AwsCall, an Answer as an HTTP response."""

from __future__ import annotations

from aiohttp import web

from localstage.door.call import Answer, AwsCall
from localstage.door.signatures.request import SignableRequest

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_TOLD = "told to continue"


def head_of(request: web.BaseRequest) -> AwsCall:
    """The call by its head; its body has not been read."""
    transport = request.transport
    return AwsCall(
        SignableRequest.of(request.method, request.raw_path, request.headers.items()),
        request.headers.items(),
        source_ip=request.remote,
        secure=transport is not None and transport.get_extra_info("sslcontext") is not None,
    )


async def read_body(request: web.BaseRequest) -> bytes:
    """The request's body; a client that waits for ``100 Continue`` is told to go on, once."""
    waits = request.headers.get("Expect", "").lower() == "100-continue" and _TOLD not in request
    if waits and request.transport is not None:
        request[_TOLD] = True
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.read()


async def read_small_body(request: web.BaseRequest) -> bytes:
    """The body, read for the protocol that it shows; nothing of one that is large or has no length."""
    length = request.headers.get("Content-Length", "0")
    return await request.read() if length.isdigit() and int(length) <= 64 * 1024 else b""


def response_to(request: web.BaseRequest, answer: Answer) -> web.Response:
    """An answer as a response of the port."""
    response = web.Response(status=answer.status, body=answer.body)
    response.headers.popall("Content-Type", None)
    for name, value in answer.headers:
        if name.lower() not in _HOP_BY_HOP:
            response.headers.add(name, value)
    if request.method == "HEAD":
        length = next((value for name, value in answer.headers if name.lower() == "content-length"), "0")
        response.headers["Content-Length"] = length
    return response
