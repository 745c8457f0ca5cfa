"""Projects with functions in Node.js, deployed as they are by ``localstage deploy``, and talked to by two clients.

What stands in node/ is of the shape that AWS's samples have, in our own words. The
AWS SDK is not there, because a test fetches nothing: small-aws, a layer of forty
lines, signs and sends what these functions ask of AWS.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket
from click.testing import CliRunner

from localstage import LocalStage, cli
from localstage.functions.runtimes import Node
from localstage.project.building import Building
from localstage.project.deployment import Deployment, Wanted
from localstage.project.watch import Watch
from localstage.sessions import StageSession
from localstage.state import ask
from tests.stage.target import Target, status_of_refusal
from tests.stage.waiting import eventually

PROJECTS = Path(__file__).parent / "node"
pytestmark = pytest.mark.skipif(Node().missing() is not None, reason=f"it needs {Node().missing()}")


@pytest.fixture
def outputs(request: pytest.FixtureRequest, stage: LocalStage) -> Iterator[dict[str, str]]:
    """The outputs of a project that was deployed with its name in the test's parameter; its stack is gone afterwards."""
    template, name = request.param
    done = CliRunner().invoke(
        cli.main, ["deploy", str(PROJECTS / template), "--no-follow", "--port", stage.url.rpartition(":")[2]]
    )
    assert done.exit_code == 0, done.output
    formation = StageSession(stage.access).client("cloudformation")
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    formation.delete_stack(StackName=name)
    formation.get_waiter("stack_delete_complete").wait(StackName=name)


def told(people: list[websocket.WebSocket]) -> list[str]:
    """The next message of each."""
    return [str(person.recv()) for person in people]


@pytest.mark.parametrize("outputs", [("chat", "node-chat")], indirect=True)
def test_chat_when_its_functions_are_in_two_languages(target: Target, outputs: dict[str, str]):
    """A SAM chat: three functions in Node.js and one in Python share a table and an API, and both broadcast."""
    assert outputs["Greeting"] == "Welcome"  # From samconfig.toml, as is the stack's name.
    people = [target.connect(outputs["Url"]) for _ in range(2)]
    people[0].send(json.dumps({"action": "sendmessage", "data": "hello"}))
    assert told(people) == ["hello", "hello"]
    people[1].send(json.dumps({"action": "shout", "data": "hello"}))
    assert told(people) == ["HELLO", "HELLO"]
    table, dynamodb = outputs["Table"], target.client("dynamodb")
    stale = {"connectionId": {"S": "AAAAAAAAIAMCJAA="}}
    dynamodb.put_item(TableName=table, Item=stale)
    people[0].send(json.dumps({"action": "sendmessage", "data": "again"}))
    assert told(people) == ["again", "again"]
    for person in people:
        person.close()
    eventually(
        lambda: dynamodb.scan(TableName=table, ConsistentRead=True)["Items"],
        lambda items: items == [],
        "the table of connections to be empty",
    )


@pytest.mark.parametrize("outputs", [("inline.yaml", "node")], indirect=True)
def test_functions_when_their_code_is_in_the_template(stage: LocalStage, target: Target, outputs: dict[str, str]):
    """A sub-protocol is accepted or refused; callbacks answer; each way to an AWS host leads to localstage."""
    assert status_of_refusal(target, outputs["Url"]) == 400
    socket = target.connect(outputs["Url"], subprotocols=["other", "chat.v1"])
    assert socket.getsubprotocol() == "chat.v1"
    socket.send("hello")
    assert socket.recv() == "$LATEST hello"
    socket.send("fail")
    assert json.loads(socket.recv())["message"] == "Internal server error"
    socket.send(json.dumps({"action": "ways"}))
    answers = json.loads(socket.recv())
    refused = answers.pop("refused")
    assert re.fullmatch(
        r"sts\.[a-z0-9-]+\.amazonaws\.com:8443 is AWS's; localstage answers for port 443 only\.", refused
    )
    head, _, body = answers.pop("tls").partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 ") and body
    assert set(answers) == {"global", "own", "none", "fetch"}
    assert ["MissingAuthenticationToken" in answer for answer in (body, *answers.values())] == [True] * 5, answers
    socket.close()
    lines = [entry["text"] for entry in ask(stage.url, "activity?after=0")["entries"] if entry["kind"] == "line"]
    assert any("\tINFO\tknows SUCCESS FAILED" in line for line in lines)


@pytest.mark.parametrize("outputs", [("cdk/cdk.out", "node-chat-of-the-cdk")], indirect=True)
def test_chat_when_the_cdk_bundled_its_typescript(target: Target, outputs: dict[str, str]):
    """A folder that the CDK synthesised is deployed with its assets, under the name that the CDK gave the stack."""
    people = [target.connect(outputs["Url"]) for _ in range(2)]
    people[1].send(json.dumps({"action": "send", "text": "hello"}))
    assert told(people) == ["hello", "hello"]
    for person in people:
        person.close()


@pytest.mark.parametrize("outputs", [("members.yaml", "node")], indirect=True)
def test_chat_when_only_members_may_enter(target: Target, outputs: dict[str, str]):
    """Who signs up is confirmed by a function, signs in, and comes in with a cookie; a queue tells who has come."""
    idp, people = target.client("cognito-idp"), {}
    target.client("lambda").invoke(FunctionName=outputs["Confirm"], Payload="{}")  # Warm: a pool waits five seconds.
    assert status_of_refusal(target, outputs["Url"]) == 401
    for name in ("anna", "ben"):
        who = {"USERNAME": name, "PASSWORD": "a Passw0rd! that is long"}
        idp.sign_up(ClientId=outputs["App"], Username=name, Password=who["PASSWORD"])
        flow = {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": who}
        token = idp.initiate_auth(ClientId=outputs["App"], **flow)["AuthenticationResult"]["IdToken"]
        people[name] = target.connect(outputs["Url"], cookie=f"token={token}")
        assert told(list(people.values())) == [f"{name} is here"] * len(people)
    people["ben"].send("hello")
    assert told(list(people.values())) == ["ben: hello"] * 2
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:10]}{'A' * 8}{signature[18:]}"
    assert status_of_refusal(target, outputs["Url"], cookie=f"token={forged}") == 403
    for person in people.values():
        person.close()


BUNDLED = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: nodejs20.x, Handler: app.handler}}
Resources:
  Plain: {Type: AWS::Serverless::Function, Properties: {CodeUri: plain, FunctionName: node-plain}}
  Bundled:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: esbuild, BuildProperties: {EntryPoints: [app.ts]}}
    Properties: {CodeUri: bundled, FunctionName: node-bundled}
"""
# In esbuild's place, which a test would have to fetch: it knows one file and one type.
ESBUILD = """#!/usr/bin/env node
const fs = require('node:fs');
const folder = process.argv.find((word) => word.startsWith('--outdir=')).slice(9);
fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(`${folder}/app.js`, fs.readFileSync(process.argv[2], 'utf8').replaceAll(': string', ''));
"""


@pytest.mark.skipif(os.name == "nt", reason="a script that names its interpreter is POSIX's")
def test_watched_project_when_code_in_node_changes(stage: LocalStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What deploy --watch looks at has the sources of plain and of bundled functions; the changed one alone is new."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    esbuild = tmp_path / "project" / "node_modules" / ".bin" / "esbuild"
    sources = [tmp_path / "project" / name for name in ("plain/app.js", "bundled/app.ts")]
    for file, text in (
        (esbuild, ESBUILD),
        (sources[0], "exports.handler = async () => 'old'"),
        (sources[1], "exports.handler = async (): string => 'old'"),
        (tmp_path / "project" / "template.yaml", BUNDLED),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    esbuild.chmod(0o755)
    session = StageSession(stage.access)
    functions = session.client("lambda")

    def answers() -> list[str]:
        invoked = [functions.invoke(FunctionName=name) for name in ("node-plain", "node-bundled")]
        return [json.load(answer["Payload"]) for answer in invoked]

    deployment = Deployment(
        session, Wanted(tmp_path / "project" / "template.yaml", "watched-node", {}, build=Building().build)
    )
    deployment.deploy()
    assert answers() == ["old", "old"]
    seen = Watch(deployment.watched)
    for source, name, now in ((sources[1], "Bundled", ["old", "new"]), (sources[0], "Plain", ["new", "new"])):
        source.write_text(source.read_text().replace("'old'", "'new'"))
        eventually(lambda: seen.changed(deployment.watched), bool, "the change to be seen")
        assert deployment.deploy() == [name]
        assert answers() == now
    session.client("cloudformation").delete_stack(StackName="watched-node")
