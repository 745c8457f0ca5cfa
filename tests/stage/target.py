"""AWS as a program sees it, real or with localstage in its place."""

from __future__ import annotations

import io
import json
import math
import os
import re
import ssl
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
import pytest
import websocket
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from localstage import LocalStage
from tests.stage.waiting import eventually

REGION = "us-east-1"
PREFIX = os.environ.get("CHAT_TEST_PREFIX", "test-")
"""What the name of everything begins with that a test creates, so that it can be found and taken away."""
NAMES = re.compile(rf"{re.escape(PREFIX)}[0-9a-f]{{12}}")
ASSUME_ROLE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)

_ASSUMED_BY_API_GATEWAY = ASSUME_ROLE.replace("lambda.", "apigateway.")
_WRITE_LOGS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["logs:*"], "Resource": "*"}]}
)


def new_name() -> str:
    """A name that nothing else has, and that says whose it is."""
    return f"{PREFIX}{uuid.uuid4().hex[:12]}"


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

    def get(self, url: str) -> int:
        """The status that answers an HTTP GET."""

    def saw(self, what: str, value: Any) -> None:
        """Is told what a test has found out, for whoever watches."""

    def settle(self) -> None:
        """Returns when what was changed before counts."""

    def function_role(self) -> str:
        """The ARN of a role that lets a function do what tests need."""

    def function_options(self, source: str) -> Mapping[str, Any]:
        """What this target's functions need to be quick enough."""


WATCHER: pytest.StashKey[Callable[[Target], Target]] = pytest.StashKey()
"""Who puts itself between the tests and their target, in pytest's configuration."""


class LiveTarget:
    """The account that the environment names. What is left in it, tests.conformance takes away.

    AWS does at once what it is told, and lets it count seconds later: a stage's settings, a
    deployment, a permission. So the next look waits, ``CHAT_SETTLE_S`` seconds after the last change.
    """

    def __init__(self) -> None:
        self._settle_s = float(os.environ.get("CHAT_SETTLE_S", "10"))
        self._changed_at = -math.inf
        self._role = ""

    def client(self, service: str, **options: Any) -> Any:
        # A test looks at what @connections answers; any other call may be throttled, and is then tried again.
        retries = {"total_max_attempts": 1 if service == "apigatewaymanagementapi" else 10, "mode": "standard"}
        config = Config(retries=retries).merge(options.pop("config", Config()))
        client = boto3.client(service, region_name=REGION, config=config, **options)
        if service in ("apigatewaymanagementapi", "lambda"):
            client.meta.events.register("before-call", self._before_call)
        if service in ("apigateway", "apigatewayv2", "lambda", "iam"):
            client.meta.events.register("after-call", self._after_call)
        return client

    def _before_call(self, model: Any, **_: Any) -> None:
        if model.name == "Invoke" or model.service_model.service_name == "apigatewaymanagementapi":
            self.settle()

    def _after_call(self, model: Any, **_: Any) -> None:
        if re.match("Create|Update|Delete|Put|Attach|Detach|Add|Remove", model.name):
            self._changed_at = time.monotonic()

    def connect(self, url: str, **options: Any) -> websocket.WebSocket:
        self.settle()
        return websocket.create_connection(url, timeout=120, **options)

    def get(self, url: str) -> int:
        self.settle()
        return status_of(urllib.request.build_opener(), url)

    def saw(self, what: str, value: Any) -> None:
        """Nobody watches."""

    def settle(self) -> None:
        Event().wait(max(0.0, self._changed_at + self._settle_s - time.monotonic()))

    def function_role(self) -> str:
        """One for all, since each new role would take ten seconds to count."""
        self._role = self._role or create_function_role(self)
        return self._role

    def function_options(self, source: str) -> Mapping[str, Any]:
        """boto3 takes 128 MB's share of a processor longer to load than the three seconds that are the default."""
        return {"MemorySize": 1024} if "boto3" in source else {}


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

    def get(self, url: str) -> int:
        proxy = urllib.request.ProxyHandler({"https": self.stage.url})
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self._bundle))
        return status_of(urllib.request.build_opener(proxy, trust), url)

    def saw(self, what: str, value: Any) -> None:
        """Nobody watches."""

    def settle(self) -> None:
        """On localstage a change counts at once."""

    def function_role(self) -> str:
        """A new one for each function, as the account may have been emptied since the last."""
        return create_function_role(self)

    def function_options(self, source: str) -> Mapping[str, Any]:
        """Beside other tests, boto3 may take longer to make a client than the three seconds that are the default."""
        return {"Timeout": 60} if "boto3" in source else {}


def status_of(opener: urllib.request.OpenerDirector, url: str) -> int:
    """The status that answers a GET, whatever it is."""
    try:
        with opener.open(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


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


def create_function_role(target: Target) -> str:
    """A role with what the tests' functions do; its ARN."""
    name, iam = new_name(), target.client("iam")
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
    return str(role)


def create_function(target: Target, source: str, **configuration: Any) -> str:
    """Creates a function whose ``handler.handler`` is in ``source``; returns its ARN."""
    name, lambda_, role = new_name(), target.client("lambda"), target.function_role()

    def create() -> str | None:
        try:
            return str(
                lambda_.create_function(
                    FunctionName=name,
                    Runtime="python3.13",
                    Role=role,
                    Handler="handler.handler",
                    Code={"ZipFile": package(source)},
                    **{**target.function_options(source), **configuration},
                )["FunctionArn"]
            )
        except ClientError as error:
            if "cannot be assumed" in str(error):
                return None  # A role counts some seconds after it has been created.
            raise

    arn = eventually(create, lambda created: created is not None, f"the role {role} to count")
    assert arn is not None
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
    api_id = gateway.create_api(Name=new_name(), ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)["ApiId"]
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
    name = new_name()
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
    iam, gateway, name = target.client("iam"), target.client("apigateway"), new_name()
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
