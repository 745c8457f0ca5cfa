"""What is answered to a call that moto does not have, or fails at: one sentence, in the protocol of the call.

Knows no service but S3, whose errors have a form of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

_ACTION = re.compile(r"The (\w+) action has not been implemented")
_S3 = re.compile(r"/\d{8}/[^/]+/s3/aws4_request")

WireAnswer = tuple[int, list[tuple[str, str]], bytes]


def answer_to_failure(error: Exception, environ: Mapping[str, Any]) -> WireAnswer:
    """Status, headers and body: 501 for an operation that is not there, 500 for a failure."""
    if isinstance(error, NotImplementedError):
        return _answer(501, "NotImplemented", _missing(str(error)), environ)
    return _answer(500, "InternalFailure", f"The local stage failed: {error!r}", environ)


def answer_to_unknown_path(environ: Mapping[str, Any]) -> WireAnswer:
    """The same 501 for a path of which the operation's name is not known."""
    where = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    return _answer(501, "NotImplemented", f"The local stage does not have the operation {where}.", environ)


def _missing(message: str) -> str:
    action = _ACTION.search(message)
    if action is None:
        return f"The local stage does not have this operation: {message}"
    name = "".join(part[:1].upper() + part[1:] for part in action.group(1).split("_"))
    return f"The local stage does not have the operation {name}."


def _answer(status: int, code: str, sentence: str, environ: Mapping[str, Any]) -> WireAnswer:
    headers = [("x-amzn-errortype", code)]
    if _S3.search(environ.get("HTTP_AUTHORIZATION", "")):
        body = f"<Error><Code>{code}</Code><Message>{escape(sentence)}</Message></Error>"
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = (
            f"<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code><Message>{escape(sentence)}</Message>"
            "</Error></ErrorResponse>"
        )
    else:
        text = json.dumps({"__type": code, "message": sentence})
        return status, [*headers, ("Content-Type", "application/json")], text.encode()
    return status, [*headers, ("Content-Type", "text/xml")], body.encode()
