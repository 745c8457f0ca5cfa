"""What is visible when at AWS's pace, decided without a clock, a socket or an account."""

from __future__ import annotations

import ast
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import localstage
from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delayed, Delays, PendingUntil
from localstage.door.pace import Throttling
from localstage.services.awslambda.pace import LambdaPace, RolePace
from localstage.services.dynamodb.pace import TablePace, tables_of
from tests.pure.permission_cases import signed_call

PURE = ("door/delays", "services/awslambda/pace", "services/awslambda/directory", "services/dynamodb/pace")
TARGETS = {"dynamodb": "DynamoDB_20120810", "logs": "Logs_20140328"}


def call(service: str, operation: str, region: str = "eu-west-1", **parameters: Any) -> AwsCall:
    """A call of one of the services that are paced."""
    if service == "iam":
        form = "&".join([f"Action={operation}", *(f"{name}={value}" for name, value in parameters.items())])
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return signed_call(service, "POST", "/", headers, form.encode(), region)
    body = json.dumps(parameters).encode()
    if service == "lambda":
        path = {"ListFunctions": "GET /", "CreateFunction": "POST ", "PublishVersion": "POST /f/versions"}[operation]
        method, _, rest = path.partition(" ")
        return signed_call(service, method, f"/2015-03-31/functions{rest}", {}, body, region)
    headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return signed_call(service, "POST", "/", headers, body, region)


def test_package_when_it_is_imported():
    """What decides when something is seen knows no clock, no socket, no AWS client and no moto."""
    modules = set()
    for name in PURE:
        path = Path(localstage.__file__).parent / f"{name}.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0] if not node.module.startswith("localstage") else node.module)
    assert not modules & {"asyncio", "socket", "time", "datetime", "boto3", "botocore", "moto", "aiohttp", "threading"}
    ours = {name for name in modules if name.startswith("localstage")}
    values = {f"localstage.{name}" for name in ("door.call", "door.refusal", "functions.definition")}
    values |= {f"localstage.{name}" for name in ("functions.invocation", "policy.decision", "policy.document")}
    assert ours <= {f"localstage.{name.replace('/', '.')}" for name in PURE} | values


def test_delays_when_they_are_doubled():
    """A factor applies to every delay."""
    assert Delays().times(2) == Delays(**{name: 2 * value for name, value in vars(Delays()).items()})


def test_late_value_when_it_changes_twice():
    """Each change is seen at its own time; in between the one before is."""
    late = Delayed("a")
    late.change("b", due=1.0)
    late.change("c", due=2.0)
    assert [late.seen(now) for now in (0.9, 1.0, 1.9, 2.0)] == ["a", "b", "b", "c"]
    assert (late.settled(1.9), late.settled(2.0)) == (False, True)
    late.forget_past(1.5)
    assert [late.seen(now) for now in (1.5, 2.0)] == ["b", "c"]


def test_work_when_it_is_under_way():
    """A name is under way until its time, or until it is forgotten."""
    work = PendingUntil()
    work.begin("a", until=1.0)
    work.begin("b", until=1.0)
    work.forget("b")
    assert [work.has(name, 0.9) for name in "abc"] == [True, False, False]
    assert not work.has("a", 1.0)


def test_throttling_when_calls_go_on():
    """Bursts of one or two, calm between them, the same in every run and each service on its own."""

    def pattern(service: str) -> str:
        throttling = Throttling()
        return "".join("x" if throttling.refusal(asked[service]) else "." for _ in range(500))

    asked = {
        "iam": call("iam", "ListUsers"),
        "lambda": call("lambda", "ListFunctions"),
        "dynamodb": call("dynamodb", "ListTables"),
    }
    first = pattern("iam")
    assert first == pattern("iam") != pattern("lambda")
    assert 12 < first.count("x") < 60 and "xxx" not in first
    assert all(len(calm) >= 14 for calm in first.strip(".").replace("x", " ").split())
    assert "x" not in pattern("dynamodb")


def test_throttling_when_lines_are_written():
    """What functions do all the time is not throttled, nor what has a rate of its own."""
    throttling = Throttling()
    for one in (call("logs", "PutLogEvents"), signed_call("apigateway", "POST", "/v2/apis/a1/deployments", {})):
        assert not any(throttling.refusal(one) for _ in range(200))


@pytest.mark.parametrize(
    ("operation", "parameters", "names"),
    [
        ("Scan", {"TableName": "T"}, ["T"]),
        ("Scan", {"TableName": "arn:aws:dynamodb:r:1:table/T"}, ["T"]),
        ("Scan", {"TableName": "arn:aws:dynamodb:r:1:table/T/index/i"}, ["T"]),
        ("BatchGetItem", {"RequestItems": {"T": {}, "U": {}}}, ["T", "U"]),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "T"}}, {"Delete": {"TableName": "U"}}]},
            ["T", "U"],
        ),
        ("ListTables", {}, []),
    ],
)
def test_tables_when_a_call_names_them(operation, parameters, names):
    """The names of all tables of a call, also out of ARNs."""
    assert tables_of(call("dynamodb", operation, **parameters)) == names


def answered(**document) -> Answer:
    return Answer(200, [("x-amz-crc32", "1")], json.dumps(document).encode())


def test_tables_when_a_deleted_one_is_made_again():
    """Once AWS would be done with a table, its name is free and the new one is shown; also when a stack made it."""
    pace = TablePace(Delays())
    name = {"TableName": "T"}
    pace.shown(call("dynamodb", "DeleteTable", **name), answered(TableDescription={"TableStatus": "ACTIVE"}), 0.0)
    create = call("dynamodb", "CreateTable", **name)
    assert "being deleted" in pace.refusal(create, 0.9).message
    assert pace.refusal(create, 1.0) is None
    assert pace.refusal(call("dynamodb", "CreateTable", "us-east-1", **name), 0.5) is None
    shown = pace.shown(call("dynamodb", "DescribeTable", **name), answered(Table={"TableStatus": "ACTIVE"}), 0.5)
    assert (shown.document()["Table"]["TableStatus"], shown.headers) == ("ACTIVE", [])


def test_functions_when_a_call_failed():
    """A call that was refused has begun nothing."""
    pace = LambdaPace("123456789012", "eu-west-1", nullcontext, RolePace(Delays()), Delays())
    create, publish = (
        call("lambda", operation, FunctionName="f") for operation in ("CreateFunction", "PublishVersion")
    )
    pace.answer(create, 0.0, lambda: Answer(409, [], b"{}"))
    assert pace.refusal(publish, 0.0) is None
    pace.answer(create, 0.0, lambda: Answer(201, [], b"{}"))
    assert pace.refusal(publish, 0.9).status == 409
    assert pace.refusal(publish, 1.0) is None


def test_role_when_it_is_used_by_its_arn():
    """A role is new for its time, under whatever path its ARN has."""
    roles = RolePace(Delays())
    roles.changed("r", 0.0)
    assert roles.refusal("arn:aws:iam::123456789012:role/service/r", 1.9) is not None
    assert roles.refusal("arn:aws:iam::123456789012:role/service/r", 2.0) is None
    assert roles.refusal("arn:aws:iam::123456789012:role/other", 0.0) is None


def test_tables_when_they_are_listed():
    """Tables that are being deleted are listed until they are gone, behind the last page only."""
    pace, listed = TablePace(Delays()), call("dynamodb", "ListTables")
    for name, now in (("A", 0.0), ("B", 0.5)):
        pace.shown(call("dynamodb", "DeleteTable", TableName=name), answered(TableDescription={}), now)
    page = pace.shown(listed, answered(TableNames=["C"], LastEvaluatedTableName="C"), 0.9)
    assert page.document()["TableNames"] == ["C"]
    names = [pace.shown(listed, answered(TableNames=["C"]), now).document()["TableNames"] for now in (0.9, 1.0, 1.5)]
    assert names == [["C", "A", "B"], ["C", "B"], ["C"]]
