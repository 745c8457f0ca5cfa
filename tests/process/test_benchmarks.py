"""The benchmarks run: what they say of localstage is found out each week."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.functions_workbench import is_running
from tests.stage.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.weekly
def test_decision_when_measured():
    """A decision takes at most 0.3 ms in the median, with narrow policies and with wide ones."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.permissions", "--count", "400"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    medians = [float(number) for number in re.findall(r"median ([\d.]+) ms", run.stdout)]
    assert len(medians) == 4 and max(medians) <= 0.3, run.stdout


@pytest.mark.weekly
def test_benchmark_when_measured_beside_the_floor(tmp_path):
    """Localstage and the floor deliver every message of the same handler; table and JSON have both."""
    command = [sys.executable, "-m", "tests.benchmarks", "--floor", "--rounds", "1", "--fan-out", "20", "--idle", "0"]
    written = tmp_path / "bench.json"
    run = subprocess.run(
        [*command, "--only", "connect,there and back,fan-out", "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    rows = json.loads(written.read_text())["rows"]
    for title in ("connect", "there and back", "fan-out to 20"):
        assert set(rows[title]["subjects"]) == {"localstage", "floor"}, run.stdout
    fan_out = rows["fan-out to 20"]["subjects"].values()
    assert [subject["lost"]["max"] for subject in fan_out] == [0, 0], run.stdout


def test_benchmark_when_an_option_makes_no_sense(tmp_path):
    """A number that is none, or a folder that is not there, ends it with one sentence before anything is measured."""
    for words, sentence in (
        (["--fan-out", "many"], "--fan-out takes numbers of clients parted by commas, not 'many'."),
        (["--json", str(tmp_path / "none" / "b.json")], "which is no folder: make it first."),
    ):
        run = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks", *words], cwd=ROOT, capture_output=True, text=True, timeout=180
        )
        assert run.returncode == 2 and run.stderr.strip().endswith(sentence)


INTERRUPTED = """
import sys
from tests.benchmarks import __main__ as bench, subjects

class Stubborn(subjects.Floor):
    def start(self):
        self._processes.start(["sh", "-c", sys.argv[2], "sh", sys.argv[1]], {})
        self._processes.wait_for(subjects.free_port())

bench.Localstage, subjects._END_WITHIN_S = Stubborn, 0.5
bench.main(["--json", sys.argv[1] + ".json"])
"""
STUBBORN = """
trap "" HUP INT TERM
setsid sleep 600 &
echo "$$ $!" > "$1.new"
mv "$1.new" "$1"
exec sleep 600
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what has left a process group is found on Linux")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_benchmark_when_it_is_interrupted_twice(tmp_path, name: str):
    """No process of a subject is left, even one that ignores signals and one that has left the group."""
    file = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(file), STUBBORN], cwd=ROOT) as run:
        eventually(file.exists, bool, "the processes of a subject")
        pids = [int(pid) for pid in file.read_text().split()]
        assert all(map(is_running, pids))
        run.send_signal(signal.Signals[name])
        run.send_signal(signal.SIGINT)
    assert run.returncode == 130
    assert json.loads(Path(f"{file}.json").read_text())["rows"] == {}
    eventually(lambda: [pid for pid in pids if is_running(pid)], lambda left: left == [], "its processes to be gone")
