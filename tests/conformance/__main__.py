"""The command: ``python -m tests.conformance`` asks localstage and then AWS, and writes what differs.

Both are asked in a process of their own, by pytest with the plugin. The one that asks AWS
creates things; whatever happens to it, this one takes them away before it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance import account, comparison
from tests.conformance.plugin import LAST_SECTION
from tests.fidelity.rows import ROOT, proofs, sections
from tests.stage.target import REGION

_PATIENCE_S = 300
_ENDS_WITHIN_S = 60.0


class Stop(Exception):
    """The run ends here; the text is one sentence that says why."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; its exit code: 0 when the comparison is written, 1 when not, 130 when it was interrupted."""
    options = _options().parse_args(words)
    try:
        if options.clean:
            return _clean(options)
        return _compare(options)
    except (Stop, BotoCoreError, ClientError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: no comparison is written.", file=sys.stderr)
        return 130


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Ask localstage and then your AWS account the same, and write one page that compares the answers.",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="ROW", help="a row of FIDELITY.md; can be repeated"
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before things are created or deleted in the account"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("conformance.md"), metavar="FILE", help="the page (%(default)s)"
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long a change needs on AWS before it counts (%(default)g)",
    )
    parser.add_argument("--clean", action="store_true", help="only delete what earlier runs have left in the account")
    return parser


def _compare(options: argparse.Namespace) -> int:
    if options.out.exists():
        raise Stop(f"{options.out} is there already: move it away, or name another file with --out.")
    tests = _tests_of(options.only)
    client, who = _client(), _account()
    left = list(account.find(client, account.FAMILY))
    if left:
        raise Stop(
            f"An earlier run has left things in the account, the {left[0].kind} {left[0].name} for one. "
            "If none is running now, `python -m tests.conformance --clean` deletes them."
        )
    prefix = f"{account.FAMILY}{secrets.token_hex(3)}-"
    with tempfile.TemporaryDirectory() as folder, _interruptible():
        print("Asking localstage …", flush=True)
        here = _ask(tests, options.only, Path(folder) / "here.json", {"CHAT_TARGET": "moto"})
        _say_cost(here, prefix, who, options.settle)
        if not options.yes:
            _confirm("Go on?")
        print("Asking AWS …", flush=True)
        live = {
            "CHAT_TARGET": "live",
            "CHAT_TEST_PREFIX": prefix,
            "CHAT_SETTLE_S": f"{options.settle:g}",
            "CHAT_PATIENCE_S": f"{_PATIENCE_S}",
        }
        try:
            aws = _ask(tests, options.only, Path(folder) / "aws.json", live)
        finally:
            _sweep(client, prefix, options.settle)
    text = comparison.page(sections(), aws["tests"], here["tests"], _occasion())
    options.out.write_text(text, "utf-8")
    different = comparison.differing_rows(aws["tests"], here["tests"])
    print(f"{options.out} is written. Rows that differ: {', '.join(different) or 'none'}.")
    return 0


def _clean(options: argparse.Namespace) -> int:
    client, who = _client(), _account()
    left = list(account.find(client, account.FAMILY))
    for one in left:
        print(f"{one.kind} {one.name}")
    if not left:
        print(f"Nothing is left in the account …{who[-4:]}.")
        return 0
    if not options.yes:
        _confirm(f"Delete these from the account …{who[-4:]}?")
    _sweep(client, account.FAMILY, options.settle)
    return 0


def _tests_of(rows: Sequence[str]) -> list[str]:
    """The tests of these rows, or of all that can be asked, as pytest names them. Raises Stop for an unknown row."""
    known = {row.id for section in sections() for row in section.rows}
    for row in rows:
        if row not in known:
            raise Stop(f"FIDELITY.md has no row {row}.")
    found = proofs()
    wanted = rows or [row for row in found if int(row.split(".")[0]) <= LAST_SECTION]
    tests = {f"{proof.path}::{proof.test}" for row in wanted for proof in found.get(row, [])}
    return sorted(test for test in tests if test.startswith("tests/stage/"))


def _client() -> Any:
    retrying = boto3.session.Config(retries={"mode": "standard", "total_max_attempts": 10})
    return partial(boto3.client, region_name=REGION, config=retrying)


def _account() -> str:
    """The number of the account that the environment's credentials belong to."""
    return str(boto3.client("sts", region_name=REGION).get_caller_identity()["Account"])


def _ask(tests: Sequence[str], rows: Sequence[str], into: Path, variables: dict[str, str]) -> dict[str, Any]:
    """Asks one of the two, in a process of its own; what was seen. Raises Stop, KeyboardInterrupt."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
    command += ["-p", "tests.conformance.plugin", "--sightings", str(into), *(f"--row={row}" for row in rows), *tests]
    log = into.with_suffix(".log")
    with open(log, "wb") as said:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # This process alone is interrupted, and ends it.
        )
        try:
            code = child.wait()
        except KeyboardInterrupt:
            if os.name != "nt":  # There Ctrl-C has reached it, too.
                child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_ENDS_WITHIN_S)
            child.kill()
            child.wait()
            raise
    if code == 5:
        raise Stop(f"No test of {', '.join(rows)} can be asked of a real account.")
    if code not in (0, 1) or not into.exists():
        raise Stop("The tests could not be run:\n" + log.read_text("utf-8", "replace")[-3000:])
    seen: dict[str, Any] = json.loads(into.read_text("utf-8"))
    return seen


def _say_cost(here: dict[str, Any], prefix: str, who: str, settle_s: float) -> None:
    estimate = account.cost(here["counts"], settle_s)
    created = ", ".join(f"{count} {kind}" for kind, count in estimate.created.items())
    print(
        f"localstage has answered {len(here['tests'])} tests. Now the account …{who[-4:]} in {REGION} is asked the same.\n"
        f"That takes less than {estimate.minutes} minutes and costs at most {estimate.dollars:.2f} US dollars. It creates\n"
        f"{created}, and what these need, all named {prefix}…, and deletes them afterwards.",
        flush=True,
    )


def _confirm(question: str) -> None:
    """Returns if somebody says yes. Raises Stop."""
    if not sys.stdin.isatty():
        raise Stop("Nobody is there to be asked: say --yes if that is what you want.")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Stop("Nothing was done.")


def _sweep(client: Any, prefix: str, settle_s: float) -> None:
    """Deletes what has the prefix, and is not interrupted in it. Raises Stop if something stays."""
    print("Deleting what was created …", flush=True)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stays = account.sweep(client, prefix, min(5.0, settle_s / 2))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stays:
        raise Stop("These could not be deleted:\n" + "\n".join(stays))


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does, and both do it also where a shell has started this in the background."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _occasion() -> comparison.Occasion:
    try:
        found = subprocess.run(["git", "describe", "--always"], cwd=ROOT, capture_output=True, text=True, check=False)
        commit = found.stdout.strip()
    except OSError:  # Somebody has it as an archive, and no git.
        commit = ""
    system = f"{platform.system()}, Python {platform.python_version()}"
    asked = f"{datetime.now(UTC):%Y-%m-%d}, {REGION}, commit {commit or 'unknown'}, {system}"
    return comparison.Occasion(asked, rehearsed="LOCALSTAGE_URL" in os.environ)


if __name__ == "__main__":
    sys.exit(main())
