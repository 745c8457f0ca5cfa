"""Whose process is at the other end of a connection on this machine (Linux): the kernel is asked, not the client.

Other users of a machine reach its loopback address, too. What is theirs to read is
decided elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys

_BY_FAMILY = 20
_IS_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_SOCKET = struct.Struct("!HH4s12x4s12x")
_UID_AT = _HEADER.size + 4 + 48 + 12
"""Behind the header: family, state, timer, retransmissions; the socket's id; three counters."""


def is_anothers(transport: asyncio.BaseTransport | None) -> bool:
    """Whether the client is known to be a process of another user, neither ours nor root.

    False where that cannot be told, as on other systems, and for an emulator that root
    runs: as in a container, whose port somebody else has been given.
    """
    if not sys.platform.startswith("linux") or transport is None or os.getuid() == 0:
        return False
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    uid = _uid_of(theirs, ours) if ours and theirs else None
    return uid not in (None, 0, os.getuid())


def _uid_of(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """The owner of the TCP socket between two addresses, None if the kernel does not say. Linux: sock_diag(7)."""
    place = _SOCKET.pack(local[1], remote[1], socket.inet_aton(local[0]), socket.inet_aton(remote[0]))
    asked = struct.pack("=BBxxI", socket.AF_INET, socket.IPPROTO_TCP, 0xFFFFFFFF) + place + b"\0\0\0\0" + b"\xff" * 8
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as kernel:
            kernel.settimeout(1)
            kernel.send(_HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _IS_REQUEST, 0, 0) + asked)
            answer = kernel.recv(4096)
    except OSError:
        return None
    kind = _HEADER.unpack_from(answer)[1]
    return struct.unpack_from("=I", answer, _UID_AT)[0] if kind == _BY_FAMILY else None
