"""Attacks on localstage, each on an emulator of its own: ``python -m tests.fire``, five to ten minutes, Linux.

Prints the rows of docs/reliability.md. Ends with status 1 if something that is promised fell.
"""

from __future__ import annotations

import sys
from functools import partial

import click

from localstage import LocalStage
from tests.fire import crowds, faults, floods, learners, places
from tests.fire.rows import Trial
from tests.fire.soak import soak

TRIALS: dict[str, Trial] = {
    trial.__name__.replace("_", "-"): trial
    for trial in (
        *(crowds.idle, crowds.talking, crowds.burst, crowds.burst_on_one_core, crowds.changing, crowds.emulators),
        *(floods.tiny_messages, floods.empty_fragments, floods.empty_pongs, floods.unread_pings),
        floods.slow_frames,
        *(
            faults.handlers,
            faults.killed,
            faults.holding,
            faults.half_requests,
            faults.half_bodies,
            faults.unsigned_bodies,
        ),
        learners.thirty_learners,
        *(places.asleep, places.full_disk, places.odd_places),
    )
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TRIALS)))
@click.option("--soak", "minutes", type=float, default=0.0, help="Only come and go for so many minutes.")
def main(names: tuple[str, ...], minutes: float) -> None:
    """Run all trials, or those that are named."""
    chosen = [partial(soak, minutes=minutes)] if minutes else [TRIALS[name] for name in names or TRIALS]
    click.echo("| Area | Tried | | Number |\n|---|---|---|---|")
    rows = []
    for trial in chosen:
        with LocalStage() as stage:
            rows.append(trial(stage))
        click.echo(str(rows[-1]))
    sys.exit(0 if all(row.held for row in rows) else 1)


if __name__ == "__main__":
    main()
