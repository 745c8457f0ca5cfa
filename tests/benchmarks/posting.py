"""What one post costs a function, and the emulator: ``python -m tests.benchmarks.posting``.

Posts through a fresh localstage, TLS, signature and permissions included, to one
client that reads, in four ways; the ways take turns. Prints each way's processor time
for a post (median of the turns), the emulator's for it (Linux only; of each turn, one TLS
handshake included), and how many posts a second functions of several sizes
have time for, which is computed. The promise is that the course's way costs at most
1 / 2.5 of boto3's; the command ends with 1 where that does not hold.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading

import click

from classroom.labs.posting import WARM, WAYS, measured, posts_a_second
from localstage import LocalStage
from tests.benchmarks.watch import cpu_s, tree
from tests.stage.target import StageTarget, deploy_api

SIZES_MB = (128, 512, 1_769)
PROMISE = 2.5
HANDLER = (
    "def handler(event, context):\n    return {'statusCode': 200, 'body': event['requestContext']['connectionId']}\n"
)


@click.command()
@click.option("--posts", default=500, show_default=True, help="Posts in one turn.")
@click.option("--turns", default=3, show_default=True, help="How often each way is measured.")
def main(posts: int, turns: int) -> None:
    """Measures four ways to post to a connection."""
    with LocalStage() as stage:
        emulator = tree([os.getpid()])[1:2]
        target = StageTarget(stage)
        api = deploy_api(target, {"$default": HANDLER}, two_way=("$default",))
        client = target.connect(f"{stage.url.replace('http', 'ws')}/{api.api_id}/prod")
        client.send("who am I?")
        connection_id = str(client.recv())
        reader = threading.Thread(target=_read, args=[client], daemon=True)
        reader.start()
        changes = stage.changes(as_aws=True)
        os.environ.update(changes.settings)
        endpoint_url = f"https://{api.api_id}.execute-api.{changes.settings['AWS_REGION']}.amazonaws.com/prod"
        found: dict[str, list[float]] = {way: [] for way in WAYS}
        emulators: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(turns):
            for way, times in found.items():
                began = cpu_s(emulator)
                times.append(measured(way, endpoint_url, connection_id, posts).cpu_ms)
                emulators[way].append((cpu_s(emulator) - began) * 1000 / (posts + WARM))
    medians = {way: statistics.median(times) for way, times in found.items()}
    click.echo(f"{'':26}{'ms of CPU':>10}{'ratio':>7}{'emulator':>10}" + "".join(f"{size:>9,} MB" for size in SIZES_MB))
    for way, cpu_ms in medians.items():
        rates = "".join(f"{posts_a_second(cpu_ms, size):>10,.0f}/s" for size in SIZES_MB)
        click.echo(
            f"{way:26}{cpu_ms:>10.3f}{medians['boto3'] / cpu_ms:>7.1f}{statistics.median(emulators[way]):>10.3f}{rates}"
        )
    ratio = medians["boto3"] / medians["SigV4Auth, http.client"]
    click.echo(f"the course's way: {ratio:.1f} times as cheap as boto3; promised {PROMISE}")
    sys.exit(ratio < PROMISE)


def _read(client) -> None:
    while client.recv():
        pass


if __name__ == "__main__":
    main()
