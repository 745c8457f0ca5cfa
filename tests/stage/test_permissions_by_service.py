"""Each service's denial in its own protocol, and each service's answer to who may call it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.roles import allow, client_with, document
from tests.stage.target import REGION, StageTarget, Target
from tests.stage.waiting import eventually

NONE = "none-such"
URL = "https://sqs.us-east-1.amazonaws.com/{account}/none-such"
# Service, operation, arguments; the code and status of its denial; action and resource in the sentence.
CALLS: list[tuple[str, str, dict[str, Any], str, int, str]] = [
    (
        "dynamodb",
        "list_tables",
        {},
        "AccessDeniedException",
        400,
        "dynamodb:ListTables on resource: arn:aws:dynamodb:us-east-1:{account}:table/*",
    ),
    (
        "dynamodb",
        "describe_table",
        {"TableName": NONE},
        "AccessDeniedException",
        400,
        "dynamodb:DescribeTable on resource: arn:aws:dynamodb:us-east-1:{account}:table/none-such",
    ),
    (
        "dynamodb",
        "execute_statement",
        {"Statement": 'SELECT * FROM "none-such"'},
        "AccessDeniedException",
        400,
        "dynamodb:PartiQLSelect on resource: arn:aws:dynamodb:us-east-1:{account}:table/none-such",
    ),
    ("lambda", "list_functions", {}, "AccessDeniedException", 403, "lambda:ListFunctions on resource: *"),
    (
        "lambda",
        "get_function",
        {"FunctionName": NONE},
        "AccessDeniedException",
        403,
        "lambda:GetFunction on resource: arn:aws:lambda:us-east-1:{account}:function:none-such",
    ),
    (
        "lambda",
        "invoke",
        {"FunctionName": NONE},
        "AccessDeniedException",
        403,
        "lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:{account}:function:none-such",
    ),
    (
        "logs",
        "describe_log_groups",
        {},
        "AccessDeniedException",
        400,
        "logs:DescribeLogGroups on resource: arn:aws:logs:us-east-1:{account}:log-group::log-stream:",
    ),
    (
        "logs",
        "filter_log_events",
        {"logGroupName": NONE},
        "AccessDeniedException",
        400,
        "logs:FilterLogEvents on resource: arn:aws:logs:us-east-1:{account}:log-group:none-such:log-stream:",
    ),
    (
        "sqs",
        "receive_message",
        {"QueueUrl": URL},
        "AccessDenied",
        400,
        "sqs:receivemessage on resource: arn:aws:sqs:us-east-1:{account}:none-such",
    ),
    (
        "sns",
        "publish",
        {"TopicArn": "arn:aws:sns:us-east-1:{account}:none-such", "Message": "m"},
        "AuthorizationError",
        403,
        "SNS:Publish on resource: arn:aws:sns:us-east-1:{account}:none-such",
    ),
    (
        "s3",
        "list_objects_v2",
        {"Bucket": NONE},
        "AccessDenied",
        403,
        's3:ListBucket on resource: "arn:aws:s3:::none-such"',
    ),
    (
        "s3",
        "get_object",
        {"Bucket": NONE, "Key": "a b"},
        "AccessDenied",
        403,
        's3:GetObject on resource: "arn:aws:s3:::none-such/a b"',
    ),
    ("iam", "list_users", {}, "AccessDenied", 403, "iam:ListUsers on resource: arn:aws:iam::{account}:user/"),
    (
        "iam",
        "get_role",
        {"RoleName": NONE},
        "AccessDenied",
        403,
        "iam:GetRole on resource: arn:aws:iam::{account}:role/none-such",
    ),
    (
        "cloudformation",
        "describe_stacks",
        {"StackName": NONE},
        "AccessDenied",
        403,
        "cloudformation:DescribeStacks on resource: arn:aws:cloudformation:us-east-1:{account}:stack/none-such/*",
    ),
    ("cloudformation", "list_stacks", {}, "AccessDenied", 403, "cloudformation:ListStacks on resource: *"),
    (
        "apigatewayv2",
        "get_apis",
        {},
        "AccessDeniedException",
        403,
        "apigateway:GET on resource: arn:aws:apigateway:us-east-1::/apis",
    ),
    (
        "apigatewayv2",
        "delete_api",
        {"ApiId": "nonesuch"},
        "AccessDeniedException",
        403,
        "apigateway:DELETE on resource: arn:aws:apigateway:us-east-1::/apis/nonesuch",
    ),
    ("cloudwatch", "list_metrics", {}, "AccessDenied", 400, "cloudwatch:ListMetrics on resource: *"),
    (
        "ssm",
        "get_parameter",
        {"Name": "/none/such"},
        "AccessDeniedException",
        400,
        "ssm:GetParameter on resource: arn:aws:ssm:us-east-1:{account}:parameter/none/such",
    ),
    (
        "secretsmanager",
        "get_secret_value",
        {"SecretId": NONE},
        "AccessDeniedException",
        400,
        "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:{account}:secret:none-such",
    ),
]
NAMES = [f"{service}.{operation}" for service, operation, *_ in CALLS]


@pytest.fixture(scope="module")
def account(target) -> str:
    return target.client("sts").get_caller_identity()["Account"]


def make_user(target: Target, *statements: Any) -> tuple[str, list[str]]:
    iam, name = target.client("iam"), f"test-{uuid.uuid4().hex[:10]}"
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, [key["AccessKeyId"], key["SecretAccessKey"]]


@pytest.fixture(scope="module")
def nobody(target) -> tuple[str, list[str]]:
    """A user without policies, and its key."""
    return make_user(target)


@pytest.fixture(scope="module")
def everybody(target) -> list[str]:
    """The key of a user who may do everything."""
    return make_user(target, allow("*"))[1]


def filled(value: Any, account: str) -> Any:
    if isinstance(value, dict):
        return {key: filled(part, account) for key, part in value.items()}
    return value.replace("{account}", account) if isinstance(value, str) else value


@pytest.mark.fidelity("10.5")
@pytest.mark.parametrize(("service", "operation", "arguments", "code", "status", "middle"), CALLS, ids=NAMES)
def test_call_when_nothing_is_allowed(target, nobody, account, service, operation, arguments, code, status, middle):
    """The code, the status and the sentence are those of the service, whether the resource exists or not."""
    name, credentials = nobody
    client = client_with(target, credentials, service)

    def error() -> dict[str, Any]:
        with pytest.raises(ClientError) as refused:
            getattr(client, operation)(**filled(arguments, account))
        return refused.value.response

    response = eventually(error, lambda seen: "not authorized" in seen["Error"]["Message"], "the new key")
    middle = filled(middle, account)
    action = middle.partition(" ")[0]
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert response["Error"]["Message"] == (
        f"User: arn:aws:iam::{account}:user/{name} is not authorized to perform: {middle} because no identity-based "
        f"policy allows the {action} action"
    )


@pytest.mark.parametrize(("service", "operation", "arguments"), [call[:3] for call in CALLS], ids=NAMES)
def test_call_when_everything_is_allowed(target, everybody, account, service, operation, arguments):
    """Who may do everything is answered as whoever runs the tests."""
    own = outcome(target.client(service), operation, filled(arguments, account))
    eventually(
        lambda: outcome(client_with(target, everybody, service), operation, filled(arguments, account)),
        lambda seen: seen == own,
        f"{own}",
    )


def outcome(client: Any, operation: str, arguments: dict[str, Any]) -> str:
    try:
        getattr(client, operation)(**arguments)
        return "ok"
    except ClientError as error:
        return error.response["Error"]["Code"]


def test_head_when_nothing_is_allowed(target, nobody):
    """A HEAD has no body: 403 is all that a client learns."""
    with pytest.raises(ClientError) as refused:
        client_with(target, nobody[1], "s3").head_bucket(Bucket=NONE)
    assert refused.value.response["Error"]["Code"] == "403"


def test_caller_identity_when_nothing_is_allowed(target, nobody, account):
    """Everybody may ask who he is."""
    name, credentials = nobody
    identity = client_with(target, credentials, "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/{name}"


def test_role_when_it_does_not_trust(target, nobody, everybody, account):
    """A role that trusts somebody else, or that does not exist, is refused to everybody alike."""
    iam, name = target.client("iam"), f"test-{uuid.uuid4().hex[:10]}"
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ),
    )["Role"]["Arn"]
    for arn in (role, f"arn:aws:iam::{account}:role/{NONE}"):
        for credentials in (nobody[1], everybody):
            with pytest.raises(ClientError) as refused:
                client_with(target, credentials, "sts").assume_role(RoleArn=arn, RoleSessionName="bob")
            assert refused.value.response["Error"]["Code"] == "AccessDenied"
            assert f"is not authorized to perform: sts:AssumeRole on resource: {arn}" in str(refused.value)
    with pytest.raises(ClientError, match="because no role trust policy allows the sts:AssumeRole action"):
        client_with(target, everybody, "sts").assume_role(RoleArn=role, RoleSessionName="bob")
    iam.delete_role(RoleName=name)


def test_session_when_it_is_limited(target, account):
    """A session policy limits what the role allows; it cannot allow more."""
    iam, name = target.client("iam"), f"test-{uuid.uuid4().hex[:10]}"
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        ),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name, PolicyName="own", PolicyDocument=document(allow(["sqs:ListQueues", "sns:ListTopics"]))
    )

    def session() -> Sequence[str]:
        try:
            made = target.client("sts").assume_role(
                RoleArn=role, RoleSessionName="bob", Policy=document(allow(["sns:*", "lambda:*"]))
            )["Credentials"]
            return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
        except ClientError:
            return ()

    credentials = eventually(session, bool, "the new role")
    eventually(
        lambda: outcome(client_with(target, credentials, "sns"), "list_topics", {}),
        lambda seen: seen == "ok",
        "the role's policy",
    )
    with pytest.raises(ClientError, match="because no session policy allows the sqs:listqueues action"):
        client_with(target, credentials, "sqs").list_queues()
    with pytest.raises(ClientError, match="because no identity-based policy allows the lambda:ListFunctions action"):
        client_with(target, credentials, "lambda").list_functions()


def test_tag_when_it_is_somebody_elses(target, account):
    """aws:ResourceTag keeps one learner from another's API, and from what belongs to it; aws:RequestTag from making such."""
    gateway = target.client("apigatewayv2")
    settings = {"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
    own, other = (
        gateway.create_api(Name=f"test-{owner}", Tags={"owner": owner}, **settings)["ApiId"] for owner in ("ann", "bob")
    )
    learner = client_with(
        target,
        make_user(
            target,
            allow(
                ["apigateway:GET", "apigateway:PATCH", "apigateway:POST"],
                Condition={"StringEquals": {"aws:ResourceTag/owner": "ann"}},
            ),
            allow("apigateway:*", f"arn:aws:apigateway:{REGION}::*/tags/*"),
            allow(
                "apigateway:POST",
                f"arn:aws:apigateway:{REGION}::/apis",
                Condition={"StringEquals": {"aws:RequestTag/owner": "ann"}},
            ),
        )[1],
        "apigatewayv2",
    )
    eventually(lambda: outcome(learner, "get_api", {"ApiId": own}), lambda seen: seen == "ok", "the policy")
    route = {"RouteKey": "$default"}
    assert outcome(learner, "create_route", {"ApiId": own, **route}) == "ok"
    for operation, arguments in (("get_api", {}), ("update_api", {"Name": "mine"}), ("create_route", route)):
        assert outcome(learner, operation, {"ApiId": other, **arguments}) == "AccessDeniedException"
    assert (
        outcome(learner, "create_api", {"Name": "a", "Tags": {"owner": "bob"}, **settings}) == "AccessDeniedException"
    )
    assert outcome(learner, "create_api", {"Name": "a", **settings}) == "AccessDeniedException"
    made = learner.create_api(Name="a", Tags={"owner": "ann"}, **settings)["ApiId"]
    for api_id in (own, other, made):
        gateway.delete_api(ApiId=api_id)


def test_variable_when_a_user_has_a_name(target, account):
    """A policy with aws:username gives each user what carries the user's name."""
    name, credentials = make_user(
        target, allow("dynamodb:DescribeTable", f"arn:aws:dynamodb:{REGION}:{account}:table/${{aws:username}}-*")
    )
    client = client_with(target, credentials, "dynamodb")
    eventually(
        lambda: outcome(client, "describe_table", {"TableName": f"{name}-x"}),
        lambda code: code == "ResourceNotFoundException",
        "the policy",
    )
    assert outcome(client, "describe_table", {"TableName": "other-x"}) == "AccessDeniedException"


def deny_on_a_queue(client, name: str, statement: dict[str, Any]) -> Callable[[], Any]:
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(statement)})
    return lambda: client("sqs").send_message(QueueUrl=url, MessageBody="m")


def deny_on_a_topic(client, name: str, statement: dict[str, Any]) -> Callable[[], Any]:
    arn = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(statement))
    return lambda: client("sns").publish(TopicArn=arn, Message="m")


def deny_on_a_bucket(client, name: str, statement: dict[str, Any]) -> Callable[[], Any]:
    client("s3").create_bucket(Bucket=name)
    client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(statement))
    return lambda: client("s3").put_object(Bucket=name, Key="k", Body=b"b")


@pytest.mark.parametrize(
    ("deny", "action", "resource"),
    [
        (deny_on_a_queue, "sqs:SendMessage", "arn:aws:sqs:*:*:{name}"),
        (deny_on_a_topic, "sns:Publish", "arn:aws:sns:*:*:{name}"),
        (deny_on_a_bucket, "s3:PutObject", "arn:aws:s3:::{name}/*"),
    ],
    ids=["queue", "topic", "bucket"],
)
@pytest.mark.parametrize("effect_on_others", [False, True])
def test_administrator_when_a_resource_denies(stage, deny, action: str, resource: str, effect_on_others: bool):
    """An explicit Deny in a resource's policy holds for the account's administrators, too, unless others are meant."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    client = StageTarget(stage).client
    me = client("sts").get_caller_identity()["Arn"]
    operator = "ArnNotEquals" if effect_on_others else "ArnEquals"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource.format(name=name),
        "Condition": {operator: {"aws:PrincipalArn": me}},
    }
    call = deny(client, name, {"Version": "2012-10-17", "Statement": [statement]})
    if effect_on_others:
        call()
        return
    with pytest.raises(ClientError) as denied:
        call()
    message = denied.value.response["Error"]["Message"]
    assert message.startswith(f"User: {me} is not authorized to perform: ")
    assert message.endswith(" with an explicit deny in a resource-based policy")
