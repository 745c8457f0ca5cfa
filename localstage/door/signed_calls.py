"""In front of the AWS APIs and of ``@connections``: lets signed calls in and answers the others as AWS does.

Knows which calls AWS takes unsigned. Does not know what a call does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web

from localstage.door.keys import KnownKeys
from localstage.door.moto_server import read_body
from localstage.door.signatures.answers import Answer, answer_to, execute_api_answer
from localstage.door.signatures.claim import read_claim
from localstage.door.signatures.refusals import SignatureRefused, UnknownKey
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import SIGNER, KnownKey, Verifier

Desk = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_COGNITO = {"AWSCognitoIdentityService": "cognito-identity", "AWSCognitoIdentityProviderService": "cognito-idp"}
_PUBLIC_KEYS = ("/.well-known/jwks.json", "/.well-known/openid-configuration")


def signable(request: web.BaseRequest, body: bytes = b"") -> SignableRequest:
    """A request of the port as a value."""
    return SignableRequest.of(request.method, request.raw_path, request.headers.items(), body)


class SignedCalls:
    """Checks the signature of each call before its desk sees it."""

    def __init__(self, keys: KnownKeys, verifier: Verifier):
        self._keys = keys
        self._verifier = verifier

    def aws_api(self, desk: Desk) -> Desk:
        """The desk for calls that a known key has signed, and for the few that AWS takes unsigned."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            try:
                await self._admit(request)
            except SignatureRefused as refused:
                asked = signable(request, await _body_if_small(request))
                return answer_on_the_wire(answer_to(refused, asked, _service_of(asked), secrets.token_hex(16)))
            return await desk(request)

        return answer

    def management(self, desk: Desk) -> Desk:
        """The desk for calls of ``@connections``: signed for the service execute-api."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            try:
                self._verifier.recognise(signable(request))
                request[SIGNER] = self._verifier.verify(signable(request, await read_body(request)), "execute-api")
            except SignatureRefused as refused:
                return answer_on_the_wire(execute_api_answer(refused, secrets.token_hex(16)))
            return await desk(request)

        return answer

    async def _admit(self, request: web.BaseRequest) -> None:
        if await _taken_unsigned(request):
            return
        # A body that nobody known sends is not read into memory.
        _, key = self._verifier.recognise(signable(request))
        body = await read_body(request)
        self._verifier.verify(signable(request, body))
        self._check_reserved(request, key)
        request[SIGNER] = key

    def _check_reserved(self, request: web.BaseRequest, key: KnownKey) -> None:
        """moto's own switches are the learner's alone: a function must not reset the account that it runs in."""
        if request.path.lstrip("/").startswith("moto-api") and key is not self._keys.learner:
            raise UnknownKey(key.access_key_id)


async def _taken_unsigned(request: web.BaseRequest) -> bool:
    """Whether AWS takes this very call without a signature, and moto would read it as that call too."""
    if "Authorization" in request.headers:
        return False
    path = request.raw_path.partition("?")[0]
    if request.method == "GET" and path.endswith(_PUBLIC_KEYS) and path.count("/") == 3:
        return True  # AWS: Cognito user pools, verifying JSON web tokens.
    target, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
    if request.raw_path == "/" and target in _COGNITO:
        return operation in await asyncio.to_thread(_unsigned_operations, _COGNITO[target])
    return False


@cache
def _unsigned_operations(service: str) -> frozenset[str]:
    """The operations that botocore's model of a service says need no signature."""
    import botocore.session

    model = botocore.session.Session().get_service_model(service)
    return frozenset(name for name in model.operation_names if model.operation_model(name).auth_type == "none")


async def _body_if_small(request: web.BaseRequest) -> bytes:
    """The body, read for the protocol that it shows; nothing of one that is large or has no length."""
    length = request.headers.get("Content-Length", "0")
    return await request.read() if length.isdigit() and int(length) <= 64 * 1024 else b""


def _service_of(request: SignableRequest) -> str:
    try:
        return read_claim(request).service
    except SignatureRefused:
        return ""


def answer_on_the_wire(answer: Answer) -> web.Response:
    """An answer as a response of the port."""
    response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    if len(answer.body) == 0:
        response.headers.pop("Content-Type", None)
    return response
