"""AWS as a program sees it, real or with localstage in its place."""

from __future__ import annotations

import io
import json
import ssl
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
import pytest
import websocket
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from localstage import LocalStage

REGION = "us-east-1"
ASSUME_ROLE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)

_ASSUMED_BY_API_GATEWAY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
_WRITE_LOGS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["logs:*"], "Resource": "*"}]}
)


def ca_of(settings: Mapping[str, str]) -> str:
    """The emulator's own certificate alone: a client that reads the public roots, too, takes 25 ms for each connection."""
    return str(Path(settings["AWS_CA_BUNDLE"]).with_name("ca.pem"))


@dataclass(frozen=True)
class DeployedApi:
    """An API with a stage named ``prod`` that serves its routes."""

    api_id: str
    function_arns: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"wss://{self.api_id}.execute-api.{REGION}.amazonaws.com/prod"


class Target(Protocol):
    """What a test may do."""

    def client(self, service: str, **options: Any) -> Any: ...

    def connect(self, url: str, **options: Any) -> websocket.WebSocket: ...

    def clean_up(self) -> None: ...


@dataclass
class LiveTarget:
    """The account that the environment names."""

    _cleaning: list[Any] = field(default_factory=list)

    def client(self, service: str, **options: Any) -> Any:
        return boto3.client(service, region_name=REGION, **options)

    def connect(self, url: str, **options: Any) -> websocket.WebSocket:
        return websocket.create_connection(url, timeout=120, **options)

    def clean_up(self) -> None:
        for clean in reversed(self._cleaning):
            clean()


class StageTarget:
    """localstage in AWS's place: no endpoint is named, the proxy and the CA lead there."""

    def __init__(self, stage: LocalStage):
        self.stage = stage
        settings = stage.changes(as_aws=True).settings
        self._bundle = ca_of(settings)
        self._session = boto3.Session(
            settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str, **options: Any) -> Any:
        """A client of its own where options are given, else the one that all such calls share."""
        if not options and service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._new_client(service, **options) if options else self._clients[service]

    def _new_client(self, service: str, **options: Any) -> Any:
        config = Config(proxies={"https": self.stage.url}, retries={"max_attempts": 0})
        if "config" in options:
            config = config.merge(options.pop("config"))
        return self._session.client(service, config=config, verify=self._bundle, **options)

    def connect(self, url: str, **options: Any) -> websocket.WebSocket:
        if url.startswith("wss://"):
            port = urlsplit(self.stage.url).port
            options = {
                "http_proxy_host": "127.0.0.1",
                "http_proxy_port": port,
                "proxy_type": "http",
                "sslopt": {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": self._bundle},
                **options,
            }
        return websocket.create_connection(url, timeout=120, **options)

    def clean_up(self) -> None:
        """localstage's account ends with localstage."""


def empty_account(url: str, session: boto3.Session) -> None:
    """Deletes everything in the account of the stage at this address; ``session`` is the learner's."""
    reset = AWSRequest("POST", url + "/moto-api/reset", headers={"Host": urlsplit(url).netloc})
    SigV4Auth(session.get_credentials(), "moto-api", REGION).add_auth(reset)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(reset.url, method="POST", headers=dict(reset.headers)), timeout=120).close()


def package(source: str, name: str = "handler.py") -> bytes:
    """A deployment package with one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, source)
    return buffer.getvalue()


def create_function(target: Target, source: str, **configuration: Any) -> str:
    """Creates a function whose ``handler.handler`` is in ``source``; returns its ARN."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    iam = target.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=ASSUME_ROLE)["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="all",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Resource": "*",
                        "Action": ["logs:*", "execute-api:ManageConnections", "dynamodb:*", "lambda:InvokeFunction"],
                    }
                ],
            }
        ),
    )
    lambda_ = target.client("lambda")
    arn = lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": package(source)},
        **configuration,
    )["FunctionArn"]
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    return arn


def allow_api_gateway(target: Target, function_arn: str, api_id: str) -> None:
    """Lets every route of an API invoke a function."""
    account = function_arn.split(":")[4]
    target.client("lambda").add_permission(
        FunctionName=function_arn,
        StatementId=f"api-{api_id}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{account}:{api_id}/*",
    )


def deploy_api(
    target: Target,
    sources: Mapping[str, str],
    *,
    two_way: tuple[str, ...] = (),
    expression: str = "$request.body.action",
    **configuration: Any,
) -> DeployedApi:
    """Deploys an API with one function for each route key of ``sources``; equal sources share one."""
    gateway = target.client("apigatewayv2")
    api_id = gateway.create_api(
        Name=f"test-{uuid.uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression=expression
    )["ApiId"]
    by_source = {source: create_function(target, source, **configuration) for source in set(sources.values())}
    for arn in by_source.values():
        allow_api_gateway(target, arn, api_id)
    for route_key, source in sources.items():
        add_route(target, api_id, route_key, by_source[source], two_way=route_key in two_way)
    gateway.create_stage(
        ApiId=api_id, StageName="prod", DeploymentId=gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    )
    return DeployedApi(api_id, {key: by_source[source] for key, source in sources.items()})


def add_route(target: Target, api_id: str, route_key: str, function_arn: str, *, two_way: bool = False) -> str:
    """Adds a route with a proxy integration of a function; not yet deployed. Returns the route's id."""
    gateway = target.client("apigatewayv2")
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationMethod="POST",
        IntegrationUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
    )
    options = {"RouteResponseSelectionExpression": "$default"} if two_way else {}
    route_id = gateway.create_route(
        ApiId=api_id, RouteKey=route_key, Target=f"integrations/{integration['IntegrationId']}", **options
    )["RouteId"]
    if two_way:
        gateway.create_route_response(ApiId=api_id, RouteId=route_id, RouteResponseKey="$default")
    return route_id


def ask(target: Target, api: DeployedApi, *texts: str) -> list[str]:
    """Sends each text and reads one frame after each."""
    socket = target.connect(api.url)
    try:
        answers = []
        for text in texts:
            socket.send(text)
            answers.append(socket.recv())
        return answers
    finally:
        socket.close()


def status_of_refusal(target: Target, url: str, **options: Any) -> int:
    """The status of a handshake that is refused; one that is not fails the test."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        target.connect(url, **options)
    return caught.value.status_code


@contextmanager
def table_of_ids(target: Target) -> Iterator[str]:
    """The name of a fresh table with the string key ``id``; deleted in the end."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    dynamodb = target.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    try:
        yield name
    finally:
        dynamodb.delete_table(TableName=name)


@contextmanager
def cloudwatch_role(target: Target) -> Iterator[None]:
    """The account's CloudWatch role, without which AWS logs no WebSocket API; what was set before comes back."""
    iam, gateway, name = target.client("iam"), target.client("apigateway"), f"test-{uuid.uuid4().hex[:12]}"
    before = gateway.get_account().get("cloudwatchRoleArn", "")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_ASSUMED_BY_API_GATEWAY)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=_WRITE_LOGS)
    role = {"op": "replace", "path": "/cloudwatchRoleArn"}
    gateway.update_account(patchOperations=[{**role, "value": arn}])
    try:
        yield
    finally:
        gateway.update_account(patchOperations=[{**role, "value": before}])
        iam.delete_role_policy(RoleName=name, PolicyName="logs")
        iam.delete_role(RoleName=name)
