"""The process that execution environments of Python functions are copied from: it has imported boto3 already.

Started by path, with the number of a descriptor: the emulator's socket. A
request there is JSON with two descriptors, an environment's stdin and stdout;
this process forks, and the copy goes on as bootstrap.py does in a process of
its own. Answers tell the copies' process ids and how they ended. Ends when the
socket does.

A copy must not see that it is one. So only what every function could import
anyway is imported here, in the way of bootstrap.py, and copies.py makes none
for a function whose variables or package would have had a say in that.
"""

from __future__ import annotations

import array
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import bootstrap  # beside this file

_LARGEST_REQUEST = 200_000
"""Bytes; all variables of a function take 4 KB at most."""


def preload() -> list[str]:
    """Imports boto3 and what clients import when they are made; returns the first names of all modules."""
    path = list(sys.path)
    bootstrap.restrict_imports()
    import boto3

    session = boto3.Session("nobody", "nothing", region_name="us-east-1")
    session.resource("dynamodb")
    session.client("apigatewaymanagementapi")
    sys.path[:] = path
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, bootstrap.RuntimePackages)]
    return sorted({name.partition(".")[0] for name in sys.modules} - {"__main__"})


def serve(emulator: socket.socket) -> list[str]:
    """Makes a copy for each request. Returns in the copies alone, with the arguments of bootstrap.py."""
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(emulator, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if woken.fileno() in ready:
            woken.recv(4096)
            for pid, returncode in _ended():
                tell(emulator, exited=pid, returncode=returncode)
        if emulator.fileno() not in ready:
            continue
        message, descriptors = _received(emulator)
        if not message:
            os._exit(0)
        try:
            pid = os.fork()
        except OSError as error:
            tell(emulator, error=str(error))
        else:
            if not pid:
                for end in (emulator, woken, wake):
                    end.detach()  # The numbers will be the copy's.
                return _become(json.loads(message), *descriptors)
            tell(emulator, forked=pid)
        for descriptor in descriptors:
            os.close(descriptor)


def tell(emulator: socket.socket, **facts: Any) -> None:
    """One message to the emulator."""
    emulator.sendall(json.dumps(facts).encode())


def _received(emulator: socket.socket) -> tuple[bytes, list[int]]:
    """A request and its descriptors; nothing when the emulator is gone."""
    room = socket.CMSG_SPACE(2 * array.array("i").itemsize)
    message, ancillary, _, _ = emulator.recvmsg(_LARGEST_REQUEST, room)
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


def _become(request: dict[str, Any], stdin: int, stdout: int) -> list[str]:
    """Gives this copy what a process of its own would have: session, signals, descriptors, directory, variables."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, source in enumerate((stdin, stdout, stdout)):
        os.dup2(source, number)
    os.closerange(3, 1024)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    return request["arguments"]


if __name__ == "__main__":
    emulator = socket.socket(fileno=int(sys.argv[1]))
    modules = preload()
    gc.collect()
    gc.freeze()  # A collection in a copy would touch, and so copy, every page.
    tell(emulator, modules=modules)
    arguments = serve(emulator)
    sys.argv[:] = [bootstrap.__file__, *arguments]
    bootstrap.main(*arguments)
