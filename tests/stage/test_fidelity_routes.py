"""Selection expressions, integrations and answers over the wire. FIDELITY sections 2 and 7."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import websocket

from localstage import LocalStage
from tests.stage.target import (
    DeployedApi,
    StageTarget,
    Target,
    add_route,
    allow_api_gateway,
    ask,
    create_function,
    deploy_api,
)
from tests.stage.waiting import eventually

TELL_ROUTE = """
import json, threading

def handler(event, context):
    body = event["body"]
    if body == "slow":
        threading.Event().wait(1.5)
    if body == "nothing":
        return {"statusCode": 200}
    if body == "bad":
        return {"statusCode": 500, "body": "bad all the same"}
    return {"statusCode": 200, "body": event["requestContext"]["routeKey"]}
"""


@pytest.mark.fidelity("2.1", "2.2", "2.3", "2.4", "2.5", "2.6")
@pytest.mark.parametrize(
    ("expression", "served"),
    [
        (
            "$request.body.action",
            {
                '{"action": "go"}': "go",
                '{"action": "Go"}': "$default",
                "go": "$default",
                '{"action": 1}': "1",
                '{"action": true}': "true",
                '{"action": ["a", "b"]}': "[a, b]",
                '{"action": "go", body: 1}': "$default",
                "[1]": "$default",
            },
        ),
        ("${request.body.action}", {'{"action": "go"}': "go", "{}": "$default"}),
        ("${request.body.a}/${request.body.b}", {'{"a": "x", "b": "y"}': "x/y", '{"a": "x"}': "x/"}),
        ("go", {"anything": "go"}),
        ("\\$default", {'{"action": "go"}': "$default"}),
    ],
)
def test_route_when_an_expression_selects(target: Target, expression: str, served: dict[str, str]):
    """Each form of selection expression takes each message to the route that AWS documents."""
    keys = {"$default", *served.values()}
    api = deploy_api(target, dict.fromkeys(sorted(keys), TELL_ROUTE), two_way=tuple(keys), expression=expression)
    assert dict(zip(served, ask(target, api, *served), strict=True)) == served


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    """An API whose routes have all halves and only one half of two-way."""
    api = deploy_api(target, {"$default": TELL_ROUTE}, two_way=("$default",))
    gateway, arn = target.client("apigatewayv2"), api.function_arns["$default"]
    half = add_route(target, api.api_id, "only expression", arn)
    gateway.update_route(ApiId=api.api_id, RouteId=half, RouteResponseSelectionExpression="$default")
    half = add_route(target, api.api_id, "only response", arn)
    gateway.create_route_response(ApiId=api.api_id, RouteId=half, RouteResponseKey="$default")
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    return api


@pytest.mark.fidelity("7.1")
@pytest.mark.parametrize("key", ["only expression", "only response"])
def test_answer_when_a_route_has_half_of_two_way(target: Target, api: DeployedApi, key: str):
    """Each half of two-way alone sends nothing: the next frame is the next message's."""
    socket = target.connect(api.url)
    socket.send(json.dumps({"action": key}))
    socket.send("next")
    assert socket.recv() == "$default"
    socket.close()


@pytest.mark.fidelity("7.1", "7.2")
def test_answer_when_a_result_has_no_body_or_an_error_status(target: Target, api: DeployedApi):
    """Two-way: no body is an empty frame, a 500 with a body is that body."""
    assert ask(target, api, "nothing", "bad") == ["", "bad all the same"]


@pytest.mark.fidelity("2.14")
def test_answers_when_the_second_is_quicker(target: Target, api: DeployedApi):
    """A slow message does not hold up the next one of the same connection."""
    socket = target.connect(api.url)

    def answers() -> list[str]:
        socket.send("slow")
        socket.send("bad")
        return [socket.recv(), socket.recv()]

    # The first time the second message may need a new environment, whose start takes long on a busy machine.
    quicker_first = ["bad all the same", "$default"]
    eventually(answers, lambda seen: seen == quicker_first, "the second answer before the first")
    socket.close()


@pytest.mark.fidelity("2.9", "5.7", "3.18")
def test_integration_when_it_exceeds_its_time_out(target: Target):
    """Over TimeoutInMillis the client gets the time-out frame, byte for byte; at $connect 504."""
    api = deploy_api(target, {"$default": TELL_ROUTE}, two_way=("$default",), Timeout=20)
    gateway = target.client("apigatewayv2")
    integration = gateway.get_integrations(ApiId=api.api_id)["Items"][0]["IntegrationId"]
    ask(target, api, "warm")
    gateway.update_integration(ApiId=api.api_id, IntegrationId=integration, TimeoutInMillis=500)
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    socket = target.connect(api.url)
    socket.send("slow")
    frame = socket.recv()
    assert re.fullmatch(
        r'\{"message": "Endpoint request timed out", "connectionId":"[\w-]+=", "requestId":"[\w-]+="\}', frame
    )

    def after() -> str:
        socket.send("next")
        return socket.recv()

    # A new environment may take longer to start than the time-out is: the message after that is served.
    eventually(after, lambda answer: answer == "$default", "the connection to go on")
    socket.close()
    late = deploy_api(target, {"$connect": TELL_ROUTE.replace('event["body"]', '"slow"')}, Timeout=20)
    integration = gateway.get_integrations(ApiId=late.api_id)["Items"][0]["IntegrationId"]
    gateway.update_integration(ApiId=late.api_id, IntegrationId=integration, TimeoutInMillis=50)
    gateway.create_deployment(ApiId=late.api_id, StageName="prod")
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        target.connect(late.url)
    assert caught.value.status_code == 504


@pytest.mark.fidelity("2.8", "3.5")
def test_message_when_the_function_may_not_be_invoked(target: Target):
    """Without the permission a message is answered with the Internal server error frame, byte for byte."""
    api = deploy_api(target, {"$default": TELL_ROUTE}, two_way=("$default",))
    target.client("lambda").remove_permission(
        FunctionName=api.function_arns["$default"], StatementId=f"api-{api.api_id}"
    )
    assert re.fullmatch(
        r'\{"message": "Internal server error", "connectionId":"[\w-]+=", "requestId":"[\w-]+="\}',
        ask(target, api, "hello")[0],
    )


@pytest.mark.fidelity("7.3", "7.9")
def test_integration_when_its_uri_is_bare_and_has_a_stage_variable(target: Target):
    """A bare function ARN works, and a stage variable names the function."""
    api = deploy_api(target, {"other": TELL_ROUTE}, two_way=("other",))
    gateway = target.client("apigatewayv2")
    arn = create_function(target, TELL_ROUTE)
    allow_api_gateway(target, arn, api.api_id)
    prefix, _, name = arn.rpartition(":")
    for key, uri in (("bare", arn), ("variable", f"{prefix}:${{stageVariables.fn}}")):
        integration = gateway.create_integration(ApiId=api.api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri)
        route = gateway.create_route(
            ApiId=api.api_id,
            RouteKey=key,
            RouteResponseSelectionExpression="$default",
            Target=f"integrations/{integration['IntegrationId']}",
        )
        gateway.create_route_response(ApiId=api.api_id, RouteId=route["RouteId"], RouteResponseKey="$default")
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    gateway.update_stage(ApiId=api.api_id, StageName="prod", StageVariables={"fn": name})
    assert ask(target, api, '{"action": "bare"}', '{"action": "variable"}') == ["bare", "variable"]


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An HTTP server of this machine that answers what it was sent."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"http " + self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written to the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join(10)


def two_way_route(target: Target, api_id: str, key: str, responses: dict[str, dict[str, str]], **integration) -> None:
    gateway = target.client("apigatewayv2")
    integration_id = gateway.create_integration(ApiId=api_id, **integration)["IntegrationId"]
    for response_key, templates in responses.items():
        gateway.create_integration_response(
            ApiId=api_id, IntegrationId=integration_id, IntegrationResponseKey=response_key, ResponseTemplates=templates
        )
    route = gateway.create_route(
        ApiId=api_id, RouteKey=key, Target=f"integrations/{integration_id}", RouteResponseSelectionExpression="$default"
    )
    gateway.create_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseKey="$default")


@pytest.mark.fidelity("7.4", "7.7")
def test_integrations_when_they_are_mocks(target: Target):
    """MOCK answers from its integration response, and is silent where it has none."""
    api = deploy_api(target, {"$default": TELL_ROUTE}, two_way=("$default",))
    mock = {
        "IntegrationType": "MOCK",
        "TemplateSelectionExpression": "200",
        "RequestTemplates": {"200": '{"statusCode": 200}'},
    }
    two_way_route(target, api.api_id, "mock", {r"/2\d\d/": {"any": "from the mock"}, "$default": {"any": "no"}}, **mock)
    two_way_route(target, api.api_id, "silent", {}, **mock)
    target.client("apigatewayv2").create_deployment(ApiId=api.api_id, StageName="prod")
    assert ask(target, api, '{"action": "mock"}') == ["from the mock"]
    socket = target.connect(api.url)
    socket.send('{"action": "silent"}')
    socket.send("next")
    assert socket.recv() == "$default"
    socket.close()


@pytest.mark.fidelity("7.5", "7.7")
@pytest.mark.stays_here("AWS does not reach this machine")
def test_integrations_when_they_are_http_endpoints(target: Target, endpoint: str):
    """HTTP_PROXY is answered by the endpoint, and so is HTTP where it has an integration response."""
    api = deploy_api(target, {"$default": TELL_ROUTE}, two_way=("$default",))
    two_way_route(
        target, api.api_id, "http", {}, IntegrationType="HTTP_PROXY", IntegrationMethod="POST", IntegrationUri=endpoint
    )
    two_way_route(
        target,
        api.api_id,
        "plain",
        {"$default": {}},
        IntegrationType="HTTP",
        IntegrationMethod="POST",
        IntegrationUri=endpoint,
    )
    target.client("apigatewayv2").create_deployment(ApiId=api.api_id, StageName="prod")
    http, plain = '{"action": "http"}', '{"action": "plain"}'
    assert ask(target, api, http, plain) == ["http " + http, "http " + plain]


@pytest.mark.fidelity("7.5", "7.6")
@pytest.mark.parametrize(
    "definition",
    [
        {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "POST", "IntegrationUri": "https://example.org/"},
        {
            "IntegrationType": "HTTP",
            "IntegrationMethod": "POST",
            "IntegrationUri": "http://127.0.0.1:1/",
            "RequestTemplates": {"$default": "$input.body"},
        },
    ],
)
def test_integration_when_the_stage_does_not_run_it(stage: LocalStage, definition: dict):
    """An address elsewhere and a mapping template are refused at create_integration, by name."""
    gateway = StageTarget(stage).client("apigatewayv2")
    api_id = gateway.create_api(Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="x")["ApiId"]
    with pytest.raises(gateway.exceptions.BadRequestException, match="localstage") as caught:
        gateway.create_integration(ApiId=api_id, **definition)
    assert ("--allow-host example.org allows it." in str(caught.value)) == (
        definition["IntegrationType"] == "HTTP_PROXY"
    )
    assert gateway.get_integrations(ApiId=api_id)["Items"] == []
