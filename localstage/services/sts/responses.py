"""STS with credentials that sign, and callers who are told who they are; tokens of others' identities refused.

Whether a caller may assume a role is decided before (door/permissions.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.sts.models import AssumedRole
from moto.sts.responses import TokenResponse

from localstage.door.call import call_of
from localstage.door.signatures.verification import KnownKey
from localstage.policy.document import readable_policy
from localstage.services.iam import reader

_SESSION_S = 43_200


class InvalidIdentityToken(ServiceException):
    """AWS's error for a token that it cannot check."""

    code = "InvalidIdentityToken"


class MalformedPolicyDocument(ServiceException):
    """AWS's error for a session policy that cannot be read or found."""

    code = "MalformedPolicyDocument"


class LocalTokenResponse(TokenResponse):
    """moto's STS, where what is handed out can sign; ``publish_key`` is given each session's key."""

    publish_key: Callable[[KnownKey], None]

    def assume_role(self) -> ActionResult:
        """A session of a role, limited by the session policies that come with the request."""
        policies = self._session_policies()
        answer = super().assume_role()
        session = answer.result["Credentials"]
        self._publish(session, session.arn, session.user_id, session.role_arn, policies or None)
        return answer

    def get_session_token(self) -> ActionResult:
        """Credentials that act for the caller: with its policies, under its name."""
        session, caller = self._session("session"), self._caller()
        self._publish(session, caller.principal_arn, caller.principal_id, caller.entity_arn, caller.session_policies)
        return ActionResult({"Credentials": session})

    def get_federation_token(self) -> ActionResult:
        """Credentials of a federated user: what both the caller's policies and the given ones allow."""
        policies, caller = self._session_policies(), self._caller()
        session = self._session(self._get_param("Name"))
        arn = f"arn:{self.partition}:sts::{self.current_account}:federated-user/{session.session_name}"
        federated_id = f"{self.current_account}:{session.session_name}"
        # AWS: without a policy the session has no permissions.
        self._publish(session, arn, federated_id, caller.entity_arn, policies)
        return ActionResult(
            {
                "Credentials": session,
                "PackedPolicySize": 6,
                "FederatedUser": {"FederatedUserId": federated_id, "Arn": arn},
            }
        )

    def get_caller_identity(self) -> ActionResult:
        """Who signed the request; of a function, its role session."""
        caller = self._caller()
        return ActionResult({"UserId": caller.principal_id, "Account": caller.account_id, "Arn": caller.principal_arn})

    def assume_role_with_web_identity(self) -> ActionResult:
        """Refused: anyone may ask, and no identity provider's token can be checked here."""
        raise InvalidIdentityToken("localstage has no identity provider that could check the token.")

    assume_role_with_saml = assume_role_with_web_identity

    def _caller(self) -> KnownKey:
        caller = call_of(self).signer
        assert caller is not None, "a call came in that no known key has signed"
        return caller

    def _session(self, name: str) -> AssumedRole:
        return self.backend.assume_role(
            region_name=self.region,
            role_session_name=name,
            policy="",
            external_id="",
            role_arn=f"arn:{self.partition}:iam::{self.current_account}:root",
            duration=self._get_int_param("DurationSeconds", _SESSION_S),
        )

    def _publish(
        self, session: AssumedRole, arn: str, principal_id: str, entity_arn: str, policies: tuple[str, ...] | None
    ) -> None:
        """Makes the session's key known: who the session is, whose policies count for it and what limits it."""
        self.publish_key(
            KnownKey(
                session.access_key_id,
                session.secret_access_key,
                arn,
                session.account_id,
                principal_id,
                session.session_token,
                session.expiration.replace(tzinfo=UTC),
                entity_arn,
                policies,
            )
        )

    def _session_policies(self) -> tuple[str, ...]:
        """The documents that the request limits the session with. Raises MalformedPolicyDocument."""
        given = self._get_param("Policy")
        documents: list[Any] = [given] if given else []
        for entry in self._get_param("PolicyArns", []) or []:
            arn = entry["arn"] if "arn" in entry else entry.get("Arn", "")
            documents.append(reader.managed_document(self.current_account, arn))
        if any(document is None or readable_policy(document) is None for document in documents):
            raise MalformedPolicyDocument("The policy is not in the valid JSON format.")
        return tuple(documents)
