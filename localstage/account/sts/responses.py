"""GetSessionToken and GetFederationToken with credentials of their own; tokens of others' identities refused."""

from __future__ import annotations

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.sts.models import AssumedRole
from moto.sts.responses import TokenResponse

_SESSION_S = 43_200


class InvalidIdentityToken(ServiceException):
    """AWS's error for a token that it cannot check."""

    code = "InvalidIdentityToken"


class StageTokenResponse(TokenResponse):
    """moto's STS, where what is handed out can sign."""

    def get_session_token(self) -> ActionResult:
        """Credentials that act for the caller."""
        session = self._session("session")
        return ActionResult({"Credentials": session})

    def get_federation_token(self) -> ActionResult:
        """Credentials of a federated user."""
        session = self._session(self._get_param("Name"))
        arn = f"arn:{self.partition}:sts::{self.current_account}:federated-user/{session.session_name}"
        return ActionResult({"Credentials": session, "PackedPolicySize": 6, "FederatedUser": {
            "FederatedUserId": f"{self.current_account}:{session.session_name}", "Arn": arn}})

    def assume_role_with_web_identity(self) -> ActionResult:
        """Refused: anyone may ask, and no identity provider's token can be checked here."""
        raise InvalidIdentityToken("The local stage has no identity provider that could check the token.")

    assume_role_with_saml = assume_role_with_web_identity

    def _session(self, name: str) -> AssumedRole:
        return self.backend.assume_role(
            region_name=self.region, role_session_name=name, policy="", external_id="",
            role_arn=f"arn:{self.partition}:iam::{self.current_account}:root",
            duration=self._get_int_param("DurationSeconds", _SESSION_S))
