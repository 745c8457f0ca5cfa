"""boto3 clients whose calls are answered by moto in this thread, without a socket.

CloudFormation makes resources by calling the services' APIs; so does the stack
engine, and every check and extension of an API holds for stacks too. Must be
used on the account thread only. For whom a call is made is the caller's choice;
what he may do is decided elsewhere.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from localstage.door.signatures.answers import Answer
from localstage.door.signatures.request import SignableRequest

# Nothing that the machine's user has configured may matter here.
_NOTHING_CONFIGURED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class ActsFor(Protocol):
    """A principal for whom calls are made."""

    @property
    def access_key_id(self) -> str:
        """The key that the calls carry."""

    def refusal(self, request: SignableRequest) -> Answer | None:
        """The service's answer to a call that the principal may not make, or None."""

    def denial(self, action: str) -> str | None:
        """Why the principal may not do what no call stands for, or None."""


FindCaller = Callable[[str, str | None], ActsFor]
"""The principal for whom a stack acts: by the access key of who asks, and the stack's role."""


class Apis:
    """moto's server application and what has been made to call it, for all accounts.

    Nothing of an account is kept here, so it outlives the account's reset.
    """

    def __init__(self, find_caller: FindCaller) -> None:
        self._find_caller = find_caller
        self._application = DomainDispatcherApplication(create_backend_app)
        self._session = botocore.session.Session(session_vars=_NOTHING_CONFIGURED)
        self._of_accounts: dict[tuple[str, str, str], AccountApis] = {}

    def of(self, account_id: str, region: str) -> AccountApis:
        """The APIs of an account in a region, where everything may be called; the same object each time."""
        return self._found(account_id, region, None)

    def acting(self, account_id: str, region: str, access_key_id: str, role_arn: str | None) -> AccountApis:
        """The same APIs, called for the owner of an access key or for a role."""
        return self._found(account_id, region, self._find_caller(access_key_id, role_arn))

    def _found(self, account_id: str, region: str, caller: ActsFor | None) -> AccountApis:
        key = (account_id, region, caller.access_key_id if caller else "")
        if key not in self._of_accounts:
            self._of_accounts[key] = AccountApis(account_id, region, self, caller)
        return self._of_accounts[key]

    def make_client(self, service: str, region: str, access_key_id: str) -> Any:
        """A boto3 client that only signs; who makes it must answer its requests."""
        return self._session.create_client(
            service,
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key="cloudformation",
            config=Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, ignore_configured_endpoint_urls=True
            ),
        )

    def answer(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """moto's answer to a request: status, headers, body."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started[:] = [int(status.split(" ", 1)[0]), headers]

        body = b"".join(self._application(environ, start_response))
        return started[0], dict(started[1]), body


class AccountApis:
    """The APIs of one account in one region, by service name, called for one principal."""

    def __init__(self, account_id: str, region: str, apis: Apis, caller: ActsFor | None):
        self.account_id = account_id
        self.region = region
        self._apis = apis
        self._caller = caller
        self._clients: dict[str, Any] = {}

    def acting(self, access_key_id: str, role_arn: str | None) -> AccountApis:
        """These APIs, called for the owner of an access key or for a role."""
        return self._apis.acting(self.account_id, self.region, access_key_id, role_arn)

    def client(self, service: str) -> Any:
        """The client of a service; the same one each time."""
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def denial(self, action: str) -> str | None:
        """Why what is done without a call may not be done, or None."""
        return self._caller.denial(action) if self._caller else None

    def _make(self, service: str) -> Any:
        key = self._caller.access_key_id if self._caller else "cloudformation"
        client = self._apis.make_client(service, self.region, key)
        client.meta.events.register_first("before-send", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        environ = _wsgi_environ(request)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account_id
        refused = self._caller.refusal(_signable(environ)) if self._caller else None
        if refused is not None:
            return AWSResponse(request.url, refused.status, refused.headers, _Body(refused.body))
        status, headers, body = self._apis.answer(environ)
        return AWSResponse(request.url, status, headers, _Body(body))


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


def _signable(environ: dict[str, Any]) -> SignableRequest:
    """The request as permissions are asked about it."""
    headers = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
    body = environ["wsgi.input"].getvalue()
    return SignableRequest.of(
        environ["REQUEST_METHOD"],
        environ["REQUEST_URI"],
        [*headers, ("Content-Type", environ.get("CONTENT_TYPE", ""))],
        body,
    )
