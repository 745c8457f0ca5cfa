"""How many files and sockets the emulator's process may have open.

A system's default is often 1,024, on macOS 256, and each connection is a
socket. A process may raise its own limit up to what the system allows it.
"""

from __future__ import annotations

_ENOUGH = 65_536
_MACOS_MOST = 10_240


def raise_open_files_limit() -> None:
    """Raises this process's limit as far as is useful and allowed; does nothing where there is none (Windows)."""
    try:
        import resource
    except ImportError:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (_ENOUGH, _MACOS_MOST):
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        if limit <= now:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
            return
        except (ValueError, OSError):
            continue  # macOS calls its maximum infinite and refuses more than 10,240.
