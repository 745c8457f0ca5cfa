"""For maintainers: run the notebooks and keep their outputs the way they are committed.

    python -m classroom.operations.notebooks run 05 99        these, each on a localstage of its own
    python -m classroom.operations.notebooks run --all        all of them
    python -m classroom.operations.notebooks run --into DIR   written to another folder, failed ones as far as they came
    python -m classroom.operations.notebooks run --solved --into DIR 05   with the solutions in place

A notebook is run on the target of the environment and written with its outputs
and execution counts, without what differs from run to run: widget state, model
ids, timings, the name of the machine's kernel. A lesson ships without outputs,
so that it does not give away its answers; its executed copy goes to
``notebooks/executed/``, where nbval and readers find it. (A lesson that still
has outputs is written back.) Nothing is written when a cell fails. A solution takes the place of the exercise whose cell id it
has; ``notebooks/solutions/`` holds one notebook of solutions for each lesson.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from classroom.account.stack import ROOT

NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"
EXECUTED = NOTEBOOKS / "executed"
_LONGEST_FOLDER = 80
"""A socket's path has at most 103 bytes (macOS; 107 on Linux), of which the kernel's names are 14."""
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def paths(wanted: list[str]) -> list[Path]:
    """The notebooks whose names begin with one of ``wanted``, all of them when it is empty."""
    return [
        path
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
        if not wanted or any(path.name.startswith(start) for start in wanted)
    ]


def run(path: Path, *, solved: bool = False, into: Path | None = None, timeout_s: int = 60) -> None:
    """Run one notebook and write its executed copy, or one to the folder ``into``; there a failed one is written, too.

    Raises nbclient's ``CellExecutionError`` with the failing cell.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    if solved:
        inject(notebook, nbformat.read(SOLUTIONS / path.name, as_version=4))
    with tempfile.TemporaryDirectory(prefix="my-kernel-") as sockets:
        # The kernel's environment is this process's: on moto it starts a localstage of its own.
        client = NotebookClient(
            notebook,
            timeout=timeout_s,
            startup_timeout=timeout_s,
            iopub_timeout=timeout_s,  # On a busy machine an output comes seconds after its cell's end; it would be left out.
            raise_on_iopub_timeout=True,
            resources={"metadata": {"path": str(path.parent)}},
            coalesce_streams=True,  # What is printed may come in pieces, in other ones each time.
            record_timing=False,
            store_widget_state=False,
        )
        manager = client.create_kernel_manager()
        for name, value in over_files(sockets).items():
            setattr(manager, name, value)
        try:
            client.execute()
        except Exception:
            if into is not None:
                nbformat.write(notebook, into / path.name)
            raise
    tidy(notebook)
    nbformat.write(notebook, executed_of(path) if into is None else into / path.name)


def over_files(folder: str) -> dict[str, str]:
    """The settings of a kernel's manager by which the kernel is reached over files in a folder, where there can be such.

    By default Jupyter draws five free ports, and the kernel takes them when it has started:
    of thirty kernels that started at once one found one of its own taken and ended.
    """
    if sys.platform == "win32" or len(os.fsencode(folder)) > _LONGEST_FOLDER:
        return {}
    return {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}


def executed_of(path: Path) -> Path:
    """Where a lesson's outputs are: its executed copy, or the lesson itself if that still has outputs."""
    lesson = json.loads(path.read_text("utf-8"))
    clean = all(cell.get("execution_count") is None for cell in lesson["cells"])
    return EXECUTED / path.name if clean else path


def inject(notebook: Any, solutions: Any) -> None:
    """Put each solution in the place of the exercise with the same cell id. Raises ``KeyError`` when there is none."""
    exercises = {cell.id: cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", ())}
    for solution in solutions.cells:
        if solution.cell_type == "code":
            exercises[solution.id].source = solution.source


def tidy(notebook: Any) -> None:
    """Take out of a notebook, in place, what differs from run to run or from machine to machine."""
    notebook.metadata.clear()
    notebook.metadata.update(_KERNEL)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata.clear()
        if tags:
            cell.metadata["tags"] = tags
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            if "metadata" in output:
                output["metadata"].clear()


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m classroom.operations.notebooks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command = parser.add_subparsers(required=True, metavar="run").add_parser("run")
    command.add_argument("lessons", nargs="*", help="beginnings of file names, such as 05")
    command.add_argument("--all", action="store_true", help="all lessons; not needed with --into")
    command.add_argument("--into", type=Path, metavar="DIR", help="write there instead of back")
    command.add_argument("--solved", action="store_true", help="put the solutions in place; needs --into")
    command.add_argument("--timeout", type=int, default=60, metavar="SECONDS", help="for each cell (default: 60)")
    options = parser.parse_args(arguments)
    if options.solved and options.into is None:
        parser.error("--solved needs --into: a lesson with its solutions must not take the lesson's place")
    if not options.lessons and not options.all and options.into is None:
        parser.error("name lessons, such as 05, or say --all: what is run is written over what is there")
    if not paths(options.lessons):
        parser.error(f"there is no lesson {' '.join(options.lessons)}")
    if options.into is not None:
        options.into.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    EXECUTED.mkdir(exist_ok=True)
    for path in paths(options.lessons):
        print(path.name, flush=True)
        with tempfile.TemporaryDirectory(prefix="my-chat-") as folder:
            os.environ["CHAT_FOLDER"] = folder  # not the one in which this machine's own learner works
            run(path, solved=options.solved, into=options.into, timeout_s=options.timeout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
