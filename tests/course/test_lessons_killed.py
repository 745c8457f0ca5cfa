"""Every lesson, with what it needs killed in its middle: the next cells say what happened, and it can begin anew.

Weekly: a kernel for each lesson, in which half of its cells run, and then all of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from tests.course.nbval_runs import LESSONS, WITHIN_S, Lesson, clean_environment, number_of, strict_copy

pytestmark = [pytest.mark.weekly, pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")]

WHERE = "import os; print(os.environ['LOCALSTAGE_URL'])"
PID = """
import json, os, urllib.request
print(json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
    os.environ["LOCALSTAGE_URL"] + "/_localstage/status"))["pid"])
"""


class Kernel:
    """A kernel in which cells run one after the other, as JupyterLab has it."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder), env=environment)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WITHIN_S)

    def run(self, source: str) -> tuple[bool, str]:
        """Whether a cell ran to its end, and what it showed."""
        shown: list[str] = []

        def show(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
            elif message["msg_type"] == "error":
                shown.append(f"{content['ename']}: {content['evalue']}")

        reply = self.client.execute_interactive(source, timeout=WITHIN_S, output_hook=show, allow_stdin=False)
        return reply["content"]["status"] == "ok", "".join(shown)

    def kill(self) -> None:
        """SIGKILL."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def kernel(folder: Path, environment: dict[str, str]) -> Iterator[Kernel]:
    """A kernel that is gone in the end."""
    one = Kernel(folder, environment)
    try:
        yield one
    finally:
        one.kill()


def code_cells(place: Path) -> list[str]:
    """What a notebook's code cells say."""
    return [cell.source for cell in nbformat.read(place, as_version=4).cells if cell.cell_type == "code"]


def own_files(environment: dict[str, str]) -> dict[str, bytes]:
    """The learner's own files by their paths, but for the notes that cells and checks make about them."""
    folder = Path(environment["CHAT_FOLDER"])
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "progress" not in path.name and not path.name.startswith(".")
    }


def goes_on(cells: list[str], run: Kernel) -> None:
    """All cells run, from the first."""
    for number, cell in enumerate(cells):
        ok, shown = run.run(cell)
        assert ok, f"cell {number}, {cell[:80]!r}: {shown[-1500:]}"


def half_done(cells: list[str], run: Kernel, folder: Path) -> None:
    """The first half of a lesson's cells have run, and there is a file of the learner's."""
    goes_on(cells[: len(cells) // 2], run)
    folder.mkdir(exist_ok=True)
    (folder / "of_mine.py").write_text("# mine\n")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_lesson_when_its_localstage_is_killed(lesson: Lesson, tmp_path: Path) -> None:
    """The first cell that fails says that localstage has ended; from its set-up cell on the lesson runs again."""
    place = strict_copy(lesson, tmp_path)
    cells, environment = code_cells(place), clean_environment(tmp_path)
    with kernel(place.parent, environment) as run:
        half_done(cells, run, Path(environment["CHAT_FOLDER"]))
        there, pid = run.run(PID)
        if not there:
            assert number_of(lesson.shipped) == "0b", "only the lesson of bytes needs no localstage so early"
            return
        os.kill(int(pid), signal.SIGKILL)
        kept = own_files(environment)
        for cell in cells[len(cells) // 2 :]:
            ok, shown = run.run(cell)
            if not ok:
                assert "localstage has ended" in shown, f"{cell[:80]!r}: {shown[-1500:]}"
                break
        assert kept.items() <= own_files(environment).items()
        goes_on(cells, run)
        assert kept.items() <= own_files(environment).items()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_lesson_when_its_kernel_is_killed(lesson: Lesson, tmp_path: Path) -> None:
    """A new kernel runs the lesson from its set-up cell; own files are as they were."""
    place = strict_copy(lesson, tmp_path)
    cells, environment = code_cells(place), clean_environment(tmp_path)
    with kernel(place.parent, environment) as run:
        half_done(cells, run, Path(environment["CHAT_FOLDER"]))
        kept = own_files(environment)
    assert own_files(environment) == kept
    with kernel(place.parent, environment) as run:
        goes_on(cells, run)
    assert kept.items() <= own_files(environment).items()


@pytest.mark.parametrize("lesson", [one for one in LESSONS if number_of(one.shipped) == "4"], ids=lambda one: one.name)
def test_lesson_when_localstage_run_is_killed(lesson: Lesson, tmp_path: Path) -> None:
    """Its localstage ends with it; a kernel that it has left behind starts one of its own and says so."""
    place = strict_copy(lesson, tmp_path)
    cells, environment = code_cells(place), clean_environment(tmp_path)
    code = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"
    command = [sys.executable, "-m", "localstage", "run", "--", sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        with kernel(place.parent, json.loads(runner.stdout.readline())) as run:
            half_done(cells, run, Path(environment["CHAT_FOLDER"]))
            _, before = run.run(WHERE)
            runner.kill()
            runner.wait(60)
            ok, shown = run.run("import boto3; boto3.client('dynamodb').list_tables()")
            while ok:  # The emulator is about to notice.
                ok, shown = run.run("import boto3; boto3.client('dynamodb').list_tables()")
            assert "localstage has ended" in shown, shown[-1500:]
            goes_on(cells, run)
            assert run.run(WHERE)[1] != before
