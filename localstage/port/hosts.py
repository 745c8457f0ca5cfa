"""Which hosts are AWS's. A call to one of them never leaves the machine.

Pure. AWS's service endpoints: the standard and China partitions, dual-stack
``*.api.aws``, function URLs ``*.on.aws`` and account-based endpoints, which are
below ``amazonaws.com`` too.
"""

from __future__ import annotations

_SUFFIXES = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "on.aws", "amazonaws.eu", "amazonwebservices.com.cn")


def is_aws_host(host: str) -> bool:
    """Whether a host name (without port) belongs to AWS's APIs."""
    name = host.rstrip(".").lower()
    return any(name == suffix or name.endswith("." + suffix) for suffix in _SUFFIXES)


def split_authority(authority: str) -> tuple[str, int]:
    """Host and port of a CONNECT target such as ``example.org:443``. Raises ValueError."""
    host, colon, port = authority.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{authority!r} is not host:port")
    return host.strip("[]"), int(port)
