"""A Lambda authorizer that takes too long, and what a client is told of a refusal."""

import asyncio
import json

import pytest

from localstage.core.events import HandshakeRequest
from localstage.core.refusals import HandshakeRefused
from localstage.core.snapshot import ApiSnapshot, Authorizer, Route, ServedStage
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationResult, Measurements
from localstage.gateway.connections import ConnectRequest
from localstage.gateway.executions import GatewayAccount
from localstage.gateway.gateway import Gateway
from localstage.gateway.integrations import Integrations
from localstage.settings import Settings
from tests.moved_clock import MovedClock
from tests.pure.test_gateway_life import Stages, Unread

ARN = "arn:aws:lambda:us-east-1:123456789012:function:who"
FUNCTION = FunctionDefinition(
    "who", ARN, "us-east-1", "123456789012", "arn:aws:iam::123456789012:role/r", "h.h", "python3.13", "", b""
)
CONNECT = Route("$connect", authorization_type="CUSTOM", authorizer=Authorizer("a1", authorizer_uri=ARN))
STAGE = ServedStage("api", "prod", "us-east-1", "123456789012", ApiSnapshot("api", "d", "x", {"$connect": CONNECT}))


class OneFunction:
    def function(self, arn):
        return FUNCTION

    def may_invoke(self, function_arn, source_arn):
        return source_arn == "arn:aws:execute-api:us-east-1:123456789012:api/authorizers/a1"


class Never:
    """A function that does not end."""

    async def invoke(self, definition, payload, within_s):
        await asyncio.wait_for(asyncio.get_running_loop().create_future(), within_s)


class Answers:
    """A function that returns a policy."""

    def __init__(self, effect: str, resource: str):
        self._statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}

    async def invoke(self, definition, payload, within_s):
        policy = {"Version": "2012-10-17", "Statement": [self._statement]}
        payload = json.dumps({"principalId": "ann", "policyDocument": policy}).encode()
        return InvocationResult("r", payload, None, "", Measurements(1.0))


def refusal(invoker, settings: Settings) -> tuple[int, str, str]:
    """Status and message of a handshake that is refused, and its connection's id as the body has it."""

    async def run():
        account = GatewayAccount(Stages(), Integrations(OneFunction(), invoker), Unread())
        gateway = Gateway(settings, MovedClock(), account)
        connection = gateway.new_connection(STAGE, "203.0.113.7", None, {})
        with pytest.raises(HandshakeRefused) as caught:
            await gateway.executions.connect(ConnectRequest(STAGE, connection, HandshakeRequest(())))
        body = json.loads(caught.value.body())
        assert body["connectionId"] == connection.connection_id and body["requestId"]
        return caught.value.status, body["message"]

    return asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.fidelity("3.19")
def test_authorizer_when_it_does_not_end():
    """After the time that an authorizer has, 30 seconds unless set otherwise, the handshake is refused with 500."""
    assert Settings().authorizer_timeout_s == 30
    assert refusal(Never(), Settings(authorizer_timeout_s=0.01)) == (500, "")


@pytest.mark.fidelity("3.20")
@pytest.mark.parametrize(
    ("effect", "resource", "why"),
    [
        ("Deny", "*", "with an explicit deny in an identity-based policy"),
        ("Allow", f"{STAGE.arn}/*/*", "because no identity-based policy allows the execute-api:Invoke action"),
    ],
)
def test_authorizer_when_its_policy_does_not_allow(effect: str, resource: str, why: str):
    """An explicit deny and a policy for other routes have two sentences."""
    expected = f"User is not authorized to access this resource {why}"
    assert refusal(Answers(effect, resource), Settings()) == (403, expected)
