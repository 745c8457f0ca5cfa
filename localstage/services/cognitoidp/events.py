"""What a user pool's trigger is given, what it may answer, and the errors that its caller gets.

Knows neither moto nor how a function is invoked. AWS: Cognito developer guide, "Customizing user pool workflows with
Lambda triggers" and the page of each trigger (FIDELITY section 9); the whole event as captured in
github.com/aws-amplify/docs issue 4147 and github.com/localstack/localstack issue 9349.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localstage.core.strict_json import read_json
from localstage.door.refusal import Refusal

BUILT = (
    *("PreSignUp", "PostConfirmation", "CustomMessage"),
    *("PreAuthentication", "PostAuthentication", "PreTokenGeneration"),
)
"""The triggers that invoke a function here, as LambdaConfig has them."""
RESPONSES: Mapping[str, Mapping[str, Any]] = {
    "PreSignUp": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    "CustomMessage": {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    "PreTokenGeneration": {"claimsOverrideDetails": None},
}
"""The ``response`` of a trigger's event, which the function completes; that of others is empty."""
# Guess (Triggers of user pools): which claims no function may change; PreTokenGeneration's page has a list.
_FIXED_CLAIMS = frozenset(
    {
        *("acr", "amr", "at_hash", "aud", "auth_time", "azp", "cognito:username", "exp", "iat", "identities", "iss"),
        *("jti", "nbf", "nonce", "origin_jti", "sub", "token_use"),
    }
)


@dataclass(frozen=True)
class Subject:
    """Who an event is about: a user of a pool, as it is at that moment."""

    pool_id: str
    pool_arn: str
    region: str
    client_id: str
    user_name: str
    attributes: Mapping[str, str]
    groups: tuple[str, ...] = ()
    functions: Mapping[str, str] = field(default_factory=dict)
    """The ARN of the function that each trigger invokes."""


def event_of(trigger: str, source: str, subject: Subject, request: Mapping[str, Any]) -> dict[str, Any]:
    """The event. ``source`` is its triggerSource, ``request`` what it asks besides the attributes."""
    return {
        "version": "1",
        "region": subject.region,
        "userPoolId": subject.pool_id,
        "userName": subject.user_name,
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            # AWS: as captured of AdminCreateUser, by which an administrator names no app.
            "clientId": subject.client_id or "CLIENT_ID_NOT_APPLICABLE",
        },
        "triggerSource": source,
        "request": {"userAttributes": dict(subject.attributes), **request},
        "response": dict(RESPONSES.get(trigger, {})),
    }


def response_of(trigger: str, payload: bytes) -> dict[str, Any]:
    """The ``response`` in what a function has answered. Raises Refusal."""
    try:
        answer = read_json(payload)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        # AWS: the text as in github.com/aws-amplify/amplify-cli issue 4341, of a function that returns nothing.
        raise Refusal("InvalidLambdaResponseException", "Invalid lambda function output : Invalid JSON")
    response = answer.get("response")
    if not isinstance(response, dict) or not _recognized(trigger, response):
        # AWS: the text as in github.com/amazon-archives/amazon-cognito-identity-js issue 633.
        # Guess (Triggers of user pools): which answers it is said of.
        raise Refusal("InvalidLambdaResponseException", "Unrecognizable lambda output")
    return response


def _recognized(trigger: str, response: Mapping[str, Any]) -> bool:
    if trigger == "PreSignUp":
        return all(isinstance(response.get(name) or False, bool) for name in RESPONSES[trigger])
    if trigger == "CustomMessage":
        return all(isinstance(response.get(name) or "", str) for name in RESPONSES[trigger])
    if trigger == "PreTokenGeneration":
        details = response.get("claimsOverrideDetails") or {}
        return (
            isinstance(details, dict)
            and isinstance(details.get("claimsToAddOrOverride") or {}, dict)
            and isinstance(details.get("claimsToSuppress") or [], list)
            and isinstance(details.get("groupOverrideDetails") or {}, dict)
        )
    return True


def function_failed(trigger: str, payload: bytes) -> Refusal:
    """The function has raised. AWS: the text as in github.com/aws-amplify/amplify-flutter pull request 1051."""
    try:
        error = read_json(payload)
    except ValueError:
        error = None
    said = error.get("errorMessage") if isinstance(error, dict) else None
    return Refusal("UserLambdaValidationException", f"{trigger} failed with error {said or ''}.")


def not_invoked(trigger: str, reason: str) -> Refusal:
    """The function could not be invoked, or took too long. AWS: re:Post, "errors related to Lambda triggers"."""
    return Refusal("UnexpectedLambdaException", f"{trigger} invocation failed due to error {reason}.")


def overridden(claims: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """An ID token's claims as PreTokenGeneration's response changes them."""
    # Guess (Triggers of user pools): the groups of the access token stay as they are.
    details = response.get("claimsOverrideDetails") or {}
    added = details.get("claimsToAddOrOverride") or {}
    groups = details.get("groupOverrideDetails") or {}
    changed = {**claims, **{name: value for name, value in added.items() if name not in _FIXED_CLAIMS}}
    for claim, name in (
        ("cognito:groups", "groupsToOverride"),
        ("cognito:roles", "iamRolesToOverride"),
        ("cognito:preferred_role", "preferredRole"),
    ):
        if groups.get(name):
            changed[claim] = groups[name]
    dropped = set(details.get("claimsToSuppress") or ()) - _FIXED_CLAIMS - set(added)
    return {name: value for name, value in changed.items() if name not in dropped}
