"""Which hosts are AWS's. A call to one of them never leaves the machine.

Pure. AWS's service endpoints: the standard and China partitions, dual-stack
``*.api.aws``, function URLs ``*.on.aws`` and account-based endpoints, which are
below ``amazonaws.com`` too.
"""

from __future__ import annotations

from functools import lru_cache

_SUFFIXES = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "on.aws", "amazonaws.eu", "amazonwebservices.com.cn")


@lru_cache(maxsize=256)
def is_aws_host(host: str) -> bool:
    """Whether a host name (without port) belongs to AWS's APIs."""
    name = host.rstrip(".").lower()
    return any(name == suffix or name.endswith("." + suffix) for suffix in _SUFFIXES)


@lru_cache(maxsize=256)
def is_own_host(host_header: str) -> bool:
    """Whether a Host header names this machine's loopback or an AWS host.

    Any other name got here because somebody made it resolve to the loopback
    address: DNS rebinding, by which a web page would become same-origin with us.
    """
    name = host_header.strip().lower()
    name = name[1 : name.find("]")] if name.startswith("[") else name.partition(":")[0]
    if name in ("localhost", "::1") or name.endswith(".localhost") or is_aws_host(name):
        return True
    parts = name.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() for part in parts)


def split_authority(authority: str) -> tuple[str, int]:
    """Host and port of a CONNECT target such as ``example.org:443``. Raises ValueError."""
    host, colon, port = authority.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{authority!r} is not host:port")
    return host.strip("[]"), int(port)
