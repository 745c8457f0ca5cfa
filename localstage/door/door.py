"""The one door: every AWS API call goes through the same steps, in this order.

    program ──▶ read          as a value; nothing of it is believed
              ▶ signature     of a known key, over head and body, or a call that AWS takes unsigned
              ▶ own switches  moto's reset is the learner's alone
              ▶ room, before  what a service needs before it is asked
        ┌─── on the account thread, in one go ──────────────────────────────────────────────┐
        │     ▶ permission    every need of the call is granted by the signer's policies    │
        │     ▶ limits, pace  throttling, the service's own limits, what is not ready yet   │
        │     ▶ moto          does the call, seen at the service's pace                     │
        └───────────────────────────────────────────────────────────────────────────────────┘
              ▶ room          or the service's room does it: Lambda's Invoke, which may take minutes
    program ◀── answer, or a Refusal raised by any of them, in the call's own protocol

Permission is decided on the account thread because a decision reads the
account (policies of resources, tags, a table's keys): there nothing changes
between the decision and the call, and no other thread reads what moto writes.
Measured (CPU of one core): a decision takes 0.05 ms and reading the call for it
0.2 ms, of 4 ms that a PutItem costs; one more change of threads would cost 0.04
ms and, while others call, the wait in moto's queue. Connections and handshakes,
which must not wait for moto, are decided on the event loop by what has been
published (identities.py); publishing 60 roles takes 0.6 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

from localstage.door import models
from localstage.door.account_thread import AccountThread
from localstage.door.answers import answer_to
from localstage.door.call import Answer, AwsCall
from localstage.door.identities import KnownKeys
from localstage.door.moto import MotoServer
from localstage.door.pace import Pace
from localstage.door.permissions import Permissions
from localstage.door.refusal import Refusal
from localstage.door.rooms import NO_ROOM, Room, Rooms
from localstage.door.signatures.refusals import SignatureRefused, UnknownKey
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey, Verifier
from localstage.port.exchange import BodyNeverCame, Handler, Reply, Request, reply_of

ConnectionsHandler = Callable[[Request, KnownKey], Reply]
"""Answers a call of ``@connections`` with its body and its signer."""
Step = Callable[[AwsCall], Awaitable[Answer | None]]

_COGNITO = {"AWSCognitoIdentityService": "cognito-identity", "AWSCognitoIdentityProviderService": "cognito-idp"}
_LARGE_BODY_BYTES = 1024 * 1024
"""The digest of a larger body takes longer than a change of threads: 2 ms for a megabyte."""
_SMALL_BODY_BYTES = 64 * 1024
_PUBLIC_KEYS = ("/.well-known/jwks.json", "/.well-known/openid-configuration")


class Door:
    """Answers AWS API calls. Lives on the event loop."""

    def __init__(
        self,
        verifier: Verifier,
        keys: KnownKeys,
        permissions: Permissions,
        pace: Pace,
        rooms: Rooms,
        moto: MotoServer,
        thread: AccountThread,
        loaded: Callable[[], Awaitable[None]],
    ):
        """``loaded`` returns when moto is there to be called; until then calls wait."""
        self._verifier = verifier
        self._keys = keys
        self._permissions = permissions
        self._pace = pace
        self._rooms = rooms
        self._moto = moto
        self._thread = thread
        self._wait_for_moto: Callable[[], Awaitable[None]] | None = loaded
        self._steps: tuple[Step, ...] = (
            self._keep_own_switches,
            self._prepare_room,
            self._on_account_thread(self._check_permission, self._keep_limits, self._ask_moto),
            self._answer_in_room,
        )

    async def answer(self, request: Request) -> Answer:
        """Answers one call."""
        call = _call_of_head(request)
        await self._moto_is_there()
        try:
            call = await self._verified(call, request)
            for step in self._steps:
                answer = await step(call)
                if answer is not None:
                    return answer
            raise AssertionError(f"no step answered {call.method} {call.raw_path}")
        except Refusal as refused:
            if isinstance(refused, SignatureRefused):
                call = call.with_body(call.body or await _small_body(request))
            return await self._refuse(refused, call)

    async def _refuse(self, refused: Refusal, call: AwsCall, protocol: str = "") -> Answer:
        await self._moto_is_there()
        return await asyncio.to_thread(answer_to, refused, call, protocol)

    async def _moto_is_there(self) -> None:
        """A call that comes before moto is loaded waits for it."""
        if self._wait_for_moto is not None:
            await self._wait_for_moto()
            self._wait_for_moto = None

    def knows(self, request: Request) -> bool:
        """Whether the head names a key of this account; nothing is proven yet."""
        try:
            self._verifier.recognise(SignableRequest.of(request.method, request.target, request.sent))
        except SignatureRefused:
            return False
        return True

    def management(self, handler: ConnectionsHandler) -> Handler:
        """The handler of ``@connections``, for calls that are signed for the service execute-api."""

        def answer(request: Request) -> Reply | Awaitable[Reply]:
            whole = SignableRequest.of(request.method, request.target, request.sent, request.body or b"")
            try:
                if request.body is None:
                    self._verifier.recognise(whole)
                    return answer_later(request)
                signer = self._verifier.verify(whole, "execute-api")
            except SignatureRefused as refused:
                return self._refuse(refused, _call_of_head(request), "rest-json")
            return handler(request, signer)

        async def answer_later(request: Request) -> Reply:
            await request.read()
            return await reply_of(answer(request))

        return answer

    async def _verified(self, call: AwsCall, request: Request) -> AwsCall:
        """The whole call with its signer, or without one where AWS asks for none. Raises SignatureRefused."""
        if await _needs_no_signature(call):
            return call.with_body(await request.read_from_stranger())
        self._verifier.recognise(call.request)  # A body that nobody known sends is not read into memory.
        call = call.with_body(await request.read())
        if len(call.body) > _LARGE_BODY_BYTES:
            await asyncio.to_thread(lambda: call.request.body_digest)
        call.signer = self._verifier.verify(call.request)
        return call

    async def _keep_own_switches(self, call: AwsCall) -> None:
        """moto's own switches are the learner's alone: a function must not reset its account, nor act in another one."""
        switches = call.path.lstrip("/").startswith("moto-api") or "x-moto-account-id" in call.headers
        if switches and call.signer is not self._keys.learner:
            raise UnknownKey(call.signer.access_key_id if call.signer is not None else "")

    async def _prepare_room(self, call: AwsCall) -> None:
        prepare = self._rooms.get(call.signed_for[1], NO_ROOM).prepare
        if prepare is not None:
            await prepare()

    def _on_account_thread(self, *steps: Callable[[AwsCall], Answer | None]) -> Step:
        """Several steps as one, without a change of threads between them."""

        def take(call: AwsCall) -> Answer | None:
            try:
                return next((answer for step in steps if (answer := step(call)) is not None), None)
            except Refusal as refused:
                return answer_to(refused, call)

        return lambda call: self._thread.run(lambda: take(call), lambda: f"{call.service}:{call.operation}")

    def _check_permission(self, call: AwsCall) -> None:
        if call.signer is not None:
            self._permissions.check(call)

    def _room(self, call: AwsCall) -> Room:
        """The room of a call; of those that nobody has signed, Cognito's have one."""
        return self._rooms.get(call.service or _cognito_service(call), NO_ROOM)

    def _keep_limits(self, call: AwsCall) -> None:
        room = self._room(call)
        refused = self._pace.refusal(call) or (room.refusal(call) if room.refusal is not None else None)
        if refused is not None:
            raise refused

    def _ask_moto(self, call: AwsCall) -> Answer | None:
        room = self._room(call)
        if room.answers is not None and room.answers(call):
            return None
        return self._pace.answer(call, lambda: self._moto.answer(call))

    async def _answer_in_room(self, call: AwsCall) -> Answer | None:
        answer = self._room(call).answer
        return await answer(call) if answer is not None else None


def _call_of_head(request: Request) -> AwsCall:
    """The call by its head; its body has not been read."""
    return AwsCall(
        SignableRequest.of(request.method, request.target, request.sent),
        request.sent,
        source_ip=request.remote,
        secure=request.secure,
    )


async def _small_body(request: Request) -> bytes:
    """The body, read for the protocol that it shows; nothing of one that is large or has no length."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _SMALL_BODY_BYTES:
        return b""
    try:
        return await request.read_from_stranger()
    except BodyNeverCame:
        return b""


async def _needs_no_signature(call: AwsCall) -> bool:
    """Whether AWS takes this very call without a signature, and moto would read it as that call too."""
    if "authorization" in call.headers:
        return False
    if call.method == "GET" and call.raw_path.endswith(_PUBLIC_KEYS) and call.raw_path.count("/") == 3:
        return True  # AWS: Cognito user pools, verifying JSON web tokens.
    service = _cognito_service(call)
    if call.raw_path == "/" and not call.request.raw_query and service:
        operation = call.headers["x-amz-target"].rpartition(".")[2]
        return operation in await asyncio.to_thread(_unsigned_operations, service)
    return False


def _cognito_service(call: AwsCall) -> str:
    """The service of Cognito's that a call names without a signature; empty for any other."""
    return _COGNITO.get(call.headers.get("x-amz-target", "").rpartition(".")[0], "")


@cache
def _unsigned_operations(service: str) -> frozenset[str]:
    """The operations that botocore's model of a service says need no signature."""
    model = models.session().get_service_model(service)
    return frozenset(name for name in model.operation_names if model.operation_model(name).auth_type == "none")
