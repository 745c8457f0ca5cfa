"""Policies, wildcards and signatures that nobody would write: decided in bounded time, never with another error."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from localstage.core.authorization import MalformedAuthorizerResult, read_authorizer_result
from localstage.door.signatures.refusals import SignatureRefused
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey, Verifier
from localstage.policy.document import MalformedPolicy, Need, read_policy
from localstage.policy.patterns import ActionNames, ArnText, Text
from tests.fuzzing import invented, json_values, texts

letters = st.text("ab*?", max_size=12)


def fits(pattern: str, value: str) -> bool:
    """What IAM's wildcards mean, as simply as it can be said."""

    @cache
    def from_here(at: int, within: int) -> bool:
        if at == len(pattern):
            return within == len(value)
        if pattern[at] == "*":
            return from_here(at + 1, within) or (within < len(value) and from_here(at, within + 1))
        return within < len(value) and pattern[at] in ("?", value[within]) and from_here(at + 1, within + 1)

    return from_here(0, 0)


@invented
@given(letters, st.text("ab", max_size=12))
@example("*a" * 500 + "*b", "a" * 5_000)
@example("*?" * 500 + "b", "a" * 900)
def test_wildcards_when_they_are_invented(pattern: str, value: str):
    """Asterisks and question marks mean what they mean, however many there are."""
    expected = fits(pattern, value) if len(value) < 100 else False
    assert Text(pattern, False).matches(value, lambda key: None) is expected
    assert ActionNames([pattern]).include(value) is expected
    arn = f"arn:aws:s3:::{value}"
    assert ArnText(f"arn:aws:s3:::{pattern}", False).matches(arn, lambda key: None) is expected


members = st.sampled_from(
    ["Statement", "Effect", "Action", "NotAction", "Resource", "Principal", "Condition", "Version", "StringLike", "AWS"]
)
policies = st.recursive(
    json_values | st.sampled_from(["Allow", "*", "s3:*", "arn:aws:s3:::*", "${aws:username}", "2012-10-17"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=5),
)


@invented
@given(policies)
def test_policy_when_it_is_invented(document: Any):
    """A document is a policy that can be asked, or malformed."""
    try:
        policy = read_policy(document)
    except MalformedPolicy as error:
        assert str(error)
        return
    need = Need("s3:GetObject", "arn:aws:s3:::bucket/key", {})
    assert all(statement.speaks_of is not None for statement in policy.statements) and need


@invented
@given(
    st.binary() | policies.map(lambda document: json.dumps({"principalId": "a", "policyDocument": document}).encode())
)
@example(b'{"principalId": "a", "policyDocument": ' + b"[" * 8_000)
def test_authorizer_result_when_it_is_invented(payload: bytes):
    """What an authorizer returns is a result, or malformed."""
    try:
        assert isinstance(read_authorizer_result(payload).principal_id, str)
    except MalformedAuthorizerResult as error:
        assert str(error)


claims = st.sampled_from(
    [
        "AWS4-HMAC-SHA256 ",
        "Credential=AKIA/20261121/us-east-1/s3/aws4_request",
        ", SignedHeaders=host;x-amz-date",
        ", Signature=" + "0" * 64,
        "Credential=/////",
        "=",
        ",",
        "AWS AKIA:x",
    ]
)
headers = st.dictionaries(
    st.sampled_from(["Authorization", "X-Amz-Date", "Date", "Host", "X-Amz-Content-Sha256", "X-Amz-Security-Token"]),
    st.lists(claims | texts, max_size=4).map("".join) | st.just("20261121T000000Z"),
)


@invented
@given(
    headers, st.lists(claims | texts | st.sampled_from(["?", "&", "%", "X-Amz-Signature="]), max_size=6).map("".join)
)
def test_signature_when_it_is_invented(sent: dict[str, str], path: str):
    """Nobody gets in by a signature that was made up, whatever is wrong with it."""
    key = KnownKey("AKIA", "secret", "arn:aws:iam::123456789012:user/ann", "123456789012")
    verifier = Verifier(lambda access_key_id: key if access_key_id == "AKIA" else None, lambda: 1_795_219_200_000)
    request = SignableRequest.of("GET", "/" + path, sent.items())
    try:
        verifier.verify(request)
    except SignatureRefused as refused:
        assert str(refused)
    else:
        raise AssertionError("a made-up signature was taken")
