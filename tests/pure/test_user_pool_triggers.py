"""What a user pool's trigger does with a function that is slow or cannot run, and what an ID token becomes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import botocore.session
import pytest

from localstage.door.refusal import Refusal
from localstage.functions.invocation import InvocationResult, Measurements, TooManyRequests
from localstage.services import refused
from localstage.services.cognitoidp.events import BUILT, Subject, overridden, response_of
from localstage.services.cognitoidp.triggers import UserPoolTriggers

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:door"
ANNA = Subject("p", "arn:p", "us-east-1", "app", "anna", {}, (), {"PreSignUp": FUNCTION})


class Functions:
    """A function, its directory, and what it does at each of its invocations."""

    def __init__(self, *does: Any):
        self.does = list(does)
        self.waited: list[float] = []

    def function(self, arn: str) -> str:
        return arn

    def may_invoke(self, arn: str, source: str, service: str) -> bool:
        assert (arn, source, service) == (FUNCTION, "arn:p", "cognito-idp.amazonaws.com")
        return True

    async def invoke(self, definition: str, payload: bytes, within_s: float) -> InvocationResult:
        self.waited.append(within_s)
        done = self.does.pop(0)
        if isinstance(done, Exception):
            raise done
        return InvocationResult("r", json.dumps(done).encode(), None, "", Measurements(1.0))


def invoked(functions: Functions) -> dict[str, Any]:
    triggers = UserPoolTriggers("123456789012", functions, None, None)  # type: ignore[arg-type]
    triggers.functions = functions  # type: ignore[assignment]
    return asyncio.run(triggers._invoked("PreSignUp", "PreSignUp_SignUp", ANNA, {}))


@pytest.mark.fidelity("9.16")
def test_function_when_it_is_slow_at_first():
    """A function that has not answered within five seconds is invoked again, and its answer counts then."""
    functions = Functions(TimeoutError(), TimeoutError(), {"response": {"autoConfirmUser": True}})
    assert invoked(functions) == {"autoConfirmUser": True}
    assert functions.waited == [5.0, 5.0, 5.0]


@pytest.mark.fidelity("9.16")
@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ([TimeoutError()] * 3, "Socket timeout while invoking Lambda function"),
        ([TooManyRequests()], "TooManyRequestsException"),
    ],
)
def test_function_when_it_does_not_answer(does: list[Exception], reason: str):
    """After three times five seconds, or if Lambda does not start the function, the caller is told."""
    with pytest.raises(Refusal) as told:
        invoked(Functions(*does))
    assert told.value.code == "UnexpectedLambdaException"
    assert str(told.value) == f"PreSignUp invocation failed due to error {reason}."


@pytest.mark.fidelity("9.16")
@pytest.mark.parametrize(
    ("trigger", "answer"),
    [
        ("PreSignUp", {"response": {"autoConfirmUser": "yes"}}),
        ("PreSignUp", {"response": None}),
        ("PreTokenGeneration", {"response": {"claimsOverrideDetails": ["room"]}}),
        ("PreTokenGeneration", {"response": {"claimsOverrideDetails": {"claimsToSuppress": "email"}}}),
    ],
)
def test_answer_when_it_is_not_of_the_trigger(trigger: str, answer: dict[str, Any]):
    """A response of another shape than the trigger's is told apart from a failure."""
    with pytest.raises(Refusal, match="Unrecognizable lambda output"):
        response_of(trigger, json.dumps(answer).encode())


def test_claims_when_a_function_changes_none():
    """The event as it came changes nothing; a claim that is both added and suppressed is added."""
    claims = {"sub": "s", "email": "e"}
    assert overridden(claims, {"claimsOverrideDetails": None}) == claims
    both = {"claimsToAddOrOverride": {"email": "f"}, "claimsToSuppress": ["email", "sub"]}
    assert overridden(claims, {"claimsOverrideDetails": both}) == {"sub": "s", "email": "f"}


def test_triggers_when_a_pool_can_have_them():
    """Each trigger that Cognito knows is there, or is refused by its name."""
    model = botocore.session.get_session().get_service_model("cognito-idp")
    members = model.shape_for("LambdaConfigType").members
    for trigger in set(members) - {*BUILT, "PreTokenGenerationConfig", "KMSKeyID"}:
        found = refused.refusal("cognito-idp:CreateUserPool", {"PoolName": "p", "LambdaConfig": {trigger: FUNCTION}})
        assert found is not None and f"from user pools as {trigger}; the pool p" in str(found)
    for version, is_refused in (("V1_0", False), ("V2_0", True)):
        config = {"PreTokenGenerationConfig": {"LambdaArn": FUNCTION, "LambdaVersion": version}}
        found = refused.refusal("cognito-idp:UpdateUserPool", {"UserPoolId": "id", "LambdaConfig": config})
        assert (found is not None) is is_refused
