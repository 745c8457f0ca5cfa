"""The STS backend: moto's, which remembers for whom a session acts and what limits it."""

from __future__ import annotations

from dataclasses import dataclass

from moto.sts.models import AssumedRole, STSBackend


@dataclass(frozen=True)
class SessionFacts:
    """What moto does not keep of a session."""

    principal_arn: str
    """Who the session is."""
    principal_id: str
    entity_arn: str
    """Whose policies count for it."""
    policies: tuple[str, ...] | None
    """The documents that limit it, None where nothing does."""


class StageStsBackend(STSBackend):
    """One per account and partition."""

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.session_facts: dict[str, SessionFacts] = {}

    def facts_of(self, session: AssumedRole) -> SessionFacts:
        """What is known of a session."""
        return self.session_facts.get(session.access_key_id) or SessionFacts(
            session.arn, session.user_id, session.role_arn, None
        )
