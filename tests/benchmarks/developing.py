"""What a developer waits for: the account emptied between two tests, a project deployed, its changed code deployed.

    python -m tests.benchmarks.developing [ROUNDS]

Prints the median and the slowest of some rounds, in milliseconds, for the
project in ``examples/chat``, and the processor time of all processes, which other
work on the machine does not lengthen. A reset is promised to take less than 50
ms: the command ends with 1 where its processor time is more. Between a file's change and its deployment
``deploy --watch`` looks every 150 ms, and once more to see the file at rest.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from localstage import LocalStage
from localstage.project.deployment import Deployment, Wanted
from localstage.testing import Stage
from tests.benchmarks.watch import cpu_s

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "chat"


Waits = dict[str, list[tuple[float, float]]]
"""The milliseconds of each round by what was waited for: on the clock, and of the processor."""
PROMISE_MS = 50


def measure(rounds: int) -> Waits:
    """Waits for everything, in turns."""
    found: Waits = {"deploy the project": [], "deploy changed code": [], "reset": []}
    with tempfile.TemporaryDirectory() as folder, LocalStage() as process:
        project, stage = Path(shutil.copytree(EXAMPLE, Path(folder) / "chat")), Stage(process.access)
        template, code = project / "template.yaml", project / "chat.py"
        stage.deploy(template)  # The first one loads CloudFormation.
        stage.reset()
        for number in range(rounds):
            deployment = Deployment(stage.session, Wanted(template, "chat", {}))
            found["deploy the project"].append(_ms(deployment.deploy))
            code.write_text(f"{code.read_text()}# {number}\n")
            found["deploy changed code"].append(_ms(deployment.deploy))
            (address,) = stage.addresses("chat")
            with stage.connect(address.local_url) as socket:
                socket.send("hello")
                socket.recv(timeout=60)
            found["reset"].append(_ms(stage.reset))
    return found


def _ms(work: Callable[[], object]) -> tuple[float, float]:
    began, used = time.perf_counter(), cpu_s([os.getpid()])
    work()
    return (time.perf_counter() - began) * 1000, (cpu_s([os.getpid()]) - used) * 1000


def main(rounds: int = 10) -> None:
    """Prints the table."""
    found = measure(rounds)
    for what, waits in found.items():
        times, used = zip(*waits, strict=True)
        print(
            f"{what:20} median {statistics.median(times):6.0f} ms, slowest {max(times):6.0f} ms, "
            f"processor {statistics.mean(used):6.0f} ms"
        )
    sys.exit(statistics.mean(used for _, used in found["reset"]) > PROMISE_MS)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
