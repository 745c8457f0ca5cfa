"""STS with credentials that sign, and callers who are told who they are; tokens of others' identities refused.

Whether a caller may assume a role is decided before (``permitted_calls``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.sts.models import AssumedRole
from moto.sts.responses import TokenResponse

from localstage.door.callers import caller_of
from localstage.policy.document import readable_policy
from localstage.services.iam import reader
from localstage.services.sts.models import SessionFacts, StageStsBackend

if TYPE_CHECKING:
    from localstage.door.signatures.verification import KnownKey

_SESSION_S = 43_200


class InvalidIdentityToken(ServiceException):
    """AWS's error for a token that it cannot check."""

    code = "InvalidIdentityToken"


class MalformedPolicyDocument(ServiceException):
    """AWS's error for a session policy that cannot be read or found."""

    code = "MalformedPolicyDocument"


class StageTokenResponse(TokenResponse):
    """moto's STS, where what is handed out can sign."""

    known_key: Callable[[str], KnownKey | None]
    backend: StageStsBackend  # type: ignore[assignment]

    def assume_role(self) -> ActionResult:
        """A session of a role, limited by the session policies that come with the request."""
        policies = self._session_policies()
        answer = super().assume_role()
        session = answer.result["Credentials"]  # type: ignore[index]
        self._remember(session, SessionFacts(session.arn, session.user_id, session.role_arn, policies or None))
        return answer

    def get_session_token(self) -> ActionResult:
        """Credentials that act for the caller: with its policies, under its name."""
        session, caller = self._session("session"), self._caller()
        self._remember(
            session, SessionFacts(caller.principal_arn, caller.principal_id, caller.entity_arn, caller.session_policies)
        )
        return ActionResult({"Credentials": session})

    def get_federation_token(self) -> ActionResult:
        """Credentials of a federated user: what both the caller's policies and the given ones allow."""
        policies, caller = self._session_policies(), self._caller()
        session = self._session(self._get_param("Name"))
        arn = f"arn:{self.partition}:sts::{self.current_account}:federated-user/{session.session_name}"
        federated_id = f"{self.current_account}:{session.session_name}"
        # AWS: without a policy the session has no permissions.
        self._remember(session, SessionFacts(arn, federated_id, caller.entity_arn, policies))
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
        raise InvalidIdentityToken("The local stage has no identity provider that could check the token.")

    assume_role_with_saml = assume_role_with_web_identity

    def _caller(self) -> KnownKey:
        caller = self.known_key(caller_of(self))
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

    def _remember(self, session: AssumedRole, facts: SessionFacts) -> None:
        self.backend.session_facts[session.access_key_id] = facts

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
