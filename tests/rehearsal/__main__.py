"""Rehearses lessons with delays of any length: ``python -m tests.rehearsal --pace 2 03 05``.

Each notebook runs strictly, on a stage of its own, with CHAT_TARGET=live. Too
slow for every run of the suite, which rehearses at pace 1.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click

from tests.course.nbval_runs import NOTEBOOKS, WITHIN_S, clean_environment, rehearsal, run_strictly


@click.command()
@click.option(
    "--pace",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="All delays of the rehearsal times this.",
)
@click.argument("lessons", nargs=-1)
def main(pace: float, lessons: tuple[str, ...]) -> None:
    """Rehearse LESSONS (such as 03 05; all unless given); the exit status is 1 if one fails."""
    chosen = [path for path in NOTEBOOKS if not lessons or _number(path) in lessons]
    missing = set(lessons) - {_number(path) for path in chosen}
    if missing:
        raise click.UsageError(f"There is no lesson {', '.join(sorted(missing))}.")
    failed = [path for path in chosen if not _passes(path, pace)]
    sys.exit(1 if failed else 0)


def _number(notebook: Path) -> str:
    return notebook.name.partition("-")[0]


def _passes(notebook: Path, pace: float) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as work_dir:
        try:
            environment = clean_environment(Path(work_dir), CHAT_TARGET="live")
            run_strictly(notebook, environment, rehearsal(pace), 2 * WITHIN_S * max(1.0, pace))
        except AssertionError as failure:
            click.echo(f"{notebook.name}: failed after {time.monotonic() - began:.0f} s\n{failure}")
            return False
    click.echo(f"{notebook.name}: passed in {time.monotonic() - began:.0f} s")
    return True


main()
