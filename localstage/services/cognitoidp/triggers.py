"""User pools invoke functions: before and after moto has done a call.

A function may take seconds and may itself call the account, so it runs while the account thread does other things.
What it is told was true before, and moto looks again at what it is asked to do. Lives on the event loop.
AWS: Cognito developer guide, "Customizing user pool workflows with Lambda triggers" (FIDELITY section 9).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from localstage.door.account_thread import AccountThread
from localstage.door.call import Answer, AwsCall
from localstage.functions.invocation import InvocationRefused
from localstage.functions.service import Functions
from localstage.services.awslambda.directory import FunctionDirectory
from localstage.services.cognitoidp.events import Subject, event_of, function_failed, not_invoked, response_of
from localstage.services.cognitoidp.pools import Pool, pool_of

_WITHIN_S = 5.0
_ATTEMPTS = 3
"""AWS: a function that has not answered within five seconds is invoked again, three times in all."""
_SERVICE = "cognito-idp.amazonaws.com"
# AWS: the sources of CustomMessage's page, by the operations that moto has.
_MESSAGES = {
    "AdminCreateUser": "AdminCreateUser",
    "ForgotPassword": "ForgotPassword",
    "AdminResetUserPassword": "ForgotPassword",
    "UpdateUserAttributes": "UpdateUserAttribute",
    "AdminUpdateUserAttributes": "UpdateUserAttribute",
}
_REFRESHES = ("REFRESH_TOKEN", "REFRESH_TOKEN_AUTH")
T = TypeVar("T")


class UserPoolTriggers:
    """Answers the calls at which a pool's functions are invoked. ``functions`` must be set before the first."""

    functions: Functions | None = None

    def __init__(
        self, account_id: str, directory: FunctionDirectory, thread: AccountThread, do: Callable[[AwsCall], Answer]
    ):
        """``do`` has moto do a call, on the account thread."""
        self._account_id = account_id
        self._directory = directory
        self._thread = thread
        self._do = do
        self._moments: dict[str, Callable[[AwsCall], Awaitable[Answer]]] = {
            "SignUp": self._sign_up,
            "AdminCreateUser": self._sign_up,
            "ConfirmSignUp": self._confirm,
            "AdminConfirmSignUp": self._confirm,
            "ConfirmForgotPassword": self._confirm,
            "InitiateAuth": self._sign_in,
            "AdminInitiateAuth": self._sign_in,
            "RespondToAuthChallenge": self._sign_in,
            "AdminRespondToAuthChallenge": self._sign_in,
        }
        self._moments |= {operation: self._send for operation in _MESSAGES if operation not in self._moments}

    def answers(self, call: AwsCall) -> bool:
        """Whether functions may have to be invoked at a call. On the account thread."""
        pool = pool_of(self._account_id, call) if call.operation in self._moments else None
        return pool is not None and bool(pool.functions)

    async def answer(self, call: AwsCall) -> Answer:
        """Answers such a call. Raises Refusal."""
        return await self._moments[call.operation](call)

    async def _sign_up(self, call: AwsCall) -> Answer:
        if call.parameters.get("MessageAction") == "RESEND":  # Nobody new comes.
            return await self._send(call)
        by_admin = call.operation == "AdminCreateUser"
        given, attributes = call.text("Username"), _named(call.parameters.get("UserAttributes"))
        subject = await self._of_pool(call, lambda pool: pool.newcomer(given, attributes))
        # Guess (Triggers of user pools): before it is looked whether there is such a user.
        validation = _named(call.parameters.get("ValidationData")) or None
        source = "PreSignUp_AdminCreateUser" if by_admin else "PreSignUp_SignUp"
        response = await self._invoked("PreSignUp", source, subject, {"validationData": validation, **_metadata(call)})

        def create() -> tuple[Answer, Subject | None]:
            answer, pool = self._do(call), pool_of(self._account_id, call)
            if answer.status != 200 or subject is None or pool is None:
                return answer, None
            if pool.names_users:
                moto_named = pool.rename(given, subject.user_name)
                answer = replace(answer, body=answer.body.replace(moto_named.encode(), subject.user_name.encode()))
            if not by_admin:  # AWS: what a function says of a user whom an administrator creates does not count.
                confirmed = pool.admit(subject.user_name, response)
                document = {**answer.document(), "UserConfirmed": confirmed}
                if confirmed:
                    document.pop("CodeDeliveryDetails", None)  # No code is sent to somebody who is confirmed.
                answer = answer.with_document(document)
            return answer, pool.user(subject.user_name)

        answer, user = await self._run(call, create)
        if user is not None and answer.document().get("UserConfirmed"):
            await self._invoked("PostConfirmation", "PostConfirmation_ConfirmSignUp", user, _metadata(call))
        # Guess (Triggers of user pools): also where the user has no address to which a message could go.
        elif by_admin and call.parameters.get("MessageAction") != "SUPPRESS":
            await self._message("AdminCreateUser", call, user)
        elif "CodeDeliveryDetails" in answer.document():
            await self._message("SignUp", call, user)
        return answer

    async def _send(self, call: AwsCall) -> Answer:
        """What moto does at once with a user of whom Cognito would send a message."""
        answer = await self._run(call, lambda: self._do(call))
        if answer.status == 200:
            name = call.text("Username")
            user = await self._of_pool(call, lambda pool: pool.user(name) if name else pool.user_of(call))
            kind = _MESSAGES[call.operation]
            addresses = {"email", "phone_number"} & _named(call.parameters.get("UserAttributes")).keys()
            verified = await self._of_pool(call, lambda pool: pool.verifies(addresses))
            if kind != "UpdateUserAttribute" or verified:
                await self._message(kind, call, user)
        return answer

    async def _message(self, kind: str, call: AwsCall, user: Subject | None) -> None:
        """Asks for a message's text. Nobody sends it: what the function answers is looked at, and that is all."""
        request = {
            "codeParameter": "{####}",
            "linkParameter": "{##Click Here##}",
            "usernameParameter": "{username}" if kind == "AdminCreateUser" else None,
            **_metadata(call),
        }
        await self._invoked("CustomMessage", f"CustomMessage_{kind}", user, request)

    async def _confirm(self, call: AwsCall) -> Answer:
        answer = await self._run(call, lambda: self._do(call))
        if answer.status == 200:
            subject = await self._of_pool(call, lambda pool: pool.user(call.text("Username")))
            source = f"PostConfirmation_{call.operation.removeprefix('Admin')}"
            await self._invoked("PostConfirmation", source, subject, _metadata(call))
        return answer

    async def _sign_in(self, call: AwsCall) -> Answer:
        refreshes = call.parameters.get("AuthFlow") in _REFRESHES
        if call.operation.endswith("InitiateAuth") and not refreshes:
            await self._before(call)
        answer = await self._run(call, lambda: self._do(call))
        document = answer.document()
        token = (document.get("AuthenticationResult") or {}).get("IdToken") if answer.status == 200 else None
        if document.get("ChallengeName") == "SMS_MFA":
            await self._message("Authentication", call, await self._of_pool(call, lambda pool: pool.user(_name(call))))
        if token is None:
            return answer
        subject = await self._of_pool(call, lambda pool: pool.user_of_token(token))
        # AWS: of InitiateAuth's ClientMetadata only what comes before the sign-in is told.
        metadata = _metadata(call) if "Respond" in call.operation else {}
        if not refreshes:
            # Guess (Triggers of user pools): it comes before PreTokenGeneration.
            request = {"newDeviceUsed": False, **metadata}
            await self._invoked("PostAuthentication", "PostAuthentication_Authentication", subject, request)
        if subject is None or "PreTokenGeneration" not in subject.functions:
            return answer
        kind = "RefreshTokens" if refreshes else "Authentication"
        if call.text("ChallengeName") == "NEW_PASSWORD_REQUIRED":
            kind = "NewPasswordChallenge"
        groups = {"groupsToOverride": list(subject.groups), "iamRolesToOverride": [], "preferredRole": None}
        request = {"groupConfiguration": groups, **metadata}
        response = await self._invoked("PreTokenGeneration", f"TokenGeneration_{kind}", subject, request)
        changed = await self._of_pool(call, lambda pool: pool.token_again(token, response))
        return answer.with_document(
            {**document, "AuthenticationResult": {**document["AuthenticationResult"], "IdToken": changed or token}}
        )

    async def _before(self, call: AwsCall) -> None:
        name = _name(call)
        hidden = await self._of_pool(call, lambda pool: pool.hides_who_exists)
        subject = await self._of_pool(call, lambda pool: pool.user(name))
        not_found = {"userNotFound": subject is None} if hidden else {}
        if subject is None and hidden:
            subject = await self._of_pool(call, lambda pool: pool.stranger(name))
        # AWS: InitiateAuth's ClientMetadata are this trigger's validationData.
        request = {"validationData": call.parameters.get("ClientMetadata"), **not_found}
        # Guess (Triggers of user pools): before the password is looked at.
        await self._invoked("PreAuthentication", "PreAuthentication_Authentication", subject, request)

    async def _invoked(
        self, trigger: str, source: str, subject: Subject | None, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The response of a trigger's function; nothing where nobody or no function is there. Raises Refusal."""
        function_arn = subject.functions.get(trigger) if subject is not None else None
        if subject is None or function_arn is None:
            return {}
        assert self.functions is not None, "who runs functions must be named before the first call"
        payload = json.dumps(event_of(trigger, source, subject, request)).encode()
        try:
            definition = self._directory.function(function_arn)
            if definition is None or not self._directory.may_invoke(function_arn, subject.pool_arn, _SERVICE):
                raise not_invoked(trigger, "AccessDeniedException")
            for _ in range(_ATTEMPTS):
                try:
                    result = await self.functions.invoke(definition, payload, within_s=_WITHIN_S)
                    break
                except TimeoutError:
                    continue
            else:
                # AWS: the text as in github.com/furaiev/amazon-cognito-identity-dart-2 issue 204.
                raise not_invoked(trigger, "Socket timeout while invoking Lambda function")
        except InvocationRefused as refused:
            raise not_invoked(trigger, refused.code) from refused
        if result.function_error:
            raise function_failed(trigger, result.payload)
        return response_of(trigger, result.payload)

    async def _of_pool(self, call: AwsCall, ask: Callable[[Pool], T]) -> T | None:
        """What a call's pool says, None if it is gone."""

        def asked() -> T | None:
            pool = pool_of(self._account_id, call)
            return ask(pool) if pool is not None else None

        return await self._run(call, asked)

    async def _run(self, call: AwsCall, work: Callable[[], T]) -> T:
        return await self._thread.run(work, lambda: f"cognito-idp:{call.operation}")


def _metadata(call: AwsCall) -> dict[str, Any]:
    """AWS: clientMetadata are in an event if the call has some."""
    given = call.parameters.get("ClientMetadata")
    return {"clientMetadata": given} if given else {}


def _name(call: AwsCall) -> str:
    """Who signs in."""
    said = call.parameters.get("AuthParameters") or call.parameters.get("ChallengeResponses") or {}
    return str(said.get("USERNAME", ""))


def _named(attributes: Any) -> dict[str, str]:
    return {one["Name"]: one.get("Value", "") for one in attributes or ()}
