"""Policies that are no caller's: a function's, which API Gateway asks, and what an authorizer answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localstage.core.authorization import MalformedAuthorizerResult, condition_keys, read_authorizer_result
from localstage.core.events import ConnectionFacts, HandshakeRequest
from localstage.policy.document import readable_policy
from localstage.services.awslambda.directory import FunctionDirectory, PublishedFunction

ACCOUNT = "111122223333"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:chat"
API = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:api"
CONNECT = f"{API}/prod/$connect"


def of_function(**changes: Any) -> dict[str, Any]:
    """A statement as AddPermission makes it, with changes; an element that is None is left out."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
        **changes,
    }
    return {name: value for name, value in statement.items() if value is not None}


def source(operator: str, pattern: Any) -> dict[str, Any]:
    return {"Condition": {operator: {"AWS:SourceArn": pattern}}}


def may_invoke(statements: list[dict[str, Any]], function_arn: str, **options: Any) -> bool:
    """Whether API Gateway may invoke a function that has these statements."""
    directory = FunctionDirectory(ACCOUNT, "us-east-1", lambda: 0.0, **options)
    policy = readable_policy({"Version": "2012-10-17", "Statement": statements})
    directory.take({FUNCTION: PublishedFunction({}, policy)})
    return directory.may_invoke(function_arn, CONNECT)


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([of_function()], True),
        ([of_function(**source("ArnLike", f"{API}/*/$connect"))], True),
        ([of_function(**source("ArnLike", f"{API}/*"))], True),
        ([of_function(**source("ArnEquals", f"{API}/*"))], True),
        ([of_function(**source("StringLike", f"{API}/*"))], True),
        ([of_function(**source("StringEquals", CONNECT))], True),
        ([of_function(**source("StringEquals", f"{API}/*"))], False),
        ([of_function(**source("ArnLike", f"{API}/*/*/$connect"))], False),
        ([of_function(**source("ArnLike", f"{API}2/*/$connect"))], False),
        ([of_function(**source("ArnNotLike", f"{API}/*"))], False),
        ([of_function(**source("ArnNotLike", f"{API}2/*"))], True),
        ([of_function(**source("ArnNotEquals", CONNECT))], False),
        ([of_function(**source("StringNotLike", f"{API}/*"))], False),
        ([of_function(**source("ArnLikeIfExists", f"{API}/*"))], True),
        ([of_function(Condition={"StringEquals": {"AWS:SourceAccount": ACCOUNT}})], True),
        ([of_function(Condition={"StringEquals": {"AWS:SourceAccount": "999999999999"}})], False),
        ([of_function(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], False),
        ([of_function(Condition={"Null": {"aws:PrincipalOrgID": "true"}})], True),
        ([of_function(Action=None, NotAction="lambda:InvokeFunction")], False),
        ([of_function(Action=None, NotAction="lambda:GetFunction")], True),
        ([of_function(Resource=None, NotResource=FUNCTION)], False),
        ([of_function(Resource=FUNCTION + ":live")], False),
        ([of_function(Principal={"Service": "sns.amazonaws.com"})], False),
        ([of_function(Principal="*")], True),
        ([of_function(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})], False),
        ([of_function(), of_function(Effect="Deny")], False),
        ([of_function(), of_function(Effect="Deny", **source("ArnNotLike", f"{API}/*"))], True),
        ([of_function(), of_function(Effect="Deny", Action=None, NotAction="lambda:InvokeFunction")], True),
        ([], False),
    ],
)
def test_function_when_api_gateway_would_invoke_it(statements: list[dict[str, Any]], allowed: bool):
    """Every element of a function's policy counts; the SourceArn has two segments behind the API (FIDELITY 10)."""
    assert may_invoke(statements, FUNCTION) is allowed
    assert may_invoke(statements, FUNCTION, policies_count=False)


def test_alias_when_api_gateway_would_invoke_it():
    """A permission for the function is none for its alias, and one for the alias is none for the function."""
    of_alias = [of_function(Resource=FUNCTION + ":live")]
    assert may_invoke(of_alias, FUNCTION + ":live") and not may_invoke(of_alias, FUNCTION)
    assert not may_invoke([of_function()], FUNCTION + ":live")


FACTS = ConnectionFacts("C=", 0, "api", "prod", "host", source_ip="203.0.113.7", user_agent="probe/1")
HANDSHAKE = HandshakeRequest((("Host", "host"), ("Referer", "https://chat.example/")))
MOMENT_MS = 1_763_700_000_000  # 2025-11-21T04:40:00Z


def answer(*statements: dict[str, Any], **changes: Any) -> bytes:
    """An authorizer's answer; a statement allows $connect where it does not say otherwise."""
    filled = []
    for statement in statements:
        body = {"Effect": "Allow", **statement}
        if "NotAction" not in body:
            body.setdefault("Action", "execute-api:Invoke")
        if "NotResource" not in body:
            body.setdefault("Resource", CONNECT)
        filled.append({name: value for name, value in body.items() if value is not None})
    document = {"Version": "2012-10-17", "Statement": filled}
    return json.dumps({"principalId": "ann", "policyDocument": document, **changes}).encode()


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([{}], True),
        ([{"Action": "*"}], True),
        ([{"Action": "execute-api:*"}], True),
        ([{"Action": "Execute-API:invoke"}], True),
        ([{"Action": "execute-api:ManageConnections"}], False),
        ([{"Resource": "*"}], True),
        ([{"Resource": f"{API}/prod/*"}], True),
        ([{"Resource": "arn:aws:execute-api:*:*:*"}], True),
        ([{"Resource": f"{API}/prod/*/*"}], False),
        ([{"Resource": [f"{API}/test/$connect", CONNECT]}], True),
        ([{"NotAction": "execute-api:Invoke"}], False),
        ([{"NotAction": "execute-api:InvalidateCache"}], True),
        ([{"NotResource": CONNECT}], False),
        ([{"NotResource": f"{API}/test/*"}], True),
        ([{"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}], True),
        ([{"Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}], False),
        ([{"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}], False),
        ([{"Condition": {"StringLike": {"aws:UserAgent": "probe/*"}}}], True),
        ([{"Condition": {"StringEquals": {"aws:Referer": "https://other.example/"}}}], False),
        ([{"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], True),
        ([{"Condition": {"DateLessThan": {"aws:CurrentTime": "2025-11-21T04:40:01Z"}}}], True),
        ([{"Condition": {"DateLessThan": {"aws:CurrentTime": "2025-11-21T04:40:00Z"}}}], False),
        ([{"Condition": {"StringEquals": {"aws:PrincipalArn": "anybody"}}}], False),
        ([{}, {"Effect": "Deny"}], False),
        ([{}, {"Effect": "Deny", "Resource": f"{API}/test/*"}], True),
        ([{}, {"Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}], True),
        ([{}, {"Effect": "Deny", "NotResource": f"{API}/prod/*"}], True),
        ([], False),
    ],
)
def test_authorizer_when_its_policy_has_this(statements: list[dict[str, Any]], allowed: bool):
    """An authorizer's policy is an IAM policy: Not elements and conditions count, and a Deny wins (FIDELITY 3)."""
    result = read_authorizer_result(answer(*statements))
    assert (result.denial(CONNECT, condition_keys(FACTS, HANDSHAKE, MOMENT_MS)) is None) is allowed


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b'{"principalId": "ann"}',
        b'{"principalId": "ann", "policyDocument": []}',
        b'{"principalId": "ann", "policyDocument": {}}',
        answer({}, policyDocument='{"Version": "2012-10-17", "Statement": []}'),
        answer({}, principalId=None),
        answer({}, context=["x"]),
        answer({}, context={"roles": ["a"]}),
        answer({"Effect": "allow"}),
        answer({"Action": None}),
        answer({"Resource": None}),
        answer({"Condition": {"StringRoughly": {"aws:SourceIp": "x"}}}),
        answer({"Condition": {"Null": {"aws:SourceIp": []}}}),
        answer({}, context={"much": "x" * 8192}),
    ],
)
def test_authorizer_when_its_answer_is_malformed(payload: bytes):
    """An answer that is no policy with a principal is malformed, which API Gateway answers with 500 (FIDELITY 3)."""
    with pytest.raises(MalformedAuthorizerResult):
        read_authorizer_result(payload)


def test_authorizer_when_it_tells_something():
    """Strings, numbers and booleans of its context reach events as strings."""
    result = read_authorizer_result(answer({}, context={"name": "Ann", "age": 7, "new": True}))
    assert (result.principal_id, result.context) == ("ann", {"name": "Ann", "age": "7", "new": "true"})
