"""Condition operators and policy variables, as the IAM user guide has them."""

from __future__ import annotations

import pytest

from localstage.policy.context import RequestContext
from localstage.policy.decision import Grants, decide
from localstage.policy.document import Need
from tests.pure.permission_cases import ALICE, SESSION, TABLE, decided, policy

USER = {"aws:username": "alice"}


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "fits"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["x", "a"], "a", True),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("StringNotEqualsIgnoreCase", "A", "a", False),
        ("StringLike", "a*c?", "abbcd", True),
        ("StringLike", "a*", "ba", False),
        ("StringNotLike", "a*", "ab", False),
        ("NumericEquals", 3, "3", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "9.5", False),
        ("NumericGreaterThanEquals", "10", "x", False),
        ("NumericNotEquals", "10", "11", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", False),
        ("DateEquals", "2026-01-01", "1767225600", True),
        ("DateNotEquals", "2026-01-01", "1767225600", False),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "YWJj", "YWJj", True),
        ("BinaryEquals", "YWJj", "abc", False),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", True),
        ("IpAddress", "2001:db8::/32", "203.0.113.9", False),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.9", False),
        ("IpAddress", "203.0.113.0/24", "nowhere", False),
        ("ArnLike", "arn:aws:iam::*:role/w*", "arn:aws:iam::111122223333:role/writer", True),
        ("ArnEquals", "arn:aws:iam::*:role/w*", "arn:aws:iam::111122223333:role/writer", True),
        ("ArnLike", "arn:aws:*:role/writer", "arn:aws:iam::111122223333:role/writer", False),
        ("ArnNotLike", "arn:aws:iam::*:role/w*", "arn:aws:iam::111122223333:role/writer", False),
    ],
)
def test_operator_when_the_key_has_a_value(operator, wanted, value, fits):
    """Every operator compares as the guide says; several values are alternatives."""
    assert decided(policy({"Condition": {operator: {"aws:Thing": wanted}}}), keys={"AWS:thing": value}).allowed is fits


@pytest.mark.parametrize(
    ("operator", "wanted", "fits"),
    [
        ("StringEquals", "a", False),
        ("StringNotEquals", "a", True),
        ("StringEqualsIfExists", "a", True),
        ("StringNotEqualsIfExists", "a", True),
        ("NumericLessThan", "1", False),
        ("Bool", "false", False),
        ("BoolIfExists", "true", True),
        ("NotIpAddress", "203.0.113.0/24", True),
        ("Null", "true", True),
        ("Null", "false", False),
        ("Null", True, True),
        ("ForAllValues:StringEquals", "a", True),
        ("ForAnyValue:StringEquals", "a", False),
        ("ForAnyValue:StringNotEquals", "a", False),
    ],
)
def test_operator_when_the_key_is_absent(operator, wanted, fits):
    """Without the key a condition fails, unless it is negated, says IfExists or speaks of all values."""
    assert decided(policy({"Condition": {operator: {"aws:Thing": wanted}}})).allowed is fits


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAnyValue:StringEquals", ("c", "b"), True),
        ("ForAnyValue:StringEquals", ("c",), False),
        ("ForAllValues:StringNotEquals", ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("a", "d"), False),
        ("ForAnyValue:StringNotEquals", ("a", "d"), True),
        ("ForAnyValue:StringNotEquals", ("a", "b"), False),
        ("Null", ("a",), False),
    ],
)
def test_operator_when_the_key_has_several_values(operator, values, fits):
    """The set operators ask of all values, or of any."""
    wanted = "true" if operator == "Null" else ["a", "b"]
    assert (
        decided(policy({"Condition": {operator: {"aws:TagKeys": wanted}}}), keys={"aws:TagKeys": values}).allowed
        is fits
    )


def test_conditions_when_there_are_several():
    """All lines of a block must hold."""
    both = policy({"Condition": {"StringEquals": {"a:x": "1", "a:y": "2"}, "Bool": {"a:z": "true"}}})
    assert decided(both, keys={"a:x": "1", "a:y": "2", "a:z": "true"}).allowed
    for missing in ("a:x", "a:y", "a:z"):
        keys = {"a:x": "1", "a:y": "2", "a:z": "true"}
        del keys[missing]
        assert not decided(both, keys=keys).allowed


@pytest.mark.parametrize(
    ("resource", "asked", "keys", "fits"),
    [
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/alice/x", USER, True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", USER, False),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/alice/x", {}, False),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/*/x", {"aws:username": "*"}, True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/alice/x", {"aws:username": "*"}, False),
        ("arn:aws:s3:::b/${aws:username, 'all'}/*", "arn:aws:s3:::b/all/x", {}, True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", {}, True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", {}, False),
        ("arn:aws:s3:::b/${$}x${?}", "arn:aws:s3:::b/$x?", {}, True),
    ],
)
def test_variable_when_a_resource_has_one(resource, asked, keys, fits):
    """Variables are filled from the request, never as wildcards; one without a value fits nothing."""
    assert decided(policy({"Resource": resource}), "s3:GetObject", asked, keys=keys, principal=ALICE).allowed is fits


def test_variable_when_the_version_is_old():
    """In a document of 2008 a variable is plain text."""
    old = policy({"Resource": "arn:aws:s3:::b/${aws:username}"}, version="2008-10-17")
    assert not decided(old, "s3:GetObject", "arn:aws:s3:::b/alice", keys=USER).allowed
    assert decided(old, "s3:GetObject", "arn:aws:s3:::b/${aws:username}", keys=USER).allowed


def test_variable_when_a_condition_has_one():
    """Conditions are filled too."""
    own = policy({"Condition": {"StringEquals": {"dynamodb:LeadingKeys": "${aws:userid}"}}})
    assert decided(own, keys={"aws:userid": "AIDA1", "dynamodb:LeadingKeys": ("AIDA1",)}).allowed
    assert not decided(own, keys={"aws:userid": "AIDA1", "dynamodb:LeadingKeys": ("AIDA2",)}, principal=SESSION).allowed


def test_resource_tags_when_a_policy_asks():
    """Tags of the resource are looked up by name, in any case of letters, and only then."""
    own = policy({"Condition": {"StringEquals": {"aws:ResourceTag/Owner": "ann"}}})
    for tags, fits in (({"owner": "ann"}, True), ({"owner": "bob"}, False), ({}, False)):
        context = RequestContext({}).about(lambda: tags)
        assert decide(SESSION, Need("dynamodb:Scan", TABLE, {}), context, Grants((own,))).allowed is fits


def test_key_when_nobody_asks_for_it():
    """A key that takes work is not looked up unless a policy names it."""

    def look():
        raise AssertionError("nobody asked")

    assert decided(policy({}), keys={"dynamodb:LeadingKeys": look}).allowed
