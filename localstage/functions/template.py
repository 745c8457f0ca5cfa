"""A process that has imported what the programs of its copies need: a copy starts in a third of the time.

Started by path, with the name of a module and the number of a descriptor:

    python template.py bootstrap 3

The module has ``preload()``, which imports, and ``main(*arguments)``, the
program. The descriptor is a socket to whoever wants copies (copies.py): a
request there is JSON with two descriptors, a copy's stdin and stdout; this
process forks, and the copy goes on as the program does in a process of its own.
Answers tell the copies' process ids and how they ended. When the socket ends,
this process ends, and what copies are left with it.

A copy must not see that it is one. So nothing is imported here but what every
program could import anyway, and no thread is ever started: a fork copies one only.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_LARGEST_REQUEST = 200_000
"""Bytes; all variables of a function take 4 KB at most."""


def serve(asking: socket.socket) -> list[str]:
    """Makes a copy for each request. Returns in the copies alone, with the arguments of their program."""
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(asking, select.POLLIN)
    poll.register(woken, select.POLLIN)
    copies: set[int] = set()
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if woken.fileno() in ready:
            woken.recv(4096)
            for pid, returncode in _ended():
                copies.discard(pid)
                tell(asking, exited=pid, returncode=returncode)
        if asking.fileno() not in ready:
            continue
        message, descriptors = _received(asking)
        if not message:
            _end(copies)
        try:
            pid = os.fork()
        except OSError as error:
            tell(asking, error=str(error))
        else:
            if not pid:
                signal.set_wakeup_fd(-1)
                for end in (asking, woken, wake):
                    end.close()
                return _become(json.loads(message), *descriptors)
            copies.add(pid)
            tell(asking, forked=pid)
        for descriptor in descriptors:
            os.close(descriptor)


def tell(asking: socket.socket, **facts: Any) -> None:
    """One message to whoever asks; that they are gone is seen where requests are read."""
    with suppress(OSError):
        asking.sendall(json.dumps(facts).encode())


def _received(asking: socket.socket) -> tuple[bytes, list[int]]:
    """A request and its descriptors; nothing when whoever asks is gone."""
    room = socket.CMSG_SPACE(2 * array.array("i").itemsize)
    try:
        message, ancillary, _, _ = asking.recvmsg(_LARGEST_REQUEST, room)
    except ConnectionError:
        return b"", []
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return message, list(descriptors)


def _ended() -> Iterator[tuple[int, int]]:
    """The copies that have ended since the last call, with their return codes as subprocess gives them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _end(copies: set[int]) -> None:
    """Ends this process after its copies, each with its group; nobody is left who would."""
    for pid in copies:
        for end in (os.killpg, os.kill):  # A copy that was made this moment may have no group yet.
            with suppress(OSError):
                end(pid, signal.SIGKILL)
    os._exit(0)


def _become(request: dict[str, Any], stdin: int, stdout: int) -> list[str]:
    """Gives this copy what a process of its own would have: session, signals, descriptors, directory, variables."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, source in enumerate((stdin, stdout, stdout)):
        os.dup2(source, number)
    for source in (stdin, stdout):
        os.close(source)  # Not all that is open: libffi keeps its own file, from which ctypes maps callbacks later.
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    return request["arguments"]


if __name__ == "__main__":
    program = importlib.import_module(sys.argv[1])
    asking = socket.socket(fileno=int(sys.argv[2]))
    program.preload()
    gc.collect()
    gc.freeze()  # A collection in a copy would touch, and so copy, every page.
    tell(asking, modules=sorted({name.partition(".")[0] for name in sys.modules} - {"__main__"}))
    arguments = serve(asking)
    sys.argv[:] = [program.__file__ or "", *arguments]
    program.main(*arguments)
