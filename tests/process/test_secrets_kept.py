"""Where a secret could be read: files, what the emulator says, its page, errors, logs, and the lessons' outputs."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
import nbformat
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localstage.state import read_note
from tests.course.nbval_runs import ROOT

SAY = """
import json, os
def handler(event, context):
    if event == "keys":
        return [os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_SESSION_TOKEN"]]
    raise ValueError("as wished")
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
}


@pytest.mark.skipif(os.name == "nt", reason="a process is ended by a signal")
def test_secrets_when_everything_is_read(tmp_path: Path) -> None:
    """Neither the administrator's secret nor a function's stands anywhere but in the one note and their own variables."""
    for name in ("tmp", "state"):
        (tmp_path / name).mkdir()
    place = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "LOCALSTAGE_STATE_DIR": str(tmp_path / "state")}
    process = subprocess.Popen(
        [sys.executable, "-m", "localstage", "serve", "--port", "0"],
        env=place,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        [note] = (tmp_path / "state").iterdir()
        emulator = read_note(note)
        assert emulator is not None
        secrets, told = everything_told(
            emulator.access.url, emulator.access.access_key_id, emulator.access.secret_access_key
        )
        told["files"] = "".join(
            path.read_bytes().decode("latin-1") for path in (tmp_path / "tmp").rglob("*") if path.is_file()
        )
    finally:
        process.send_signal(signal.SIGTERM)
        told_in_the_end = process.communicate(timeout=180)
    told["the process"] = said + "".join(told_in_the_end)
    assert [(where, secret) for where, text in told.items() for secret in secrets if secret in text] == []
    assert "PRIVATE KEY" not in told["files"]


def everything_told(url: str, key: str, secret: str) -> tuple[list[str], dict[str, str]]:
    """The secrets that there are, and what is told by errors, logs and the emulator's own pages."""
    session = boto3.Session(key, secret, region_name="us-east-1")
    config = Config(retries={"max_attempts": 0}, proxies={})

    def client(service: str, using: boto3.Session = session):
        return using.client(service, endpoint_url=url, config=config)

    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", SAY)
    functions = client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.13", Role=role, Handler="app.handler", Code={"ZipFile": package.getvalue()}
    )
    secrets = [secret, *json.load(functions.invoke(FunctionName="f", Payload=b'"keys"')["Payload"])]
    failed = functions.invoke(FunctionName="f", Payload=b'"fail"', LogType="Tail")
    told = {"the function's error": failed["Payload"].read().decode() + failed["LogResult"]}
    theirs = boto3.Session("ASIAnobody", secrets[1], secrets[2], region_name="us-east-1")
    for number, who in enumerate((theirs, boto3.Session(key, secret + "x", region_name="us-east-1"))):
        with pytest.raises(ClientError) as refused:
            client("sts", who).get_caller_identity()
        told[f"refusal {number}"] = f"{refused.value} {refused.value.response}"
    events = client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    assert len(events) > 3
    told["logs"] = json.dumps(events)
    told["settings"] = str(functions.get_function(FunctionName="f"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for page in ("", "status", "overview", "activity", "nothing"):
        try:
            with opener.open(f"{url}/_localstage/{page}", timeout=90) as answer:
                told[f"page {page}"] = answer.read().decode()
        except urllib.error.HTTPError as error:
            told[f"page {page}"] = error.read().decode()
    return secrets, told


def test_outputs_of_the_lessons_when_they_are_read() -> None:
    """No executed lesson shows a key that a program could sign with, nor a token or a private key."""
    looks_secret = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|aws_secret_access_key\s*=\s*\S|PRIVATE KEY")
    for path in sorted((ROOT / "notebooks" / "executed").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        shown = json.dumps([cell.get("outputs", []) for cell in cells])
        assert not looks_secret.findall(shown), path.name
