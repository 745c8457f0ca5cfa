"""Connection, message and request ids as API Gateway makes them.

AWS: FIDELITY section 1, formats: 11 bytes in base64url, 16 characters ending
in ``=``. Random bytes come in as an argument, so a test can fix them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

ID_BYTES = 11
SHARED_TAIL_BYTES = 4

RandomBytes = Callable[[int], bytes]


def encode_id(raw: bytes) -> str:
    """The text form of an id's bytes."""
    return base64.urlsafe_b64encode(raw).decode("ascii")


def new_id(random_bytes: RandomBytes) -> str:
    """A fresh connection or request id."""
    return encode_id(random_bytes(ID_BYTES))


def new_message_id(connection_id: str, random_bytes: RandomBytes) -> str:
    """A message id; its last four bytes are those of its connection id (FIDELITY section 1)."""
    tail = base64.urlsafe_b64decode(connection_id)[-SHARED_TAIL_BYTES:]
    return encode_id(random_bytes(ID_BYTES - SHARED_TAIL_BYTES) + tail)


def connect_request_id(connection_id: str, random_bytes: RandomBytes) -> str:
    """The request id of a CONNECT event; it begins as the connection id does (FIDELITY section 1)."""
    head = base64.urlsafe_b64decode(connection_id)[:SHARED_TAIL_BYTES]
    return encode_id(head + random_bytes(ID_BYTES - SHARED_TAIL_BYTES))


def is_well_formed_id(text: str) -> bool:
    """Whether the text could be a connection id: base64url of 8 to 16 bytes.

    The length is left open because one capture has 20 characters (FIDELITY
    section 1). A malformed id is answered 400, a well-formed unknown one 410.
    """
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return False
    return 8 <= len(raw) <= 16
