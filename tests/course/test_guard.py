"""The proof that no AWS call can leave for another place than the stage."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from classroom.account import guard
from classroom.account.target import TargetError, enter

REAL_LOOKING = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


class Status(BaseHTTPRequestHandler):
    """Answers like a stage's status page."""

    def do_GET(self):
        body = json.dumps({"url": f"http://127.0.0.1:{self.server.server_port}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def stage_url():
    """The URL of something that says that it is a stage."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Status)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def environ(monkeypatch, stage_url):
    """This process's environment as ``localstage run`` would make it, with nothing of the user's."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "CHAT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in {
        **REAL_LOOKING,
        "LOCALSTAGE_URL": stage_url,
        "AWS_ENDPOINT_URL": stage_url,
        "HTTPS_PROXY": stage_url,
        "https_proxy": stage_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_check_when_everything_leads_to_the_stage(environ):
    """The environment of a stage passes, with the endpoint variable and without it."""
    guard.check(os.environ)
    environ.delenv("AWS_ENDPOINT_URL")
    guard.check(os.environ)
    assert guard.leads_to_localstage(os.environ)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("LOCALSTAGE_URL", "http://example.com:4580", "no loopback address"),
        ("LOCALSTAGE_URL", "https://127.0.0.1:4580", "no loopback address"),
        ("LOCALSTAGE_URL", "", "no loopback address"),
        ("AWS_ENDPOINT_URL", "https://dynamodb.us-east-1.amazonaws.com", "AWS_ENDPOINT_URL is"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.us-east-1.amazonaws.com", "AWS_ENDPOINT_URL_DYNAMODB is"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
        ("AWS_PROFILE", "work", "AWS_PROFILE is 'work'"),
        ("NO_PROXY", "*", "without a proxy"),
        ("NO_PROXY", ".amazonaws.com", "without a proxy"),
        ("no_proxy", "dynamodb.us-east-1.amazonaws.com", "without a proxy"),
        ("https_proxy", "http://proxy.example.com:3128", "through http://proxy.example.com:3128"),
    ],
)
def test_check_when_one_setting_leads_elsewhere(environ, name, value, complaint):
    """Each single way out is found and named."""
    environ.setenv(name, value)
    with pytest.raises(guard.NotAtLocalstage, match=complaint):
        guard.check(os.environ)


def use_configuration(environ, tmp_path, lines: str) -> None:
    """Make ``lines`` the user's AWS configuration file."""
    config = tmp_path / "config"
    config.write_text(lines)
    environ.setenv("AWS_CONFIG_FILE", str(config))


def test_check_when_a_configuration_file_ignores_endpoints(environ, tmp_path):
    """A configuration file that switches AWS_ENDPOINT_URL off is found by what botocore makes of it."""
    use_configuration(environ, tmp_path, "[default]\nignore_configured_endpoint_urls = true\n")
    with pytest.raises(guard.NotAtLocalstage, match="the client of apigatewayv2 would call https://apigateway"):
        guard.check(os.environ)


def test_check_when_a_configuration_file_names_an_endpoint(environ, tmp_path):
    """An endpoint in a configuration file loses against AWS_ENDPOINT_URL, and without that variable it is found."""
    use_configuration(
        environ, tmp_path, "[default]\nservices = s\n[services s]\ndynamodb =\n  endpoint_url = http://10.0.0.1\n"
    )
    guard.check(os.environ)
    environ.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(guard.NotAtLocalstage, match="the client of dynamodb would call http://10.0.0.1"):
        guard.check(os.environ)


def test_check_when_no_stage_answers(environ):
    """A stage that has ended is noticed before anything is called."""
    for name in ("LOCALSTAGE_URL", "AWS_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy"):
        environ.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(guard.NotAtLocalstage, match="no localstage answers at http://127.0.0.1:9"):
        guard.check(os.environ)


def test_enter_when_the_proof_fails(environ):
    """After a failed proof the sentence says what to do, and no client of this process reaches anything."""
    environ.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.us-east-1.amazonaws.com")
    kept = dict(os.environ)
    try:
        with pytest.raises(
            TargetError, match=r"^CHAT_TARGET is moto, but AWS_ENDPOINT_URL_DYNAMODB .* nothing was called\."
        ):
            enter()
        assert boto3.client("dynamodb").meta.endpoint_url == "http://127.0.0.1:9"
        assert "AWS_ENDPOINT_URL_DYNAMODB" not in os.environ
        assert boto3.Session().get_credentials().access_key != REAL_LOOKING["AWS_ACCESS_KEY_ID"]
    finally:
        os.environ.clear()
        os.environ.update(kept)
        boto3.setup_default_session()
