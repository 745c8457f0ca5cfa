"""boto3 clients whose calls are answered by moto in this thread, without a socket.

CloudFormation makes resources by calling the services' APIs; so does the stack
engine, and every check and extension of an API holds for stacks too. Must be
used on the account thread only. For whom a call is made is the caller's choice;
what that principal may do is decided elsewhere.
"""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from localstage.door import models
from localstage.door.answers import answer_to
from localstage.door.call import AwsCall
from localstage.door.moto import MotoServer
from localstage.door.permissions import StackPrincipal, StackPrincipals
from localstage.door.refusal import Refusal
from localstage.door.signatures.request import SignableRequest


class Apis:
    """moto's server and the clients that have been made to call it, for all accounts.

    Nothing of an account is kept here, so it outlives the account's reset.
    """

    def __init__(self, principals: StackPrincipals, moto: MotoServer) -> None:
        self.moto = moto
        self._principals = principals
        self._session = models.session()
        self._of_accounts: dict[tuple[str, str, str], AccountApis] = {}

    def of(self, account_id: str, region: str) -> AccountApis:
        """The APIs of an account in a region, where everything may be called; the same object each time."""
        return self._found(account_id, region, None)

    def acting(self, account_id: str, region: str, access_key_id: str, role_arn: str | None) -> AccountApis:
        """The same APIs, called for the owner of an access key or for a role."""
        return self._found(account_id, region, self._principals.find(access_key_id, role_arn))

    def _found(self, account_id: str, region: str, caller: StackPrincipal | None) -> AccountApis:
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


class AccountApis:
    """The APIs of one account in one region, by service name, called for one principal."""

    def __init__(self, account_id: str, region: str, apis: Apis, caller: StackPrincipal | None):
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

    def denial(self, action: str, resource: str = "*") -> str | None:
        """Why what is done without a call may not be done, or None."""
        return self._caller.denial(action, resource) if self._caller else None

    def changed(self, backend: str) -> None:
        """Must be called after something of one of moto's backends was changed without a call."""
        self._apis.moto.changed(backend)

    def _make(self, service: str) -> Any:
        key = self._caller.access_key_id if self._caller else "cloudformation"
        client = self._apis.make_client(service, self.region, key)
        client.meta.events.register_first("before-send", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        call = _call_of(request, self.account_id)
        try:
            if self._caller is not None:
                self._caller.check(call)
            answer = self._apis.moto.answer(call)
        except Refusal as refused:
            answer = answer_to(refused, call)
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Body(answer.body))


class _Body(io.BytesIO):
    """An answer's body as botocore reads it from its HTTP library."""

    def stream(self, amt: int | None = None, **_: Any) -> Any:
        """The whole body, as the one chunk of a stream."""
        yield self.read(amt)


def _call_of(request: AWSPreparedRequest, account_id: str) -> AwsCall:
    url, body = urlsplit(request.url), request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    headers = [
        (name, value.decode("latin-1") if isinstance(value, bytes) else str(value))
        for name, value in request.headers.items()
    ]
    sent = [*headers, ("Host", url.netloc), ("X-Moto-Account-Id", account_id)]
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    signed = SignableRequest.of(request.method, target, sent, body.encode() if isinstance(body, str) else body)
    return AwsCall(signed, sent, secure=True, account_id=account_id)
