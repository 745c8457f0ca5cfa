"""The process that runs nbval, and its kernel's: where one has imported this module, copies of it can be made.

What nbval, IPython's kernel and the cells import takes 1.7 seconds of a processor
for each lesson; in a copy it is there. A kernel is a process of its own here, too:
begun before nbval reads anything, with the command line, directory and
variables that Jupyter would start one with.

nbval_runs.py makes the copies; nobody else imports this module.
"""

from __future__ import annotations

import functools
import gc
import json
import multiprocessing
import os
import sys
import tempfile
from multiprocessing.connection import Connection
from typing import Any, NoReturn

# jsonschema asks for this, 1.7 seconds; a notebook's format needs nothing of it. So it is said before the imports.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # The kernel's debugger would say that it may miss breakpoints.

import boto3.dynamodb.table  # noqa: E402
import boto3.s3.inject  # noqa: E402, F401
import ipywidgets  # noqa: E402, F401
import jupyter_client.blocking  # noqa: E402, F401
import nbformat  # noqa: E402
import nbval.kernel  # noqa: E402
import nbval.plugin  # noqa: E402
import pytest  # noqa: E402
from ipykernel import debugger, ipkernel, kernelapp, zmqshell  # noqa: E402, F401
from IPython.core import completerlib, magic_arguments, magics  # noqa: E402, F401
from IPython.extensions import storemagic  # noqa: E402, F401
from jupyter_client.provisioning import local_provisioner  # noqa: E402
from pygments.lexers import get_lexer_for_filename  # noqa: E402

import classroom.lesson  # noqa: E402, F401
from classroom.exercises import registry  # noqa: E402
from classroom.operations.notebooks import over_files  # noqa: E402
from tests.course.nbval_runs import take_the_place  # noqa: E402

registry.exercises()
get_lexer_for_filename("chat_handler.py")  # It reads the patterns of all lexers, and imports whose fit.
nbformat.validate(nbformat.v4.new_notebook())  # It compiles the format's schema.
nbval.kernel.pformat = repr  # It lays out every message of the kernel for a log that nobody reads.
gc.collect()
gc.freeze()  # A collection in a copy would touch, and so copy, every page.


class Kernel:
    """The process that becomes this one's kernel, as jupyter_client sees a ``subprocess.Popen``."""

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        theirs, self._ours = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_become_kernel, args=(theirs, self._ours))
        self._process.start()
        theirs.close()
        self._ours.recv_bytes()  # From here on it has a group of its own: Jupyter signals the whole group.

    def launch(self, command: list[str], *, cwd: str, env: dict[str, str], **_: Any) -> Kernel:
        """What ``launch_kernel`` is to jupyter_client."""
        parent = f"--IPKernelApp.parent_handle={os.getpid()}"  # With it a kernel whose nbval has gone ends itself.
        self._ours.send_bytes(json.dumps([[*command, parent], cwd, env]).encode())
        self._ours.close()
        return self

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()


def _become_kernel(asked: Connection, asking: Connection) -> NoReturn:
    """Wait for the command that starts a kernel, and go on as it; end when none comes."""
    asking.close()
    os.setsid()
    asked.send_bytes(b"a session of its own")
    try:
        command, folder, environment = json.loads(asked.recv_bytes())
    except EOFError:
        os._exit(0)
    asked.close()
    take_the_place(folder, environment, os.open(os.devnull, os.O_RDWR), (0, 2))
    assert command[1:3] == ["-m", "ipykernel_launcher"], command
    sys.argv[:] = ["ipykernel_launcher.py", *command[3:]]
    kernelapp.launch_new_instance()
    os._exit(0)


def main(words: list[str]) -> NoReturn:
    """Run pytest with these words, and end with its status."""
    gc.disable()  # The process is gone before its garbage matters.
    with tempfile.TemporaryDirectory(prefix="nbval-") as sockets:
        if sys.platform == "linux":  # Elsewhere a forked process may not use all of its system's libraries.
            local_provisioner.launch_kernel = Kernel().launch
        nbval.kernel.KernelManager = functools.partial(nbval.kernel.KernelManager, **over_files(sockets))
        status = int(pytest.main(words))
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
