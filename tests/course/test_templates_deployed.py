"""The templates deployed, and the chat that comes of them: on localstage in AWS's place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import websocket

from classroom.account import packages
from classroom.labs import variants
from localstage import LocalStage
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually, messages_in

TEMPLATES = Path(__file__).resolve().parents[2] / "cloudformation"
BUCKET = "deployment-packages"
CHAT_ROUTES = ("$connect", "$disconnect", "sendMessage")
TABLES = {"ChatMessages": {"room_id": "S", "timestamp": "N"}, "ChatConnections": {"connection_id": "S"}}


@dataclass
class Site:
    """A place to deploy templates to, and to chat in."""

    target: StageTarget
    _sockets: list[websocket.WebSocket] = field(default_factory=list)

    def deploy(self, name: str, template: str, **parameters: str) -> dict[str, str]:
        """Create or update a stack; its outputs."""
        formation = self.target.client("cloudformation")
        arguments = {
            "StackName": name,
            "TemplateBody": (TEMPLATES / template).read_text(),
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in {"Prefix": name, **self.package(template), **parameters}.items()
            ],
        }
        exists = any(stack["StackName"] == name for stack in formation.describe_stacks()["Stacks"])
        (formation.update_stack if exists else formation.create_stack)(**arguments)
        waiter = formation.get_waiter("stack_update_complete" if exists else "stack_create_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 240})
        outputs = formation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", ())
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def update(self, name: str, template: str) -> None:
        """Give an existing stack another template, its parameters as they are."""
        formation = self.target.client("cloudformation")
        known = formation.describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
        formation.update_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": entry["ParameterKey"], "UsePreviousValue": True} for entry in known],
        )
        formation.get_waiter("stack_update_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 240}
        )

    def package(self, template: str) -> dict[str, str]:
        """Upload what a template's functions need; the parameters that name the package, or the packages."""
        text = (TEMPLATES / template).read_text()
        sources = {name: packages.sources_of(name) for name in re.findall(r"Handler: (\w+)\.lambda_handler", text)}
        if template.startswith("variants/"):
            made = {f"{template}.zip": variants.package()}
        elif "${CodeKey}/" in text:
            made = {f"{template}/{name}.zip": packages.package_of(files) for name, files in sources.items()}
        else:
            together = {name: text for files in sources.values() for name, text in files.items()}
            made = {f"{template}.zip": packages.package_of(together)}
        for key, package in made.items():
            self.target.client("s3").put_object(Bucket=BUCKET, Key=key, Body=package)
        return {"CodeBucket": BUCKET, "CodeKey": template if "${CodeKey}/" in text else f"{template}.zip"}

    def delete(self, name: str) -> None:
        formation = self.target.client("cloudformation")
        formation.delete_stack(StackName=name)
        formation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 240}
        )

    def connect(self, url: str) -> websocket.WebSocket:
        self._sockets.append(self.target.connect(url))
        return self._sockets[-1]

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.target.client("dynamodb").scan(TableName=table)["Items"]

    def logged(self, function: str) -> list[str]:
        """What a function has written to its log group."""
        return messages_in(self.target.client("logs"), f"/aws/lambda/{function}")

    def close(self) -> None:
        for socket in self._sockets:
            socket.close()


@pytest.fixture
def site(emptied: LocalStage) -> Iterator[Site]:
    """The stage, with a bucket for deployment packages."""
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    yield site
    site.close()


def test_whole_chat_works_when_its_template_is_deployed(site: Site) -> None:
    """From one template: two people chat, a heartbeat and a wrong action are answered, sessions are kept, nothing is left."""
    outputs = site.deploy("whole", "chat.yaml")
    assert outputs["WebSocketUrl"] == f"wss://{outputs['ApiId']}.execute-api.us-east-1.amazonaws.com/prod"
    ann, bob = (site.connect(outputs["WebSocketUrl"]) for _ in range(2))

    say(ann, "Hello AWS")
    for socket in (ann, bob):
        frame = heard(socket)
        assert (frame["type"], frame["sender"], frame["message"]) == ("message", "Student", "Hello AWS")
    bob.send('{"action": "ping"}')
    assert heard(bob) == {"type": "pong"}
    bob.send('{"action": "dance"}')
    usage = heard(bob)
    assert usage["type"] == "usage" and usage["connection"]["sourceIp"]
    say(bob, " ")
    assert heard(bob) == {"type": "error", "message": "The message is empty."}

    ann.close()
    sessions = eventually(
        lambda: site.rows(outputs["SessionsTableName"]),
        lambda rows: any("duration_seconds" in row for row in rows),
        "Ann's session to be closed",
    )
    assert len(sessions) == 2 and all("source_ip" in row for row in sessions)
    assert len(site.rows(outputs["ConnectionsTableName"])) == 1
    assert [row["message"]["S"] for row in site.rows(outputs["MessagesTableName"])] == ["Hello AWS"]

    bob.close()
    site.delete("whole")
    assert left_over(site, "whole") == []


def test_flags_work_when_a_stack_is_updated(site: Site) -> None:
    """An update of parameters alone turns notices on and delivery to the sender off, for clients already connected."""
    url = site.deploy("flags", "chat.yaml")["WebSocketUrl"]
    ann, bob = site.connect(url), site.connect(url)
    site.deploy("flags", "chat.yaml", JoinAndLeaveNotices="true", DeliverToSender="false")
    eve = site.connect(url)
    for socket in (ann, bob):
        notice = heard(socket)
        assert notice["type"] == "notice" and notice["message"].endswith(" joined")
    say(ann, "only to others")
    assert heard(bob)["message"] == heard(eve)["message"] == "only to others"
    ann.send('{"action": "ping"}')
    assert heard(ann) == {"type": "pong"}
    eve.close()
    assert heard(ann)["message"].endswith(" left")
    for socket in (ann, bob):
        socket.close()
    site.delete("flags")


def test_handlers_stack_answers_what_no_route_takes(site: Site) -> None:
    """For an API that exists: whoever sends something unknown is told how to use the chat, and nothing is left behind."""
    api_id, url = existing_api(site)
    found = site.deploy("steps", "handlers.yaml", ApiId=api_id)
    assert found.keys() == {"DefaultIntegrationId"}
    point(site, api_id, {"$default": found["DefaultIntegrationId"]})
    ann = site.connect(url)
    ann.send("hello?")
    assert heard(ann)["type"] == "usage"
    ann.close()
    site.target.client("apigatewayv2").delete_api(ApiId=api_id)
    site.delete("steps")
    assert left_over(site, "steps") == []


def say(socket: websocket.WebSocket, message: str) -> None:
    socket.send(json.dumps({"action": "sendMessage", "sender": "Student", "message": message}))


def heard(socket: websocket.WebSocket) -> dict[str, Any]:
    return json.loads(socket.recv())


def existing_api(site: Site) -> tuple[str, str]:
    """Tables and an API as lessons 1 and 2 leave them: routes that reach nothing but a MOCK integration."""
    dynamodb, gateway = site.target.client("dynamodb"), site.target.client("apigatewayv2")
    for name, keys in TABLES.items():
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
            KeySchema=[
                {"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )
    api_id = gateway.create_api(
        Name="chat-api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    mock = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="MOCK",
        RequestTemplates={"200": '{"statusCode": 200}'},
        TemplateSelectionExpression="200",
    )["IntegrationId"]
    for route_key in (*CHAT_ROUTES, "$default"):
        gateway.create_route(ApiId=api_id, RouteKey=route_key, Target=f"integrations/{mock}")
    deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deployment)
    return api_id, f"wss://{api_id}.execute-api.us-east-1.amazonaws.com/prod"


def point(site: Site, api_id: str, targets: Mapping[str, str]) -> None:
    """Point routes at integrations and deploy, as the lessons' cells do."""
    gateway = site.target.client("apigatewayv2")
    for route in gateway.get_routes(ApiId=api_id)["Items"]:
        if route["RouteKey"] in targets:
            gateway.update_route(
                ApiId=api_id, RouteId=route["RouteId"], Target=f"integrations/{targets[route['RouteKey']]}"
            )
    deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.update_stage(ApiId=api_id, StageName="prod", DeploymentId=deployment)


def left_over(site: Site, prefix: str) -> list[str]:
    """The names of everything that a stack of this prefix made and that is still there."""
    client = site.target.client
    names = list(client("dynamodb").list_tables()["TableNames"])
    names += [function["FunctionName"] for function in client("lambda").list_functions()["Functions"]]
    names += [role["RoleName"] for role in client("iam").list_roles()["Roles"]]
    names += [api["Name"] for api in client("apigatewayv2").get_apis()["Items"]]
    names += [
        group["logGroupName"].removeprefix("/aws/lambda/")
        for group in client("logs").describe_log_groups()["logGroups"]
    ]
    return [name for name in names if name.startswith(f"{prefix}-")]
