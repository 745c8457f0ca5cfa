"""``python3 course.py bench``: measures localstage, and beside it whatever is asked for, in turns.

Prints a table and writes JSON. Subjects run at the same time and are measured
one after the other in each round, so what else the machine does meets them all.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from tests.benchmarks.clients import Refused, close_clients, open_client
from tests.benchmarks.lessons import measure_notebooks
from tests.benchmarks.peers import LocalstageInNode, MiniStack, ServerlessOffline, ServerlessOfflineInNode
from tests.benchmarks.report import Report
from tests.benchmarks.rows import Row, rows
from tests.benchmarks.subjects import Floor, Localstage, LocalstageWithoutIam, NotMeasured, Subject, interrupt_once
from tests.benchmarks.watch import memory_mb, tree

PEERS: dict[str, type[Subject]] = {"ministack": MiniStack, "serverless-offline": ServerlessOffline}
IN_NODE: dict[type[Subject], type[Subject]] = {Localstage: LocalstageInNode, ServerlessOffline: ServerlessOfflineInNode}
"""Who runs the handler in Node.js, too."""
COLD = Row("cold start to first connection", "s", None, 3)
IDLE = Row("memory after the first connection", "MB", None, 3)


@click.command()
@click.option("--floor", is_flag=True, help="Also measure a gateway that only routes and posts.")
@click.option(
    "--peer", "peers", multiple=True, type=click.Choice(list(PEERS)), help="Also install and measure this emulator."
)
@click.option("--no-iam", is_flag=True, help="Also measure localstage with --no-iam, which evaluates no policies.")
@click.option(
    "--runtime",
    type=click.Choice(["python", "node"]),
    default="python",
    show_default=True,
    help="In what the handler is written; node for localstage and serverless-offline.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often each row is measured; long rows less often.",
)
@click.option("--fan-out", default="100,500,2000", show_default=True, help="To how many clients a message goes.")
@click.option(
    "--idle",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="How many idle connections; 0 for none.",
)
@click.option("--only", default="", metavar="WORDS", help="Only rows with one of these words, parted by commas.")
@click.option("--notebooks", is_flag=True, help="Also run every notebook, which takes some minutes.")
@click.option(
    "--json",
    "json_path",
    default="bench.json",
    show_default=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
)
def main(
    floor: bool,
    peers: tuple[str, ...],
    no_iam: bool,
    runtime: str,
    rounds: int,
    fan_out: str,
    idle: int,
    only: str,
    notebooks: bool,
    json_path: Path,
) -> None:
    """Measures localstage on this machine."""
    try:
        counts = [int(word) for word in fan_out.split(",") if word]
    except ValueError:
        counts = [0]
    if min(counts, default=1) < 1:
        raise click.UsageError(f"--fan-out takes numbers of clients parted by commas, not {fan_out!r}.")
    if not json_path.absolute().parent.is_dir():
        raise click.UsageError(f"--json names a file in {json_path.parent}, which is no folder: make it first.")
    factories: list[type[Subject]] = [
        Localstage,
        *([LocalstageWithoutIam] if no_iam else []),
        *([Floor] if floor else []),
    ]
    factories += [PEERS[peer] for peer in dict.fromkeys(peers)]
    if runtime == "node":
        unable = [factory.name for factory in factories if factory not in IN_NODE]
        if unable:
            raise click.UsageError(f"--runtime node is for localstage and serverless-offline, not for {unable[0]}.")
        factories = [IN_NODE[factory] for factory in factories]
    wanted = [word.strip() for word in only.split(",") if word.strip()]

    def chosen(row: Row) -> bool:
        return not wanted or any(word in row.title for word in wanted)

    report = Report([factory.name for factory in factories], ["course.py", "bench", *sys.argv[1:]])
    interrupt_once()
    interrupted = False
    try:
        _measure_all(factories, rounds, [row for row in (COLD, IDLE, *rows(counts, idle)) if chosen(row)], report)
        if notebooks:
            measure_notebooks(report, Localstage.name, _tell)
    except KeyboardInterrupt:
        interrupted = True
        click.echo("\nInterrupted; what has been measured:", err=True)
    click.echo(report.table())
    report.write(json_path)
    click.echo(f"\nThe figures of each round are in {json_path}.")
    if interrupted:
        sys.exit(130)


def _measure_all(factories: list[type[Subject]], rounds: int, chosen: list[Row], report: Report) -> None:
    for factory in list(factories):
        try:
            factory.install()
        except NotMeasured as error:
            report.could_not(factory.name, None, str(error))
            factories.remove(factory)
    if COLD in chosen or IDLE in chosen:
        _cold_starts(factories, min(rounds, COLD.rounds), report)
    with ExitStack() as running:
        subjects = []
        for factory in factories:
            subject = factory()
            try:
                subjects.append(running.enter_context(subject))
            except NotMeasured as error:
                report.could_not(subject.name, None, str(error))
        for row in chosen:
            if row.measure is None:
                continue
            asyncio.run(_measure(row, subjects, min(rounds, row.rounds), report))


def _cold_starts(factories: list[type[Subject]], rounds: int, report: Report) -> None:
    """Starts a fresh one of each subject, with its stack, and connects once."""
    for number in range(rounds):
        for factory in factories:
            subject = factory()
            _tell(f"{COLD.title}: {subject.name}, round {number + 1} of {rounds}")
            began = time.perf_counter()
            try:
                with subject:
                    seconds, megabytes, processes = asyncio.run(_first_connection(subject, began))
            except (NotMeasured, Refused, OSError) as error:
                report.could_not(subject.name, COLD, str(error))
                continue
            report.add(COLD, subject.name, {"value": seconds})
            report.add(IDLE, subject.name, {"value": megabytes, "processes": processes})


async def _first_connection(subject: Subject, began: float) -> tuple[float, float, int]:
    client = await open_client(subject.url)
    seconds = time.perf_counter() - began
    await asyncio.sleep(1)
    facts = seconds, memory_mb(subject.roots), len(tree(subject.roots))
    await close_clients([client])
    return facts


async def _measure(row: Row, subjects: list[Subject], rounds: int, report: Report) -> None:
    for number in range(rounds):
        for subject in subjects:
            _tell(f"{row.title}: {subject.name}, round {number + 1} of {rounds}")
            try:
                figures = await row.measure(subject)
            except (Refused, OSError, TimeoutError, ExceptionGroup) as error:
                report.could_not(subject.name, row, repr(error))
                with suppress(Exception):
                    subject.empty()
                continue
            if figures is not None:
                report.add(row, subject.name, figures)


def _tell(what: str) -> None:
    """Progress, on standard error: one line that is written over on a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{what}", err=True, nl=False)
    else:
        click.echo(what, err=True)


if __name__ == "__main__":
    main(prog_name="course.py bench")
