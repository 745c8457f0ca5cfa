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

from tests.course.nbval_runs import LESSONS, WITHIN_S, Lesson, clean_environment, rehearsal, run_strictly


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
    chosen = [lesson for lesson in LESSONS if not lessons or _number(lesson) in lessons]
    missing = set(lessons) - {_number(lesson) for lesson in chosen}
    if missing:
        raise click.UsageError(f"There is no lesson {', '.join(sorted(missing))}.")
    failed = [lesson for lesson in chosen if not _passes(lesson, pace)]
    sys.exit(1 if failed else 0)


def _number(lesson: Lesson) -> str:
    return lesson.name.partition("-")[0]


def _passes(lesson: Lesson, pace: float) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as work_dir:
        try:
            folder = Path(work_dir)
            environment = clean_environment(folder, CHAT_TARGET="live")
            within_s = WITHIN_S * max(1.0, pace)
            run_strictly(lesson, folder, environment, before=rehearsal(pace), cell_within_s=within_s)
        except AssertionError as failure:
            click.echo(f"{lesson.name}: failed after {time.monotonic() - began:.0f} s\n{failure}")
            return False
    click.echo(f"{lesson.name}: passed in {time.monotonic() - began:.0f} s")
    return True


main()
