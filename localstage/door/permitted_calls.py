"""In front of the AWS APIs, behind the signatures: lets through what the caller's policies grant.

Takes the caller from ``signed_calls``. Does not know what a call does.
"""

from __future__ import annotations

import secrets

from aiohttp import web

from localstage.door.denials import AccessDenied
from localstage.door.moto_server import read_body
from localstage.door.permissions import Permissions, principal_of
from localstage.door.signatures.answers import answer_to
from localstage.door.signatures.claim import read_claim
from localstage.door.signatures.verification import SIGNER
from localstage.door.signed_calls import Desk, answer_on_the_wire, signable
from localstage.services.awslambda.invoke import LambdaApi


class PermittedCalls:
    """Asks for permission before a desk sees a call."""

    def __init__(self, permissions: Permissions):
        self._permissions = permissions

    def aws_api(self, desk: Desk) -> Desk:
        """The desk for calls that the caller may make."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            key = request.get(SIGNER)
            if key is None:
                return await desk(request)  # One of the few that AWS takes unsigned.
            asked = signable(request, await read_body(request))
            claim = read_claim(asked)
            # The account runs functions by the path alone, whatever service the call was signed for.
            service = "lambda" if LambdaApi.is_invocation(request) else claim.service
            decision = self._permissions.refusal_of_call(key, asked, service, claim.region, request.remote)
            if decision is None:
                return await desk(request)
            refused = AccessDenied(principal_of(key), decision, service)
            return answer_on_the_wire(answer_to(refused, asked, service, secrets.token_hex(16)))

        return answer
