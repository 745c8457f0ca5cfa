"""Requests to the management API, ``@connections``, and its errors as AWS answers them.

AWS: FIDELITY section 6. botocore types an error by the header
``x-amzn-errortype`` alone when the body is empty, so every error carries it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

_HOST = re.compile(r"^([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?::\d+)?$", re.IGNORECASE)
_MARK = "/@connections"
_ENCODED_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")


class ManagementError(Exception):
    """An answer of the management API other than success."""

    status = 400
    error_type = "BadRequestException"

    def __init__(self, message: str = ""):
        super().__init__(message)
        self.message = message

    def body(self) -> bytes:
        """The answer's body; empty where AWS sends none."""
        return json.dumps({"message": self.message}).encode() if self.message else b""


class ConnectionGone(ManagementError):
    """The connection is closed or never was."""

    status, error_type = 410, "GoneException"

    def __init__(self, connection_id: str):
        super().__init__("")  # AWS: the body seems empty (FIDELITY section 6, unsure).
        self.connection_id = connection_id


class InvalidConnectionId(ManagementError):
    """The id in the path cannot be a connection id."""

    def __init__(self, connection_id: str):
        super().__init__(f"Invalid connectionId: {connection_id}")


class PayloadTooLarge(ManagementError):
    """The message to send is over the message limit."""

    status, error_type = 413, "PayloadTooLargeException"

    def __init__(self) -> None:
        super().__init__("Payload too large")


class Forbidden(ManagementError):
    """There is no such API or stage, or the URL has no stage."""

    status, error_type = 403, "ForbiddenException"

    def __init__(self) -> None:
        super().__init__("Forbidden")


class NotAuthorized(ManagementError):
    """The caller's policies do not allow ``execute-api:ManageConnections``."""

    status, error_type = 403, "AccessDeniedException"

    def body(self) -> bytes:
        """API Gateway writes this message's name with a capital letter (FIDELITY section 6)."""
        return json.dumps({"Message": self.message}).encode()


class LimitExceeded(ManagementError):
    """The client does not read what is sent to it, or calls come too fast."""

    status, error_type = 429, "LimitExceededException"

    def __init__(self) -> None:
        super().__init__("")


@dataclass(frozen=True)
class Address:
    """An API's stage as a URL names it. ``stage`` is "" where the URL has none."""

    api_id: str
    stage: str
    rest: str = ""
    """What follows the stage in the path, such as ``/@connections/{id}``; percent-encoding undone."""


def execute_api_host_of(api_id: str, region: str) -> str:
    """The host name of an API, which is its events' ``domainName``."""
    return f"{api_id}.execute-api.{region}.amazonaws.com"


def execute_api_arn_of(api_id: str, region: str, account_id: str) -> str:
    """The ARN of an API in IAM's eyes; that of a stage and of what it serves begins with it."""
    return f"arn:aws:execute-api:{region}:{account_id}:{api_id}"


@lru_cache(maxsize=256)
def read_execute_api_host(host: str) -> tuple[str, str] | None:
    """API id and region of an ``{apiId}.execute-api.{region}.amazonaws.com`` host, else None."""
    match = _HOST.match(host)
    return (match.group(1).lower(), match.group(2).lower()) if match else None


@lru_cache(maxsize=2048)  # A connection is posted to again and again; reading its address costs a tenth of a post.
def read_address(host: str, raw_path: str) -> Address | None:
    """Reads the two address forms: by host ``/{stage}…`` and by path ``/{apiId}/{stage}…``.

    ``raw_path`` is the path as sent, without query string. None if it has neither form.
    """
    path = unquote(raw_path)
    named = read_execute_api_host(host)
    segments = path.lstrip("/")
    if named:
        api_id = named[0]
    else:
        api_id, _, segments = segments.partition("/")
        if not re.fullmatch(r"[a-z0-9]{4,32}", api_id):
            return None
    if segments.startswith("@connections"):
        return Address(api_id, "", "/" + segments)
    stage, slash, rest = segments.partition("/")
    return Address(api_id, stage, slash + rest if rest else "")


def is_management_path(host: str, raw_path: str) -> bool:
    """Whether a host and a path name ``{stage}/@connections/{connectionId}`` in one of the two address forms.

    The path may be encoded or not. On another AWS host, and deeper in a path,
    the same words are somebody else's: part of an S3 key, for example.
    """
    address = read_address(host, raw_path)
    return address is not None and address.rest.startswith(_MARK + "/")


def text_to_send(body: bytes) -> str:
    """The text of a PostToConnection body; what is not UTF-8 becomes U+FFFD.

    AWS: FIDELITY section 6: one for each invalid byte or sequence as Python
    counts them, but also one for each whole or truncated encoded surrogate, for
    which Python writes two or three.
    """
    return _ENCODED_SURROGATE.sub("\N{REPLACEMENT CHARACTER}".encode(), body).decode("utf-8", "replace")


def connection_id_of(address: Address) -> str:
    """The connection id in an address. Raises Forbidden if the URL has no stage."""
    if not address.stage or not address.rest.startswith(_MARK + "/"):
        raise Forbidden()
    return address.rest[len(_MARK) + 1 :]


def iso_time(at_ms: int) -> str:
    """A time as GetConnection shows it: ``2022-01-25T18:50:04.673Z``."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def connection_description(
    connected_at_ms: int, last_active_at_ms: int, source_ip: str, user_agent: str | None
) -> bytes:
    """The body of a GetConnection answer; ``userAgent`` is null if the client sent none (FIDELITY section 6)."""
    return json.dumps(
        {
            "connectedAt": iso_time(connected_at_ms),
            "identity": {"sourceIp": source_ip, "userAgent": user_agent},
            "lastActiveAt": iso_time(last_active_at_ms),
        }
    ).encode()
