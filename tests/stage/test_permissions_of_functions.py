"""A function may do what its role's policies allow, and nothing else."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from tests.stage.roles import BASIC, allow, answer_of, client_with, create_role, deny, function_of, set_statements
from tests.stage.stacks import refusal
from tests.stage.target import REGION, add_route, allow_api_gateway, create_function, package, table_of_ids
from tests.stage.waiting import eventually, messages_in

CALLS = """
import json, os
import boto3

def handler(event, context):
    results = {}
    for name, (service, operation, arguments) in event["calls"].items():
        options = {"endpoint_url": event["endpoint"]} if service == "apigatewaymanagementapi" else {}
        try:
            getattr(boto3.client(service, **options), operation)(**arguments)
            results[name] = "ok"
        except Exception as error:
            results[name] = str(error)
    return results
"""
ECHO = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['requestContext']['connectionId']}\n"
STATUS = "def handler(event, context):\n    return {'statusCode': 200}\n"


@pytest.fixture(scope="module")
def table(target):
    with table_of_ids(target) as name:
        yield name


@pytest.fixture(scope="module")
def socket(target):
    """A WebSocket to an API that answers with the connection's id; also the API's id and that id."""
    gateway = target.client("apigatewayv2")
    api_id = gateway.create_api(
        Name=f"test-{uuid.uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    echo = create_function(target, ECHO)
    allow_api_gateway(target, echo, api_id)
    add_route(target, api_id, "$default", echo, two_way=True)
    gateway.create_stage(
        ApiId=api_id, StageName="prod", DeploymentId=gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    )
    connection = target.connect(f"wss://{api_id}.execute-api.{REGION}.amazonaws.com/prod")
    connection.send("who am I?")
    yield api_id, connection.recv()
    connection.close()


@pytest.fixture(scope="module")
def queue_url(target):
    sqs = target.client("sqs")
    url = sqs.create_queue(QueueName=f"test-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def account(target) -> str:
    return target.client("sts").get_caller_identity()["Account"]


@pytest.fixture(scope="module")
def caller(target, table, socket, queue_url, account):
    """A function that makes ten calls, its role, the calls, and the statement that each of them needs."""
    api_id, connection_id = socket
    other = create_function(target, STATUS)
    role = create_role(target)
    arn = function_of(target, role, CALLS, Timeout=60, MemorySize=512)
    key, id_of = {"TableName": table, "Key": {"id": {"S": "1"}}}, {"ConnectionId": connection_id}
    connections = f"arn:aws:execute-api:{REGION}:{account}:{api_id}/prod/%s/@connections/*"
    table_arn = f"arn:aws:dynamodb:{REGION}:{account}:table/{table}"
    made = {
        "put": (
            "dynamodb",
            "put_item",
            {"TableName": table, "Item": {"id": {"S": "1"}}},
            "dynamodb:PutItem",
            table_arn,
        ),
        "get": ("dynamodb", "get_item", key, "dynamodb:GetItem", table_arn),
        "update": (
            "dynamodb",
            "update_item",
            {**key, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "1"}}},
            "dynamodb:UpdateItem",
            table_arn,
        ),
        "scan": ("dynamodb", "scan", {"TableName": table}, "dynamodb:Scan", table_arn),
        "delete": ("dynamodb", "delete_item", key, "dynamodb:DeleteItem", table_arn),
        "transact": (
            "dynamodb",
            "transact_write_items",
            {
                "TransactItems": [
                    {
                        "ConditionCheck": {
                            **key,
                            "Key": {"id": {"S": "never"}},
                            "ConditionExpression": "attribute_not_exists(id)",
                        }
                    }
                ]
            },
            "dynamodb:ConditionCheckItem",
            table_arn,
        ),
        "describe": (
            "apigatewaymanagementapi",
            "get_connection",
            id_of,
            "execute-api:ManageConnections",
            connections % "GET",
        ),
        "post": (
            "apigatewaymanagementapi",
            "post_to_connection",
            {**id_of, "Data": "hello"},
            "execute-api:ManageConnections",
            connections % "POST",
        ),
        "invoke": ("lambda", "invoke", {"FunctionName": other}, "lambda:InvokeFunction", other),
        "send": (
            "sqs",
            "send_message",
            {"QueueUrl": queue_url, "MessageBody": "hello"},
            "sqs:SendMessage",
            f"arn:aws:sqs:{REGION}:{account}:{queue_url.rpartition('/')[2]}",
        ),
    }
    calls = {name: call[:3] for name, call in made.items()}
    event = {"calls": calls, "endpoint": f"https://{api_id}.execute-api.{REGION}.amazonaws.com/prod"}
    return arn, role, event, {name: allow(call[3], call[4]) for name, call in made.items()}


@pytest.mark.fidelity("10.1", "10.2")
def test_calls_when_one_statement_is_removed(target, caller):
    """Each statement is needed by its one call; without it that call fails, and no other does."""
    arn, role, event, statements = caller
    every = dict.fromkeys(statements, "ok")
    set_statements(target, role, *statements.values())
    eventually(lambda: answer_of(target, arn, event), lambda seen: seen == every, "every call to be allowed")
    for removed in statements:
        set_statements(target, role, *(s for name, s in statements.items() if name != removed))
        results = eventually(
            lambda: answer_of(target, arn, event), lambda seen: seen[removed] != "ok", f"{removed} to be denied"
        )
        assert "AccessDenied" in results.pop(removed)
        assert set(results.values()) == {"ok"}
    set_statements(target, role)
    results = eventually(lambda: answer_of(target, arn, event), lambda seen: "ok" not in seen.values(), "denials")
    assert all("AccessDenied" in result for result in results.values())


@pytest.mark.fidelity("10.5", "6.11")
def test_denials_when_nothing_is_allowed(target, caller, account):
    """Each denial reads as AWS's in boto3, with caller, action and resource."""
    arn, role, event, statements = caller
    set_statements(target, role)
    results = eventually(lambda: answer_of(target, arn, event), lambda seen: "ok" not in seen.values(), "denials")
    name, function = role.rpartition("/")[2], arn.rpartition(":")[2]
    user = f"User: arn:aws:sts::{account}:assumed-role/{name}/{function} is not authorized to perform: "
    table_arn = statements["put"]["Resource"]
    assert results["put"] == (
        f"An error occurred (AccessDeniedException) when calling the PutItem operation: {user}dynamodb:PutItem on "
        f"resource: {table_arn} because no identity-based policy allows the dynamodb:PutItem action"
    )
    other = statements["invoke"]["Resource"]
    assert results["invoke"] == (
        f"An error occurred (AccessDeniedException) when calling the Invoke operation: {user}lambda:InvokeFunction on "
        f"resource: {other} because no identity-based policy allows the lambda:InvokeFunction action"
    )
    queue_arn = statements["send"]["Resource"]
    assert results["send"] == (
        f"An error occurred (AccessDenied) when calling the SendMessage operation: {user}sqs:sendmessage on "
        f"resource: {queue_arn} because no identity-based policy allows the sqs:sendmessage action"
    )
    stage_path = event["endpoint"].split(".")[0].removeprefix("https://") + "/prod"
    assert results["post"] == (
        f"An error occurred (AccessDeniedException) when calling the PostToConnection operation: {user}"
        f"execute-api:ManageConnections on resource: arn:aws:execute-api:{REGION}:********{account[-4:]}:"
        f"{stage_path}/POST/@connections/{{connectionId}}"
    )


@pytest.mark.fidelity("10.5")
def test_denial_when_a_policy_denies(target, caller):
    """An explicit deny wins over every allow and says so."""
    arn, role, event, _ = caller
    set_statements(target, role, allow("*"), deny("dynamodb:PutItem"))
    results = eventually(lambda: answer_of(target, arn, event), lambda seen: seen["get"] == "ok", "the new policy")
    assert results.pop("put").endswith(" with an explicit deny in an identity-based policy")
    assert set(results.values()) == {"ok"}


def test_managed_policy_when_attached(target, caller):
    """AWS's managed policies count for the roles that they are attached to, and no longer once detached."""
    arn, role, event, _ = caller
    set_statements(target, role)
    iam, name = target.client("iam"), role.rpartition("/")[2]
    managed = "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    results = eventually(lambda: answer_of(target, arn, event), lambda seen: seen["scan"] == "ok", "the policy")
    assert {key for key, result in results.items() if result == "ok"} == {"get", "scan"}
    iam.detach_role_policy(RoleName=name, PolicyArn=managed)
    eventually(lambda: answer_of(target, arn, event), lambda seen: "ok" not in seen.values(), "the policy to be gone")


def test_boundary_when_set(target, caller):
    """A permissions boundary limits what the role's policies allow."""
    arn, role, event, _ = caller
    iam, name = target.client("iam"), role.rpartition("/")[2]
    boundary = iam.create_policy(
        PolicyName=f"test-{uuid.uuid4().hex[:8]}",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("dynamodb:*")]}),
    )["Policy"]["Arn"]
    set_statements(target, role, allow("*"))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    results = eventually(lambda: answer_of(target, arn, event), lambda seen: seen["send"] != "ok", "the boundary")
    assert results["send"].endswith(" because no permissions boundary allows the sqs:sendmessage action")
    assert results["put"] == results["scan"] == "ok"
    iam.delete_role_permissions_boundary(RoleName=name)
    iam.delete_policy(PolicyArn=boundary)


def test_resource_policy_when_a_function_names_the_role(target, caller):
    """A function's own policy lets a role of the account invoke it, without any policy of the role."""
    arn, role, event, statements = caller
    set_statements(target, role)
    other = statements["invoke"]["Resource"]
    lambda_ = target.client("lambda")
    lambda_.add_permission(FunctionName=other, StatementId="named", Action="lambda:InvokeFunction", Principal=role)
    results = eventually(lambda: answer_of(target, arn, event), lambda seen: seen["invoke"] == "ok", "the permission")
    assert [key for key, result in results.items() if result == "ok"] == ["invoke"]
    lambda_.remove_permission(FunctionName=other, StatementId="named")


def test_caller_identity_when_a_function_asks(target, account):
    """A function is its role's session, named after the function; asking needs no permission."""
    role = create_role(target, deny("sts:*"))
    source = "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()\n"
    arn = function_of(target, role, source, Timeout=30)
    identity = answer_of(target, arn, {})
    name, function = role.rpartition("/")[2], arn.rpartition(":")[2]
    role_id = target.client("iam").get_role(RoleName=name)["Role"]["RoleId"]
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{name}/{function}"
    assert (identity["Account"], identity["UserId"]) == (account, f"{role_id}:{function}")


def test_caller_identity_when_the_learner_asks(target, account):
    """Whoever runs the tests is a user or a role session of the account."""
    identity = target.client("sts").get_caller_identity()
    assert identity["Arn"].split(":")[4] == account
    assert identity["Arn"].split(":")[5].startswith(("user/", "assumed-role/", "root"))


@pytest.mark.fidelity("10.2")
def test_hang_up_when_allowed_and_not(target, caller, account):
    """DELETE is a method of its own: with POST and GET alone nobody can be disconnected."""
    arn, role, event, statements = caller
    api_id = event["endpoint"].split(".")[0].removeprefix("https://")
    socket = target.connect(f"wss://{api_id}.execute-api.{REGION}.amazonaws.com/prod")
    socket.send("who am I?")
    hang_up = {
        **event,
        "calls": {"delete": ["apigatewaymanagementapi", "delete_connection", {"ConnectionId": socket.recv()}]},
    }
    set_statements(target, role, statements["post"], statements["describe"])
    eventually(lambda: answer_of(target, arn, event), lambda seen: seen["describe"] == "ok", "the policy")
    assert f"{api_id}/prod/DELETE/@connections/{{connectionId}}" in answer_of(target, arn, hang_up)["delete"]
    every = statements["post"]["Resource"].replace("/POST/", "/DELETE/")
    set_statements(target, role, allow("execute-api:ManageConnections", every))
    eventually(lambda: answer_of(target, arn, hang_up)["delete"], lambda seen: seen == "ok", "the hang-up")
    assert not socket.recv()
    socket.close()


def test_role_when_it_does_not_trust_lambda(target, account):
    """A function cannot be given a role that Lambda cannot assume, neither at first nor later."""
    role = create_role(target, trusted={"AWS": account})
    refused = ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    lambda_ = target.client("lambda")
    assert (
        refusal(
            lambda_.create_function,
            FunctionName="test-untrusted",
            Runtime="python3.13",
            Role=role,
            Handler="handler.handler",
            Code={"ZipFile": package(STATUS)},
        )
        == refused
    )
    function = create_function(target, STATUS)
    assert refusal(lambda_.update_function_configuration, FunctionName=function, Role=role) == refused


@pytest.mark.fidelity("10.3")
@pytest.mark.parametrize("missing", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
def test_logs_when_a_permission_is_missing(target, missing):
    """Without one of the three there are no log events, and nothing else tells of it."""
    role = create_role(target, allow([action for action in BASIC["Action"] if action != missing]))
    arn = function_of(target, role, "def handler(event, context):\n    print('seen')\n    return 1\n")
    assert answer_of(target, arn, {}) == 1
    set_statements(target, role, BASIC)

    def messages() -> list[str]:
        return messages_in(target.client("logs"), arn) if answer_of(target, arn, {}) == 1 else []

    seen = eventually(messages, lambda lines: "seen\n" in lines, "the log once all three are allowed")
    first = seen.index("seen\n")
    # Had the first invocation been logged, the environment's start would be there too.
    assert not any(line.startswith("INIT_START") for line in seen[:first])


@pytest.mark.fidelity("10.3")
def test_logs_when_the_group_exists(target):
    """A group that exists need not be created: two permissions on the group's ARN with its ``:*`` are enough."""
    role = create_role(target)
    arn = function_of(target, role, "def handler(event, context):\n    print('seen')\n    return 1\n")
    group, logs = f"/aws/lambda/{arn.rpartition(':')[2]}", target.client("logs")
    logs.create_log_group(logGroupName=group)
    group_arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]
    assert group_arn.endswith(":*")
    set_statements(target, role, allow(["logs:CreateLogStream", "logs:PutLogEvents"], group_arn))

    def messages() -> list[str]:
        answer_of(target, arn, {})
        return messages_in(logs, group)

    eventually(messages, lambda lines: "seen\n" in lines, "the log")
    logs.delete_log_group(logGroupName=group)


def test_denial_when_it_is_in_the_functions_log(target, table):
    """What the function does not catch is in its log, word for word."""
    role = create_role(target, BASIC)
    source = f"import boto3\ndef handler(event, context):\n    boto3.client('dynamodb').scan(TableName='{table}')\n"
    arn = function_of(target, role, source, Timeout=30)
    target.client("lambda").invoke(FunctionName=arn)
    log = eventually(
        lambda: "".join(messages_in(target.client("logs"), arn)), lambda text: "[ERROR]" in text, "the error in the log"
    )
    assert (
        "[ERROR] ClientError: An error occurred (AccessDeniedException) when calling the Scan operation: User: " in log
    )
    assert "because no identity-based policy allows the dynamodb:Scan action" in log


def test_credentials_when_taken_out_of_a_function(target):
    """The keys in a function's environment are its role's session, wherever they are used."""
    role = create_role(target, allow("sqs:ListQueues"))
    source = (
        "import os\ndef handler(event, context):\n    return [os.environ[name] for name in "
        "('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')]\n"
    )
    credentials = answer_of(target, function_of(target, role, source), {})
    assert client_with(target, credentials, "sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError, match="lambda:ListFunctions on resource: \\* because no identity-based policy"):
        client_with(target, credentials, "lambda").list_functions()
