"""What API Gateway itself needs: the permission at the function, and of a signer the permission to connect."""

from __future__ import annotations

import uuid

import pytest
import websocket
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.stage.roles import allow, answer_of, create_role, deny, function_of, set_statements
from tests.stage.target import REGION, DeployedApi, add_route, create_function, deploy_api, status_of_refusal
from tests.stage.waiting import eventually

ACCEPT = "def handler(event, context):\n    return {'statusCode': 200}\n"
KEYS = (
    "import os\ndef handler(event, context):\n    return [os.environ[name] for name in "
    "('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')]\n"
)


@pytest.mark.fidelity("10.4")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("*/$connect", 101),
        ("prod/$connect", 101),
        ("*", 101),
        ("*/*/$connect", 500),
        ("dev/$connect", 500),
        ("*/$disconnect", 500),
    ],
)
def test_handshake_when_the_permission_names_a_source(target, path, status):
    """The SourceArn of the permission must match {api}/{stage}/$connect; else the handshake is answered 500."""
    gateway = target.client("apigatewayv2")
    function = create_function(target, ACCEPT)
    api_id = gateway.create_api(
        Name=f"test-{uuid.uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    add_route(target, api_id, "$connect", function)
    gateway.create_stage(
        ApiId=api_id, StageName="prod", DeploymentId=gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    )
    target.client("lambda").add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{function.split(':')[4]}:{api_id}/{path}",
    )
    url = DeployedApi(api_id, {}).url
    if status == 101:
        target.connect(url).close()
    else:
        assert status_of_refusal(target, url) == status


@pytest.fixture(scope="module")
def guarded(target):
    """An API whose $connect asks for AWS_IAM, the role of a function, and that function's credentials."""
    api = deploy_api(target, {"$connect": ACCEPT})
    gateway = target.client("apigatewayv2")
    route = gateway.get_routes(ApiId=api.api_id)["Items"][0]
    gateway.update_route(ApiId=api.api_id, RouteId=route["RouteId"], AuthorizationType="AWS_IAM")
    deployment = gateway.create_deployment(ApiId=api.api_id)["DeploymentId"]
    gateway.update_stage(ApiId=api.api_id, StageName="prod", DeploymentId=deployment)
    role = create_role(target)
    return api, role, answer_of(target, function_of(target, role, KEYS), {})


def handshake_status(target, api: DeployedApi, credentials: list[str]) -> int:
    """The status of a handshake that these credentials have signed."""
    request = AWSRequest("GET", api.url.replace("wss:", "https:"))
    SigV4QueryAuth(Credentials(*credentials), "execute-api", REGION).add_auth(request)
    try:
        target.connect(request.url.replace("https:", "wss:")).close()
        return 101
    except websocket.WebSocketBadStatusException as refused:
        return refused.status_code


@pytest.mark.fidelity("3.16")
@pytest.mark.stays_here("a function gives its credentials away for it")
@pytest.mark.parametrize(
    ("statements", "status"),
    [
        ([], 403),
        ([allow("execute-api:Invoke")], 101),
        ([allow("execute-api:ManageConnections")], 403),
        ([allow("execute-api:Invoke"), deny("execute-api:*")], 403),
    ],
)
def test_iam_route_when_the_signer_has_policies(target, guarded, statements, status):
    """The signer's policies must allow execute-api:Invoke; a signature alone is not enough."""
    api, role, credentials = guarded
    set_statements(target, role, *statements)
    eventually(lambda: handshake_status(target, api, credentials), lambda seen: seen == status, f"a {status}")


@pytest.mark.fidelity("3.16")
@pytest.mark.stays_here("a function gives its credentials away for it")
@pytest.mark.parametrize(
    ("path", "status"), [("prod/$connect", 101), ("*/$connect", 101), ("dev/$connect", 403), ("prod/GET/$connect", 403)]
)
def test_iam_route_when_the_policy_names_it(target, guarded, path, status):
    """The resource is …:{api}/{stage}/$connect."""
    api, role, credentials = guarded
    account = role.split(":")[4]
    set_statements(
        target, role, allow("execute-api:Invoke", f"arn:aws:execute-api:{REGION}:{account}:{api.api_id}/{path}")
    )
    eventually(lambda: handshake_status(target, api, credentials), lambda seen: seen == status, f"a {status}")
