"""``python -m tests.conformance``, rehearsed: one localstage stands in AWS's place, another is what it is compared with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localstage import LocalStage
from tests.conformance.__main__ import main
from tests.conformance.account import FAMILY, find
from tests.fidelity.rows import ROOT
from tests.stage.waiting import eventually

WITHIN_S = 3_600
"""It bounds a failure, on a machine that is busy with other things, and measures nothing."""


class InAwsPlace:
    """A localstage in AWS's place; it answers otherwise than others, since it evaluates no policies."""

    def __init__(self, stage: LocalStage):
        self._started: list[subprocess.Popen[str]] = []
        self.environment = stage.environment(as_aws=True)
        settings = stage.changes().settings
        session = boto3.Session(
            settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
        )
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        self.client: Any = partial(session.client, endpoint_url=stage.url, config=config)

    def left(self) -> list[str]:
        """What a run has left there."""
        return [f"{one.kind} {one.name}" for one in find(self.client, FAMILY)]

    def start(self, *words: object) -> subprocess.Popen[str]:
        """The command with these words, as somebody starts it in a shell of that environment."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance", "--settle", "0.2", *map(str, words)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Ends what a failed test has left running, and what that has started."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=WITHIN_S)

    def run(self, *words: object) -> tuple[int, str, str]:
        """The same, to its end: exit code and what it said."""
        process = self.start(*words)
        said, wrong = process.communicate(timeout=WITHIN_S)
        return process.returncode, said, wrong


@pytest.fixture(scope="module")
def aws() -> Iterator[InAwsPlace]:
    with LocalStage(iam=False) as stage:
        aws = InAwsPlace(stage)
        yield aws
        aws.end()


def test_comparison_when_the_two_differ(aws: InAwsPlace, tmp_path: Path):
    """It says beforehand what it costs; the page shows the row that differs and the one that does not; nothing is left."""
    page = tmp_path / "page.md"
    code, said, wrong = aws.run("--yes", "--only", "3.5", "--only", "3.6", "--out", page)
    assert (code, wrong) == (0, "")
    assert re.search(r"takes less than \d minutes and costs at most 0\.01 US dollars", said)
    assert f"all named {FAMILY}" in said
    assert "Rows that differ: 2.8, 3.5." in said
    lines = {line.split(" | ")[0]: line for line in page.read_text("utf-8").splitlines()}
    assert lines["| 3.5"].endswith(" | **no** |")
    assert "→ 500" in lines["| 3.5"] or "Internal server error" in lines["| 3.5"]
    assert lines["| 3.6"].endswith("| the same | yes |")
    assert aws.left() == []
    assert "123456789012" not in page.read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signal to one process")
@pytest.mark.weekly
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_run_when_it_is_interrupted(aws: InAwsPlace, tmp_path: Path, number: int):
    """What it has created by then is deleted before it ends; no page is written."""
    process = aws.start("--yes", "--only", "3.5", "--out", tmp_path / "page.md")
    eventually(aws.left, lambda left: any(one.startswith("API") for one in left), "an API of the run")
    process.send_signal(number)
    said, wrong = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, wrong) == (130, "Interrupted: no comparison is written.\n")
    assert said.endswith("Deleting what was created …\n")
    assert aws.left() == [] and list(tmp_path.iterdir()) == []


@pytest.fixture
def command(
    aws: InAwsPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command in this process, for what ends before anything is asked: exit code and what it said."""
    for name in os.environ.keys() - aws.environment.keys():
        monkeypatch.delenv(name)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def run(*words: object) -> tuple[int, str, str]:
        code = main(["--settle", "0.2", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_run_when_one_was_killed_before(aws: InAwsPlace, command, tmp_path: Path):
    """Where something of an earlier run is left, nothing begins; --clean lists it, asks, and deletes it and nothing else."""
    tables = aws.client("dynamodb")
    for name in (f"{FAMILY}dead-1", "my-own"):
        tables.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
    code, _, wrong = command("--yes", "--out", tmp_path / "page.md")
    assert (code, wrong.startswith(f"An earlier run has left things in the account, the table {FAMILY}dead-1")) == (
        1,
        True,
    )
    asked = (1, f"table {FAMILY}dead-1\n", "Nobody is there to be asked: say --yes if that is what you want.\n")
    assert command("--clean") == asked
    assert command("--clean", "--yes")[0] == 0
    assert tables.list_tables()["TableNames"] == ["my-own"]
    assert command("--clean") == (0, "Nothing is left in the account …9012.\n", "")


def test_run_when_it_cannot_begin(aws: InAwsPlace, command, tmp_path: Path):
    """A row that is none, and a page that is there already, are refused in a sentence before anything is created."""
    assert command("--yes", "--only", "3.999") == (1, "", "FIDELITY.md has no row 3.999.\n")
    page = tmp_path / "page.md"
    page.write_text("mine")
    wrong = f"{page} is there already: move it away, or name another file with --out.\n"
    assert command("--yes", "--only", "3.6", "--out", page) == (1, "", wrong)
    assert (aws.left(), page.read_text()) == ([], "mine")


@pytest.mark.weekly
def test_run_when_no_test_of_a_row_can_be_asked(aws: InAwsPlace, tmp_path: Path):
    """A row whose tests need localstage itself is refused in a sentence."""
    wrong = "No test of 11.1 can be asked of a real account.\n"
    assert aws.run("--only", "11.1", "--yes", "--out", tmp_path / "page.md")[0::2] == (1, wrong)


@pytest.mark.weekly
def test_every_row_when_both_are_localstage(tmp_path: Path):
    """The whole run, with AWS's pace on the one side: no row differs, each test passes on both, nothing is left."""
    with LocalStage(like_aws=True, pace=0.1) as stage:
        aws, page = InAwsPlace(stage), tmp_path / "page.md"
        code, said, wrong = aws.run("--yes", "--out", page)
        assert (code, wrong) == (0, "")
        assert "Rows that differ: none." in said
        written = page.read_text("utf-8")
        assert "true of neither" not in written
        for own in ("123456789012", str(Path.home()), "localstage-", stage.changes().settings["AWS_ACCESS_KEY_ID"]):
            assert own not in written.replace("localstage-conformance-", "")
        assert aws.left() == []
