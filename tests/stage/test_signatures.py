"""Who may call: unsigned, badly signed and well signed calls as boto3 sees them."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import boto3
import pytest
import websocket
from botocore import UNSIGNED
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.stage.target import REGION, deploy_api

CALLS = {
    "dynamodb": ("list_tables", {}),
    "lambda": ("list_functions", {}),
    "apigatewayv2": ("get_apis", {}),
    "sts": ("get_caller_identity", {}),
    "iam": ("list_users", {}),
    "cloudformation": ("list_stacks", {}),
    "logs": ("describe_log_groups", {}),
    "sqs": ("list_queues", {}),
    "s3": ("list_buckets", {}),
    "cloudwatch": ("list_metrics", {}),
}
UNKNOWN = {
    "dynamodb": "UnrecognizedClientException",
    "lambda": "UnrecognizedClientException",
    "apigatewayv2": "UnrecognizedClientException",
    "sts": "InvalidClientTokenId",
    "iam": "InvalidClientTokenId",
    "cloudformation": "InvalidClientTokenId",
    "logs": "UnrecognizedClientException",
    "sqs": "UnrecognizedClientException",
    "s3": "InvalidAccessKeyId",
    "cloudwatch": "UnrecognizedClientException",
}
MISMATCH = {
    service: "SignatureDoesNotMatch"
    if service in ("sts", "iam", "cloudformation", "s3")
    else "InvalidSignatureException"
    for service in CALLS
}
MISSING = {
    service: {
        "sts": "MissingAuthenticationToken",
        "iam": "MissingAuthenticationToken",
        "s3": "AccessDenied",
        "cloudformation": "MissingAuthenticationToken",
    }.get(service, "MissingAuthenticationTokenException")
    for service in CALLS
}
ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ECHO = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event['requestContext'])}\n"


def code_of(client, service: str) -> str:
    """The code with which a call is refused."""
    operation, arguments = CALLS[service]
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    return caught.value.response["Error"]["Code"]


def client_of(stage, service: str, key: str, secret: str, token: str | None = None, **config):
    options = Config(retries={"max_attempts": 0}, proxies={}, **config)
    return boto3.client(
        service,
        endpoint_url=stage.url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=options,
    )


@pytest.mark.parametrize("service", CALLS)
def test_call_when_its_signature_is_no_good(stage, service):
    """Unknown keys, wrong secrets and no signature are refused with the codes of the service's protocol."""
    own_key = stage.changes().settings["AWS_ACCESS_KEY_ID"]
    assert code_of(client_of(stage, service, "AKIAIOSFODNN7EXAMPLE", "x"), service) == UNKNOWN[service]
    assert code_of(client_of(stage, service, own_key, "x"), service) == MISMATCH[service]
    assert code_of(client_of(stage, service, "x", "x", signature_version=UNSIGNED), service) == MISSING[service]


@pytest.mark.parametrize("service", CALLS)
def test_call_when_the_stage_gave_the_key(aws, service):
    """Every protocol is served for the stage's own key."""
    operation, arguments = CALLS[service]
    assert getattr(aws(service), operation)(**arguments)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_call_when_iam_made_the_key(stage, aws):
    """A user's access key works until it is made inactive."""
    iam = aws("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="all", PolicyDocument=ALL)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    client = client_of(stage, "dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    assert client.list_tables()["TableNames"] == []
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code_of(client, "dynamodb") == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("assume_role", {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "lesson"}),
        ("get_session_token", {}),
        ("get_federation_token", {"Name": "bob", "Policy": ALL}),
    ],
)
def test_call_when_sts_made_the_key(stage, aws, operation, arguments):
    """Temporary credentials work with their session token, and not without it."""
    iam = aws("iam")
    iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}],
            }
        ),
    )
    iam.put_role_policy(RoleName="r", PolicyName="all", PolicyDocument=ALL)
    made = getattr(aws("sts"), operation)(**arguments)["Credentials"]
    pair = made["AccessKeyId"], made["SecretAccessKey"]
    assert client_of(stage, "dynamodb", *pair, made["SessionToken"]).list_tables()["TableNames"] == []
    assert code_of(client_of(stage, "dynamodb", *pair), "dynamodb") == "UnrecognizedClientException"


def test_web_identity_when_anyone_asks(stage, aws):
    """No credentials are given for a token that nobody can check."""
    sts = client_of(stage, "sts", "x", "x", signature_version=UNSIGNED)
    with pytest.raises(ClientError, match="Missing|missing"):
        sts.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="lesson", WebIdentityToken="anything"
        )


def test_s3_when_uploaded_and_pre_signed(stage, aws):
    """Objects go up with any body and come down by a pre-signed URL; a URL that was changed is refused."""
    s3 = aws("s3")
    s3.create_bucket(Bucket="papers")
    s3.put_object(Bucket="papers", Key="a b/é+.txt", Body=b"text", Metadata={"who": "me"})
    settings = stage.changes().settings
    presigner = client_of(
        stage,
        "s3",
        settings["AWS_ACCESS_KEY_ID"],
        settings["AWS_SECRET_ACCESS_KEY"],
        signature_version="s3v4",
        s3={"addressing_style": "path"},
    )
    url = presigner.generate_presigned_url("get_object", {"Bucket": "papers", "Key": "a b/é+.txt"}, ExpiresIn=60)
    assert get(stage, url[len(stage.url) :])[::2] == (200, b"text")
    status, _, body = get(stage, url[len(stage.url) :].replace("Expires=60", "Expires=6000"))
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body


def test_invocation_when_signed_for_another_service(stage, aws):
    """A call is evaluated as what it does, not as what it says it is: permissions for SQS run no function."""
    iam = aws("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(
        UserName="alice",
        PolicyName="queues",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
        ),
    )
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    path = "/2015-03-31/functions/anything/invocations"
    request = AWSRequest("POST", stage.url + path, data=b"{}", headers={"Host": urlsplit(stage.url).netloc})
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "sqs", REGION).add_auth(request)
    status, _, body = post(stage, path, b"{}", dict(request.headers))
    assert status == 403 and b"lambda:InvokeFunction on resource: " in body


def post(stage, path: str, body: bytes, headers: dict[str, str]):
    """One signed request: status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(stage.url).netloc, timeout=90)
    try:
        connection.request("POST", path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_caller_identity_when_pre_signed(stage, aws):
    """A pre-signed GetCallerIdentity tells who signed it, as programs use it to prove who they are."""
    settings = stage.changes().settings
    sts = client_of(stage, "sts", settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    status, _, body = get(stage, url[len(stage.url) :])
    assert status == 200 and sts.get_caller_identity()["Arn"].encode() in body


def get(stage, target: str, method: str = "GET", **headers: str):
    """One bare request: status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(stage.url).netloc, timeout=90)
    try:
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("target", ["/moto-api/reset", "/moto-api/data.json", "/moto-api//reset", "/%6doto-api/reset"])
def test_motos_switches_when_unsigned(stage, aws, target):
    """moto's own pages neither show nor reset the account of a stage."""
    aws("iam").create_user(UserName="alice")
    assert get(stage, target, "POST")[0] == 403
    assert [user["UserName"] for user in aws_users(stage)] == ["alice"]


def test_account_when_another_caller_names_it(stage, aws):
    """Only the stage's own key may name the account that moto answers in; who else does is not let in."""
    iam = aws("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="all", PolicyDocument=ALL)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    client = client_of(stage, "dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    client.meta.events.register("before-sign", lambda request, **_: request.headers.add_header(ACCOUNT, "111122223333"))
    assert code_of(client, "dynamodb") == "UnrecognizedClientException"


ACCOUNT = "X-Moto-Account-Id"


def aws_users(stage):
    settings = stage.changes().settings
    return client_of(stage, "iam", settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]).list_users()[
        "Users"
    ]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "amazonaws.com.evil.example", ""]
)
def test_request_when_its_host_is_rebound(stage, host):
    """A name that somebody pointed at the loopback address is refused before anything is looked at."""
    for target in ("/", "/_localstage/status", "/moto-api/reset", "/abcd/prod/@connections/x"):
        assert get(stage, target, Host=host)[0] == 421


def test_answer_when_a_page_asks_across_origins(stage):
    """No answer names an origin that may read it, nor lets a preflight through."""
    for method in ("GET", "OPTIONS"):
        status, headers, _ = get(
            stage, "/", method, **{"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        )
        assert status == 403
        assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.fidelity("6.10")
def test_management_api_when_the_signature_is_no_good(stage, target):
    """@connections answers 403 with AWS's messages, typed for boto3."""
    path = "/abcdefghij/prod/@connections/abcdefghijklmno="
    status, headers, body = get(stage, path, "POST")
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    assert json.loads(body) == {"message": "Missing Authentication Token"}
    settings = stage.changes().settings
    expected = {
        "x": ("UnrecognizedClientException", "The security token included in the request is invalid."),
        settings["AWS_ACCESS_KEY_ID"]: ("InvalidSignatureException", "The request signature we calculated"),
    }
    for key, (code, message) in expected.items():
        client = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=stage.url + "/abcdefghij/prod",
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key="x",
            config=Config(proxies={}),
        )
        with pytest.raises(ClientError) as caught:
            client.post_to_connection(ConnectionId="abcdefghijklmno=", Data=b"x")
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["Error"]["Message"].startswith(message)


@pytest.fixture
def guarded(target):
    """An API whose $connect asks for AWS_IAM and whose $default answers with the request context."""
    api = deploy_api(target, {"$connect": ECHO, "$default": ECHO}, two_way=("$default",))
    gateway = target.client("apigatewayv2")
    route = next(r for r in gateway.get_routes(ApiId=api.api_id)["Items"] if r["RouteKey"] == "$connect")
    gateway.update_route(ApiId=api.api_id, RouteId=route["RouteId"], AuthorizationType="AWS_IAM")
    deployment = gateway.create_deployment(ApiId=api.api_id)["DeploymentId"]
    gateway.update_stage(ApiId=api.api_id, StageName="prod", DeploymentId=deployment)
    return api


def signed_handshake(stage, url: str, signer, secret: str | None = None) -> AWSRequest:
    settings = stage.changes().settings
    credentials = Credentials(settings["AWS_ACCESS_KEY_ID"], secret or settings["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("GET", url.replace("wss:", "https:"))
    signer(credentials, "execute-api", REGION).add_auth(request)
    return request


@pytest.mark.fidelity("3.16")
def test_iam_route_when_the_handshake_is_not_signed_well(stage, target, guarded):
    """A $connect route with AWS_IAM refuses unsigned, badly signed and changed handshakes with 403."""
    bad = signed_handshake(stage, guarded.url, SigV4QueryAuth, "wrong").url.replace("https:", "wss:")
    for url in (guarded.url, bad, bad + "&x=1"):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            target.connect(url)
        assert caught.value.status_code == 403


@pytest.mark.fidelity("3.16")
def test_iam_route_when_the_handshake_is_signed(stage, target, guarded):
    """Signed by header or by query it opens, and every event's identity says who signed."""
    by_query = signed_handshake(stage, guarded.url, SigV4QueryAuth).url.replace("https:", "wss:")
    by_header = [f"{name}: {value}" for name, value in signed_handshake(stage, guarded.url, SigV4Auth).headers.items()]
    for url, options in ((by_query, {}), (guarded.url, {"header": by_header})):
        socket = target.connect(url, **options)
        socket.send("hello")
        identity = json.loads(socket.recv())["identity"]
        socket.close()
        assert identity["accessKey"] == stage.changes().settings["AWS_ACCESS_KEY_ID"]
        assert identity["userArn"] and identity["sourceIp"]
