"""The pytest plugin as a project uses it: the example copied into an empty folder, and what the fixture promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.late import import_path

ROOT = Path(__file__).resolve().parents[2]
PROMISES = """
import os
from pathlib import Path

import boto3
import pytest
from websockets.exceptions import InvalidStatus

from localstage import LocalStage

TEMPLATE = Path(__file__).with_name("template.yaml")
URLS = []


def test_one_when_it_deploys_and_fails(localstage):
    URLS.append(localstage.deploy(TEMPLATE, stack_name="one"))
    assert [one.local_url for one in localstage.addresses("one")] == URLS
    with localstage.connect(URLS[0]) as socket:
        socket.send("to see in the log")
        assert socket.recv(timeout=60) == "to see in the log"
    assert any(line.startswith("one-Chat-") for line in localstage.logs())
    raise AssertionError("all of the above is so")


def test_two_when_the_account_is_empty(localstage):
    assert localstage.client("cloudformation").describe_stacks()["Stacks"] == []
    with pytest.raises(InvalidStatus):
        localstage.connect(URLS[0])


def test_boto3_when_a_profile_is_set(localstage):
    assert "AWS_PROFILE" not in os.environ
    assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert localstage.session.resource("dynamodb").meta.client.meta.endpoint_url == localstage.url


@pytest.mark.like_aws(pace=0.05)
@pytest.mark.iam(False)
@pytest.mark.localstage(region="eu-west-1")
def test_settings_when_markers_choose_them(localstage):
    table = {"TableName": "t", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    assert localstage.client("dynamodb").create_table(**table)["TableDescription"]["TableStatus"] == "CREATING"
    assert boto3.client("sts").meta.region_name == "eu-west-1"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example, copied to where nothing else is."""
    return Path(shutil.copytree(ROOT / "examples" / "chat", tmp_path / "chat"))


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest in the project with nothing of this run but the packages, and a profile that leads astray."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "LOCALSTAGE", "PYTEST_"))}
    places = {
        "PYTHONPATH": import_path(),
        "AWS_PROFILE": "nobody",
        "LOCALSTAGE_STATE_DIR": str(project.parent / "state"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "localstage.testing", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=project, env=kept | places, text=True, capture_output=True, timeout=300)


def test_fixture_when_tests_count_on_it(project: Path):
    """The example passes. Each test has an empty account, boto3 needs nothing, and a failure shows functions' output."""
    (project / "test_promises.py").write_text(PROMISES)
    said = run(project, "--strict-markers", "-W", "error", "test_chat.py", "test_promises.py")
    assert re.search(r"^1 failed, 5 passed", said.stdout, re.MULTILINE), said.stdout + said.stderr
    assert "AssertionError: all of the above is so" in said.stdout
    assert "what functions printed on localstage" in said.stdout and "START RequestId" in said.stdout
    assert not (project.parent / "state").exists()
    assert len((project / "chat.py").read_text().splitlines()) <= 30


@pytest.mark.weekly
def test_fixture_when_it_lives_for_a_module(project: Path):
    """With another scope what one test deploys is there for the next; a scope that is none is one sentence."""
    (project / "pytest.ini").write_text("[pytest]\nlocalstage_scope = module\n")
    (project / "test_chat.py").write_text(
        "import boto3\n"
        "def test_one(localstage): boto3.client('sqs').create_queue(QueueName='q')\n"
        "def test_two(localstage): assert len(boto3.client('sqs').list_queues()['QueueUrls']) == 1\n"
    )
    assert "2 passed" in run(project).stdout
    (project / "pytest.ini").write_text("[pytest]\nlocalstage_scope = forever\n")
    said = run(project)
    assert said.returncode and "localstage_scope is 'forever'; it must be one of: function, module, session." in (
        said.stdout + said.stderr
    )
