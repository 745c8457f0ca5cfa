"""``with LocalStage() as stage``: ready when the block begins, gone when it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest

from localstage import LocalStage, NotStarted


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of stages land below a directory of the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("LOCALSTAGE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def test_stage_when_the_block_begins_and_ends(own_places: Path):
    """The first call is answered; after the block no process, port, thread or file is left."""
    threads = set(threading.enumerate())
    with LocalStage() as stage:
        url, environment = stage.url, stage.environment()
        sts = boto3.client(
            "sts",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        assert sts.get_caller_identity()["Account"] == "123456789012"
        process = stage._process
    assert process.poll() == 0
    assert not listens(url)
    assert set(threading.enumerate()) == threads
    assert [path for path in own_places.rglob("*") if path.name != "tmp"] == []


def test_stage_when_started_and_stopped_twice():
    """start and stop may be called twice; a stopped stage can be started again."""
    stage = LocalStage()
    first = stage.start().start().url
    stage.stop()
    stage.stop()
    with pytest.raises(NotStarted, match="not running"):
        stage.environment()
    with stage:
        assert stage.url.startswith("http://127.0.0.1:")
    assert not listens(first)


def test_stage_when_its_port_is_busy():
    """A stage that cannot start says why, and nothing of it is left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotStarted, match=f"Port {port} .* cannot be used"):
            LocalStage(port=port).start()


def test_environment_when_activated_and_given_to_a_child():
    """A child with the stage's environment reaches the stage, whatever profile the user has."""
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    with LocalStage() as stage:
        environment = {**stage.environment(as_aws=True)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, text=True, capture_output=True, timeout=180
        )
        assert (done.stdout, done.returncode) == ("123456789012\n", 0), done.stderr
        before = dict(os.environ)
        try:
            stage.activate()
            assert os.environ["AWS_ENDPOINT_URL"] == stage.url
        finally:
            os.environ.clear()
            os.environ.update(before)
