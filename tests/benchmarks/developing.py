"""What a developer waits for: the account emptied between two tests, a project deployed, its changed code deployed.

    python -m tests.benchmarks.developing [ROUNDS]
    python -m tests.benchmarks.developing --install [ROUNDS]

With ``--install``: localstage alone, installed by pip into new environments, once
unmeasured to fill pip's cache; how many packages that are, and how long it takes.
Without, it prints the median and the slowest of some rounds, in milliseconds, for the
project in ``examples/chat``, and the processor time of all processes, which other
work on the machine does not lengthen. A reset is promised to take less than 50
ms: the command ends with 1 where its processor time is more. Between a file's change and its deployment
``deploy --watch`` looks every 150 ms, and once more to see the file at rest.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

from localstage import LocalStage
from localstage.project.deployment import Deployment, Wanted
from localstage.testing import Stage
from tests.benchmarks.watch import cpu_s

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "chat"


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


def install(rounds: int) -> None:
    """Installs localstage by itself, and prints what that takes."""
    waits, used, packages = [], [], []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            pip = [str(Path(folder) / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
            began, before = time.perf_counter(), _of_ended_children_s()
            subprocess.run([*pip, "install", "--quiet", ROOT / "localstage"], check=True, stderr=subprocess.DEVNULL)
            waits.append(time.perf_counter() - began)
            used.append(_of_ended_children_s() - before)
            listed = subprocess.check_output(
                [*pip, "list", "--format", "freeze", "--exclude", "pip", "--exclude", "setuptools"]
            )
            packages.append(len(listed.split()))
    print(
        f"install              median {statistics.median(waits[1:]):6.1f} s, slowest {max(waits[1:]):6.1f} s, "
        f"processor {statistics.median(used[1:]):6.1f} s, {packages[-1]} packages"
    )


def _of_ended_children_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.developing")
    parser.add_argument("rounds", type=int, nargs="?", help="default: 10, of installing 3")
    parser.add_argument("--install", action="store_true", help="measure pip install ./localstage instead")
    options = parser.parse_args()
    if options.install:
        install(options.rounds or 3)
        return
    found = measure(options.rounds or 10)
    for what, waits in found.items():
        times, used = zip(*waits, strict=True)
        print(
            f"{what:20} median {statistics.median(times):6.0f} ms, slowest {max(times):6.0f} ms, "
            f"processor {statistics.mean(used):6.0f} ms"
        )
    sys.exit(statistics.mean(used for _, used in found["reset"]) > PROMISE_MS)


if __name__ == "__main__":
    main()
