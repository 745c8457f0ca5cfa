"""What a pretended role may do: a policy's statements weighed as IAM weighs them, and its refusal in AWS's words.

The weighing and the sentences are localstage's, so that a trial and the chat
say the same. Knows no table and no connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from classroom.my_chat.pretended_aws import ACCOUNT_ID
from localstage.policy.context import Principal, RequestContext
from localstage.policy.decision import Grants, decide
from localstage.policy.document import Need, read_policy
from localstage.policy.sentences import denial, masked_denial

_ROLE = "trial-role"
_ACTS = Principal(
    arn=f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{_ROLE}/trial-function",
    entity_arn=f"arn:aws:iam::{ACCOUNT_ID}:role/{_ROLE}",
    account_id=ACCOUNT_ID,
)


def refusal_of(statements: Sequence[Mapping[str, Any]], action: str, resource: str) -> str | None:
    """Why a role with these statements may not do an action on a resource, as AWS says it; None if it may.

    AWS: FIDELITY section 6 for ``execute-api``, whose sentence hides the account, section 10 for the others.
    """
    policy = read_policy({"Version": "2012-10-17", "Statement": list(statements)})
    decision = decide(_ACTS, Need(action, resource, {}), RequestContext({}), Grants(identity=(policy,)))
    if decision.allowed:
        return None
    return (masked_denial if action.startswith("execute-api:") else denial)(_ACTS, decision)
