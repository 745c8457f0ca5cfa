"""How a denial reads.

AWS: FIDELITY sections 6 and 10; IAM user guide, "Troubleshoot access denied
error messages"; botocore and Terraform issue threads for the services that
differ (named at the line). What none of these shows is marked as a guess.
"""

from __future__ import annotations

from localstage.policy.context import Principal
from localstage.policy.decision import BOUNDARY, IDENTITY, RESOURCE, SESSION, TRUST, Decision

_ARTICLES = {IDENTITY: "an", BOUNDARY: "a", SESSION: "a", RESOURCE: "a", TRUST: "the"}


def denial(principal: Principal, decision: Decision) -> str:
    """The sentence in the form of the decision's service."""
    need = decision.need
    service = need.action.partition(":")[0]
    action, resource = need.action, need.resource
    if service == "sqs":
        action = action.lower()  # aws/serverless-application-model issue 3633.
    elif service == "sns":
        action = "SNS:" + action.partition(":")[2]  # hashicorp/terraform-provider-aws issues on SNS:GetTopicAttributes.
    elif service == "s3" and resource != "*":
        resource = f'"{resource}"'  # S3's sentence of 2024 puts its ARNs in quotes.
    sentence = f"{user(principal)} is not authorized to perform: {action} on resource: {resource}"
    return f"{sentence} {_reason(decision, action)}" if decision.kind else sentence


def masked_denial(principal: Principal, decision: Decision) -> str:
    """API Gateway's sentence: the account masked to its last four digits, no reason (FIDELITY section 6)."""
    fields = decision.need.resource.split(":", 5)
    fields[4] = "*" * (len(fields[4]) - 4) + fields[4][-4:]
    head, mark, _ = fields[5].partition("/@connections/")
    fields[5] = head + mark + ("{connectionId}" if mark else "")
    tail = (
        f" with an explicit deny in {_named(decision.kind)}" if decision.explicit else ""
    )  # Guess (Denials): the tail.
    return (
        f"{user(principal)} is not authorized to perform: {decision.need.action} on resource: {':'.join(fields)}{tail}"
    )


def authorizer_denial(decision: Decision) -> str:
    """API Gateway's sentence where an authorizer's policy denies.

    Guess (Texts of refused handshakes): claimed by one test suite, undated.
    """
    return f"User is not authorized to access this resource {_reason(decision, decision.need.action)}"


def user(principal: Principal) -> str:
    """The sentence's beginning."""
    return f"User: {principal.arn}"


def _reason(decision: Decision, action: str) -> str:
    if decision.explicit:
        return f"with an explicit deny in {_named(decision.kind)}"
    return f"because no {decision.kind} allows the {action} action"


def _named(kind: str) -> str:
    return f"{_ARTICLES[kind]} {kind}"
