"""The target moto in a process whose user has done everything that could lead to the real AWS."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from classroom.account.target import enter
from localstage import LocalStage
from tests.course.nbval_runs import ROOT, clean_environment

WITHIN_S = 180
USE = """
import json, os
from classroom import start
lesson = start({number})
import boto3
print(json.dumps([boto3.client("sts").get_caller_identity()["Account"],
                  boto3.client("dynamodb").meta.endpoint_url == os.environ["LOCALSTAGE_URL"],
                  boto3.Session().get_credentials().access_key]))
"""
AFTER_FAILURE = """
from classroom import start
try:
    start(1)
except ValueError as error:
    print(error)
import boto3
try:
    boto3.client("dynamodb").list_tables()
    print("reached something")
except Exception as error:
    print(type(error).__name__)
"""


class Trap(BaseHTTPRequestHandler):
    """Stands for the real AWS: notes whatever is asked of it."""

    def do_POST(self):
        self.server.asked.append(self.path)
        self.send_error(500)

    do_GET = do_CONNECT = do_PUT = do_POST

    def log_message(self, *arguments):
        pass


@pytest.fixture
def trap():
    """A server that must never be asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def hostile(tmp_path, trap) -> dict[str, str]:
    """An environment in which every setting of the user's leads to the trap with real-looking credentials."""
    url = f"http://127.0.0.1:{trap.server_port}"
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        f"[default]\nregion = eu-west-1\nendpoint_url = {url}\nignore_configured_endpoint_urls = false\n"
        f"[profile work]\nendpoint_url = {url}\n"
    )
    credentials.write_text(
        "".join(
            f"[{name}]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
            for name in ("default", "work")
        )
    )
    return clean_environment(
        tmp_path,
        AWS_PROFILE="work",
        AWS_CONFIG_FILE=str(config),
        AWS_SHARED_CREDENTIALS_FILE=str(credentials),
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_SESSION_TOKEN="x",
        AWS_ENDPOINT_URL=url,
        AWS_ENDPOINT_URL_DYNAMODB=url,
        AWS_ENDPOINT_URL_STS=url,
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true",
        NO_PROXY="*",
        no_proxy=".amazonaws.com",
        ALL_PROXY=url,
        HTTP_PROXY=url,
        HTTPS_PROXY=url,
        CHAT_REGION="us-east-1",
    )


def run_python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        text=True,
        timeout=WITHIN_S,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def test_start_when_everything_of_the_user_leads_to_aws(tmp_path, trap):
    """Profile, configuration, endpoints, proxies and exceptions of the user have no effect on the target moto."""
    done = run_python(USE.format(number=3), hostile(tmp_path, trap))
    assert done.returncode == 0, done.stderr
    account, at_stage, key = json.loads(done.stdout)
    assert (account, at_stage) == ("123456789012", True) and key != "AKIAIOSFODNN7EXAMPLE"
    assert trap.asked == []


def test_start_when_one_endpoint_leads_past_the_stage(tmp_path, trap, stage):
    """Joined to a localstage, one variable that leads elsewhere stops everything, in one sentence, and nothing is called."""
    environment = stage.changes().applied_to(clean_environment(tmp_path))
    environment["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://127.0.0.1:{trap.server_port}"
    done = run_python(AFTER_FAILURE, environment)
    sentence, outcome = done.stdout.splitlines()
    assert sentence.startswith("CHAT_TARGET is moto, but AWS_ENDPOINT_URL_DYNAMODB is"), done.stderr
    assert outcome == "EndpointConnectionError"
    assert trap.asked == []


def test_start_when_live_under_an_endpoint_override(tmp_path, trap):
    """On live an endpoint variable is refused: what looks like AWS must be AWS."""
    environment = hostile(tmp_path, trap) | {"CHAT_TARGET": "live"}
    done = run_python("from classroom import start\nstart(1)", environment)
    assert "CHAT_TARGET is live, but AWS_ENDPOINT_URL leads elsewhere" in done.stderr
    assert trap.asked == []


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"CHAT_TARGET": "aws"}, "CHAT_TARGET is 'aws'; it must be one of: moto, live."),
        ({"CHAT_PREFIX": "No Way"}, "CHAT_PREFIX is 'No Way'; it must be"),
        ({"LOCALSTAGE_URL": "http://192.0.2.1:9"}, "CHAT_TARGET is moto, but"),
    ],
)
def test_start_when_a_setting_is_wrong(tmp_path, setting, sentence):
    """A wrong setting ends in one sentence that says what to do."""
    done = run_python("from classroom import start\nstart(1)", clean_environment(tmp_path, **setting))
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith(f"classroom.account.target.TargetError: {sentence}"), (
        done.stderr
    )


def test_start_when_there_is_no_such_lesson(tmp_path):
    """An unknown lesson is refused before anything is started."""
    done = run_python("from classroom import start\nstart(42)", clean_environment(tmp_path))
    assert (
        done.stderr.strip().splitlines()[-1]
        == "classroom.lesson.NoSuchLesson: There is no lesson 42; there are: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99."
    )


def test_kernel_stage_when_the_process_is_killed(tmp_path):
    """The localstage that a kernel started ends with it, even when the kernel is killed."""
    code = "import os; from classroom import start; start(1); print(os.environ['LOCALSTAGE_URL'], flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(tmp_path),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    port = int(process.stdout.readline().rpartition(":")[2])
    process.kill()
    process.communicate()
    assert refused_within(port, 90), f"port {port} was still open 90 s after the kernel was killed"


KILLED = """
import json, os, signal
from urllib.request import ProxyHandler, build_opener
from classroom import start

def status():
    with build_opener(ProxyHandler({})).open(os.environ["LOCALSTAGE_URL"] + "/_localstage/status") as answer:
        return json.load(answer)

lesson = start(1)
lesson.my_chat.folder.path.mkdir(exist_ok=True)
(lesson.my_chat.folder.path / "mine.py").write_text("mine")
boto3 = __import__("boto3")
boto3.client("dynamodb").create_table(
    TableName=lesson.name("ChatMessages"), BillingMode="PAY_PER_REQUEST",
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
before = status()
os.kill(before["pid"], signal.SIGKILL)
print("killed")
try:
    boto3.client("dynamodb").list_tables()
except Exception as error:
    lesson._explain(error)
lesson = start(1)
print(boto3.client("dynamodb").list_tables()["TableNames"], status()["pid"] != before["pid"])
print((lesson.my_chat.folder.path / "mine.py").read_text(), os.environ["HTTPS_PROXY"].endswith(os.environ["LOCALSTAGE_URL"][-6:]))
"""


def test_lesson_when_its_localstage_is_killed(tmp_path):
    """The next cell that fails is explained; the set-up cell starts another localstage, and own files are there."""
    done = run_python(KILLED, clean_environment(tmp_path))
    killed, explained, started, empty, kept = done.stdout.splitlines() or [done.stderr]
    assert explained == (
        "localstage has ended, and what your account held is gone; your files in my_chat/ stay. Run the set-up cell, "
        "the first code cell of this notebook: it starts another one, and this lesson from its beginning."
    )
    assert re.fullmatch(
        r"localstage at http://127\.0\.0\.1:\d+ has ended, and what your account held is gone; "
        r"this kernel starts another\.",
        started,
    )
    assert (killed, empty, kept) == ("killed", "[] True", "mine True")


def refused_within(port: int, seconds: float) -> bool:
    """Whether nothing listens on a port within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return True
        threading.Event().wait(0.05)
    return False


PAGES = """
import http.client, json, os
from urllib.parse import urlsplit
from classroom import start
lesson = start(1)
place = urlsplit(os.environ["LOCALSTAGE_PAGES_URL"])
statuses = []
for host in (place.netloc, "hub.example"):
    connection = http.client.HTTPConnection(place.netloc, timeout=90)
    connection.request("GET", place.path + "chat.js", headers={"Host": host})
    statuses.append(connection.getresponse().status)
    connection.close()
print(json.dumps(statuses))
"""


@pytest.mark.parametrize(("hub", "statuses"), [("", [200, 421]), ("/user/ann/", [200, 200])])
def test_target_when_it_serves_the_page(tmp_path, hub: str, statuses: list[int]):
    """A kernel's own localstage serves the chat page: to this machine, and on a hub under the hub's name as well."""
    environment = clean_environment(tmp_path, **({"JUPYTERHUB_SERVICE_PREFIX": hub} if hub else {}))
    done = run_python(PAGES, environment)
    assert json.loads(done.stdout or "null") == statuses, done.stderr


@pytest.mark.parametrize(("told", "attempts"), [({}, 8), ({"AWS_MAX_ATTEMPTS": "2"}, 2)], ids=["nothing", "a number"])
def test_attempts_when_a_target_is_entered(
    told: dict[str, str], attempts: int, led_to_the_stage: LocalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients try eight times, or as often as they are told, and the environment is what it was."""
    for name in ("AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    assert enter().name == "moto"
    retries = boto3.client("lambda").meta.config.retries
    assert (retries["mode"], retries["total_max_attempts"]) == ("standard", attempts)
    assert dict(os.environ) == before
