"""boto3 clients whose calls are answered by moto in this thread, without a socket.

CloudFormation makes resources by calling the services' APIs; so does the stack
engine, and every check and extension of an API holds for stacks too. Must be
used on the account thread only.
"""

from __future__ import annotations

import io
import os
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


# Nothing that the machine's user has configured may matter here.
_NOTHING_CONFIGURED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Apis:
    """moto's server application and what has been made to call it, for all accounts.

    Nothing of an account is kept here, so it outlives the account's reset.
    """

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)
        self._session = botocore.session.Session(session_vars=_NOTHING_CONFIGURED)
        self._of_accounts: dict[tuple[str, str], AccountApis] = {}

    def of(self, account_id: str, region: str) -> AccountApis:
        """The APIs of an account in a region; the same object each time."""
        key = (account_id, region)
        if key not in self._of_accounts:
            self._of_accounts[key] = AccountApis(*key, self._application, self._session)
        return self._of_accounts[key]


class AccountApis:
    """The APIs of one account in one region, by service name."""

    def __init__(
        self,
        account_id: str,
        region: str,
        application: DomainDispatcherApplication,
        session: botocore.session.Session,
    ):
        self.account_id = account_id
        self.region = region
        self._application = application
        self._session = session
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service; the same one each time."""
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def _make(self, service: str) -> Any:
        client = self._session.create_client(
            service,
            region_name=self.region,
            aws_access_key_id="cloudformation",
            aws_secret_access_key="cloudformation",
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                ignore_configured_endpoint_urls=True,
            ),
        )
        client.meta.events.register_first("before-send", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        environ = _wsgi_environ(request)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account_id
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started[:] = [int(status.split(" ", 1)[0]), headers]

        body = b"".join(self._application(environ, start_response))
        return AWSResponse(request.url, started[0], dict(started[1]), _Body(body))


class _Body(io.BytesIO):
    """An answer's body as botocore reads it from its HTTP library."""

    def stream(self, amt: int | None = None, **_: Any) -> Any:
        """The whole body, as the one chunk of a stream."""
        yield self.read(amt)


def _wsgi_environ(request: AWSPreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    raw_path = url.path or "/"
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "RAW_URI": raw_path,
        "REQUEST_URI": f"{raw_path}?{url.query}" if url.query else raw_path,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = text
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING", "HOST"):
            environ[f"HTTP_{key}"] = text
    return environ
