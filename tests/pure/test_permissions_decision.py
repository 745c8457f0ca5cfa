"""Who wins when several policies speak: AWS's policy evaluation logic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from localstage.policy.context import Principal, RequestContext
from localstage.policy.decision import BOUNDARY, IDENTITY, RESOURCE, TRUST, Decisions, Grants, decide
from localstage.policy.decision import SESSION as SESSION_POLICY
from localstage.policy.document import MalformedPolicy, Need, read_policy, readable_policies, readable_policy
from localstage.policy.sentences import denial, masked_denial
from tests.pure.permission_cases import ACCOUNT, ALICE, SESSION, TABLE, decided, policy

ALL = policy({})
NOTHING = policy({"Action": "s3:GetObject"})
DENY = policy({"Effect": "Deny", "Action": "dynamodb:PutItem"})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/writer"


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({"Action": "dynamodb:PutItem"}, True),
        ({"Action": "DynamoDB:putitem"}, True),
        ({"Action": "dynamodb:Put*"}, True),
        ({"Action": "dynamodb:*"}, True),
        ({"Action": "*"}, True),
        ({"Action": "dynamodb:P?tItem"}, True),
        ({"Action": ["s3:GetObject", "dynamodb:PutItem"]}, True),
        ({"Action": "dynamodb:GetItem"}, False),
        ({"Action": "dynamodb:PutItems"}, False),
        ({"NotAction": "s3:*"}, True),
        ({"NotAction": "dynamodb:*"}, False),
        ({"Resource": TABLE}, True),
        ({"Resource": TABLE.replace("111122223333", "*")}, True),
        ({"Resource": "arn:aws:dynamodb:us-east-1:*:table/Mess?ges"}, True),
        ({"Resource": "arn:aws:dynamodb:*:*:table/*"}, True),
        ({"Resource": "arn:aws:dynamodb"}, True),
        ({"Resource": "arn:aws:dynamodb:*Messages"}, False),
        ({"Resource": TABLE.lower()}, False),
        ({"Resource": TABLE + "/index/*"}, False),
        ({"Resource": [TABLE + "2", TABLE]}, True),
        ({"NotResource": TABLE}, False),
        ({"NotResource": TABLE + "2"}, True),
    ],
)
def test_statement_when_it_names_actions_and_resources(statement, allowed):
    """Actions fit in any case of letters, resources field by field, and Not turns either round."""
    assert decided(policy(statement)).allowed is allowed


@pytest.mark.parametrize(
    ("grants", "explicit", "kind"),
    [
        (Grants(), False, IDENTITY),
        (Grants((NOTHING,)), False, IDENTITY),
        (Grants((ALL, DENY)), True, IDENTITY),
        (Grants((ALL,), boundary=(NOTHING,)), False, BOUNDARY),
        (Grants((ALL,), boundary=()), False, BOUNDARY),
        (Grants((ALL,), boundary=(ALL, DENY)), True, BOUNDARY),
        (Grants((NOTHING,), boundary=(ALL,)), False, IDENTITY),
        (Grants((ALL,), session=(NOTHING,)), False, SESSION_POLICY),
        (Grants((ALL,), session=()), False, SESSION_POLICY),
        (Grants((ALL,), session=(DENY, ALL)), True, SESSION_POLICY),
        (Grants((ALL,), (ALL,), (NOTHING,)), False, SESSION_POLICY),
        (Grants(session=(NOTHING,), administrator=True), False, SESSION_POLICY),
    ],
)
def test_denial_when_one_kind_of_policy_does_not_allow(grants, explicit, kind):
    """The decision names the kind of policy that denies or does not allow."""
    decision = decided(grants)
    assert (decision.allowed, decision.explicit, decision.kind) == (False, explicit, kind)


@pytest.mark.parametrize("grants", [Grants((NOTHING, ALL)), Grants((ALL,), (ALL,), (ALL,)), Grants(administrator=True)])
def test_need_when_every_kind_of_policy_allows(grants):
    """What all kinds of policy allow is allowed, and the administrator needs none."""
    assert decided(grants).allowed


@pytest.mark.parametrize(
    ("named", "grants", "allowed"),
    [
        ({"AWS": ROLE}, Grants(), True),
        ({"AWS": SESSION.arn}, Grants(), True),
        ("*", Grants(), True),
        ({"AWS": ROLE}, Grants(boundary=(NOTHING,)), False),
        ({"AWS": SESSION.arn}, Grants(boundary=(NOTHING,)), True),
        ({"AWS": ACCOUNT}, Grants(), False),
        ({"AWS": ACCOUNT}, Grants((ALL,)), True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Grants(), False),
        ({"AWS": ALICE.arn}, Grants(), False),
        ({"Service": "lambda.amazonaws.com"}, Grants(), False),
    ],
)
def test_resource_policy_when_it_names_the_caller(named, grants, allowed):
    """In one account a resource's policy allows by itself whom it names; naming the account does not."""
    attached = policy({"Principal": named, "Resource": TABLE})
    assert decided(grants, resource_policy=attached).allowed is allowed


def test_resource_policy_when_it_denies():
    """A deny of the resource's policy wins over everything."""
    decision = decided(Grants((ALL,)), resource_policy=policy({"Effect": "Deny", "Principal": "*"}))
    assert (decision.allowed, decision.explicit, decision.kind) == (False, True, RESOURCE)


@pytest.mark.parametrize(
    ("named", "grants", "kind"),
    [
        ({"AWS": ALICE.arn}, Grants(), None),
        ({"AWS": ACCOUNT}, Grants((ALL,)), None),
        ({"AWS": ACCOUNT}, Grants(), IDENTITY),
        ({"Service": "lambda.amazonaws.com"}, Grants((ALL,)), TRUST),
        ({"Service": "lambda.amazonaws.com"}, Grants(administrator=True), TRUST),
        ({"AWS": ACCOUNT}, Grants(administrator=True), None),
    ],
)
def test_role_when_it_is_assumed(named, grants, kind):
    """A role's trust policy must allow in any case, the administrator's call too."""
    trust = policy({"Principal": named, "Action": "sts:AssumeRole"})
    decision = decided(grants, "sts:AssumeRole", ROLE, principal=ALICE, trust=trust)
    assert (decision.kind or None) == kind


def test_service_when_it_calls_by_itself():
    """A service is named by its own kind of principal."""
    service = Principal("", "", ACCOUNT, "apigateway.amazonaws.com")
    attached = policy({"Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "lambda:InvokeFunction"})
    assert decided(Grants(), "lambda:InvokeFunction", "*", principal=service, resource_policy=attached).allowed


@pytest.mark.fidelity("10.5")
@pytest.mark.parametrize(
    ("grants", "reason"),
    [
        (Grants(), "because no identity-based policy allows the dynamodb:PutItem action"),
        (Grants((DENY,)), "with an explicit deny in an identity-based policy"),
        (Grants((ALL,), ()), "because no permissions boundary allows the dynamodb:PutItem action"),
        (Grants((ALL,), (DENY,)), "with an explicit deny in a permissions boundary"),
        (Grants((ALL,), None, ()), "because no session policy allows the dynamodb:PutItem action"),
        (Grants((ALL,), None, (DENY,)), "with an explicit deny in a session policy"),
    ],
)
def test_sentence_when_a_need_is_denied(grants, reason):
    """A denial reads as AWS's, word for word."""
    assert denial(SESSION, decided(grants)) == (
        f"User: {SESSION.arn} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} {reason}"
    )


@pytest.mark.parametrize(
    ("action", "resource", "middle"),
    [
        (
            "sqs:SendMessage",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:q",
            f"sqs:sendmessage on resource: arn:aws:sqs:us-east-1:{ACCOUNT}:q",
        ),
        (
            "sns:Publish",
            f"arn:aws:sns:us-east-1:{ACCOUNT}:t",
            f"SNS:Publish on resource: arn:aws:sns:us-east-1:{ACCOUNT}:t",
        ),
        ("s3:GetObject", "arn:aws:s3:::b/k", 's3:GetObject on resource: "arn:aws:s3:::b/k"'),
    ],
)
def test_sentence_when_the_service_has_its_own_form(action, resource, middle):
    """SQS writes its actions small, SNS its name large, S3 its ARNs in quotes."""
    assert f"is not authorized to perform: {middle} " in denial(SESSION, decided(Grants(), action, resource))


USER_ONLY = policy({"Condition": {"StringEquals": {"aws:PrincipalType": "User"}}})
OWN_TABLE = policy({"Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/${{aws:PrincipalType}}"})
TAGGED = policy({"Condition": {"Null": {"aws:ResourceTag/owner": "false"}}})


def test_decision_when_no_policy_asks_the_request():
    """It is kept for the next request, whose keys are then not even looked up, until other policies count."""
    asked: list[str] = []

    def context() -> RequestContext:
        return RequestContext(lambda: asked.append("keys") or {}).about(lambda: asked.append("tags") or {})

    decisions, need = Decisions(), Need("dynamodb:PutItem", TABLE, {"dynamodb:Select": "COUNT"})
    first = decisions.decide(SESSION, need, context(), Grants((ALL,)))
    assert first.allowed and decisions.decide(SESSION, need, context(), Grants((ALL,))) == first and asked == []
    for grants, others, allowed in (
        (Grants((ALL, DENY)), {}, False),
        (Grants((NOTHING,)), {}, False),
        (Grants((NOTHING,)), {"resource_policy": policy({"Principal": "*"})}, True),
        (Grants((ALL,), boundary=(NOTHING,)), {}, False),
        (Grants((ALL,), session=(NOTHING,)), {}, False),
        (Grants(administrator=True), {}, True),
        (Grants(), {}, False),
        (Grants((ALL,)), {"trust": policy({"Principal": {"AWS": "nobody"}})}, False),
        (Grants((ALL,)), {}, True),
    ):
        for _ in range(2):
            decision = decisions.decide(SESSION, need, context(), grants, **others)
            assert decision == decide(SESSION, need, context(), grants, **others) and decision.allowed is allowed


@pytest.mark.parametrize("held", [USER_ONLY, OWN_TABLE, TAGGED], ids=["condition", "variable", "tag"])
def test_decision_when_a_policy_asks_the_request(held):
    """It is made anew for each request."""
    decisions = Decisions()
    for kind, tags, allowed in (
        ("User", {"owner": "a"}, True),
        ("AssumedRole", {}, False),
        ("User", {"owner": "b"}, True),
    ):
        need = Need("dynamodb:PutItem", TABLE.replace("Messages", "User"), {})
        context = RequestContext({"aws:PrincipalType": kind}).about(lambda: tags)
        assert decisions.decide(SESSION, need, context, Grants((held,))).allowed is allowed


def test_decision_when_another_asks():
    """What is kept is one principal's, one action's and one resource's."""
    decisions, grants = Decisions(), Grants((policy({"Action": "dynamodb:PutItem", "Resource": TABLE}),))
    mine = policy({"Principal": {"AWS": ALICE.arn}, "Action": "dynamodb:Scan"})
    for _ in range(2):
        for principal, action, resource, allowed in (
            (SESSION, "dynamodb:PutItem", TABLE, True),
            (SESSION, "dynamodb:PutItem", TABLE + "2", False),
            (SESSION, "dynamodb:Scan", TABLE, False),
            (ALICE, "dynamodb:Scan", TABLE, True),
        ):
            decision = decisions.decide(principal, Need(action, resource, {}), RequestContext({}), grants, mine)
            assert decision.allowed is allowed


def test_decisions_when_they_are_many(monkeypatch):
    """So many are kept and no more."""
    monkeypatch.setattr("localstage.policy.decision._KEPT_DECISIONS", 3)
    decisions = Decisions()
    for number in [*range(7), *range(7)]:
        resource = f"{TABLE}{number}"
        held = Grants((policy({"Resource": f"{TABLE}5"}),))
        assert decisions.decide(ALICE, Need("a:B", resource, {}), RequestContext({}), held).allowed is (number == 5)
        assert len(decisions._kept) <= 3


@pytest.mark.fidelity("6.11")
def test_sentence_when_a_connection_is_managed():
    """API Gateway masks the account, names no id and gives no reason."""
    arn = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc123/prod/POST/@connections/R0oXAdfD0kwCH6w="
    assert masked_denial(SESSION, decided(Grants(), "execute-api:ManageConnections", arn)) == (
        f"User: {SESSION.arn} is not authorized to perform: execute-api:ManageConnections on resource: "
        "arn:aws:execute-api:us-east-1:********3333:abc123/prod/POST/@connections/{connectionId}"
    )


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"Statement": [{"Effect": "Maybe", "Action": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Resource": "*"}]}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Likes": {"a": "b"}}}}',
    ],
)
def test_document_when_it_is_no_policy(document):
    """A text that is no policy is refused when it is read."""
    with pytest.raises(MalformedPolicy):
        read_policy(document)


def test_policies_when_one_cannot_be_read():
    """A text that is no policy neither allows nor denies; the others beside it count."""
    good = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
    assert readable_policy("no policy") is None
    assert [found.name for found in readable_policies([("a", good), ("b", "{}"), ("c", good)])] == ["a", "c"]


def test_policies_when_two_threads_read_them():
    """More documents than are remembered can be read from the account thread and the event loop at once."""
    texts = [f'{{"Statement": {{"Effect": "Deny", "Action": "a:{n}", "Resource": "*"}}}}' for n in range(5_000)]
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda order: [readable_policy(text, text) for text in order], (texts, texts[::-1]))
    assert [policy and policy.name for policy in first] == texts
    assert [policy and policy.name for policy in second] == texts[::-1]
