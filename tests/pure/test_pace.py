"""What is visible when at AWS's pace, decided without a clock, a socket or moto."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import localstage
from localstage.door.delays import Delays
from localstage.door.late import Late, Underway
from localstage.door.pace_calls import Answer, ApiCall, Refusal, read_call
from localstage.door.throttling import Throttling
from localstage.services.awslambda.pace import FunctionPace, RolePace
from localstage.services.dynamodb.pace import TablePace, tables_of

PURE = (
    "door/delays",
    "door/late",
    "door/pace_calls",
    "door/throttling",
    "services/awslambda/pace",
    "services/dynamodb/pace",
)
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261121/eu-west-1/{}/aws4_request, SignedHeaders=host"}


def test_package_when_it_is_imported():
    """The package knows no clock, no socket, no AWS client and no moto."""
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
    assert ours <= {f"localstage.{name.replace('/', '.')}" for name in PURE}


def test_delays_when_they_are_doubled():
    """A factor applies to every delay."""
    assert Delays().times(2) == Delays(**{name: 2 * value for name, value in vars(Delays()).items()})


def test_late_value_when_it_changes_twice():
    """Each change is seen at its own time; in between the one before is."""
    late = Late("a")
    late.change("b", due=1.0)
    late.change("c", due=2.0)
    assert [late.seen(now) for now in (0.9, 1.0, 1.9, 2.0)] == ["a", "b", "b", "c"]
    assert (late.settled(1.9), late.settled(2.0)) == (False, True)
    late.forget_past(1.5)
    assert [late.seen(now) for now in (1.5, 2.0)] == ["b", "c"]


def test_work_when_it_is_under_way():
    """A name is under way until its time, or until it is forgotten."""
    work = Underway()
    work.begin("a", until=1.0)
    work.begin("b", until=1.0)
    work.forget("b")
    assert [work.has(name, 0.9) for name in "abc"] == [True, False, False]
    assert not work.has("a", 1.0)


@pytest.mark.parametrize(
    ("request_line", "headers", "service", "body", "call"),
    [
        (
            "POST /",
            {"x-amz-target": "DynamoDB_20120810.GetItem"},
            "dynamodb",
            b'{"TableName": "T"}',
            ApiCall("dynamodb", "eu-west-1", "GetItem", {"TableName": "T"}),
        ),
        (
            "POST /",
            {},
            "iam",
            b"Action=CreateRole&RoleName=r",
            ApiCall("iam", "eu-west-1", "CreateRole", {"Action": "CreateRole", "RoleName": "r"}),
        ),
        (
            "PUT /2015-03-31/functions/arn%3Aaws%3Af/code",
            {},
            "lambda",
            b'{"S3Key": "k"}',
            ApiCall("lambda", "eu-west-1", "UpdateFunctionCode", {"S3Key": "k", "FunctionName": "arn:aws:f"}),
        ),
        (
            "GET /2015-03-31/functions/f?Qualifier=1",
            {},
            "lambda",
            b"",
            ApiCall("lambda", "eu-west-1", "GetFunction", {"FunctionName": "f"}),
        ),
        ("POST /v2/apis", {}, "apigateway", b"{}", ApiCall("apigateway", "eu-west-1", "POST /v2/apis")),
        (
            "POST /",
            {"x-amz-target": "Logs_20140328.GetLogEvents"},
            "logs",
            b"not json",
            ApiCall("logs", "eu-west-1", "GetLogEvents"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_call_when_it_is_read(request_line, headers, service, body, call):
    """A request of each protocol is read as AWS's operation with its parameters."""
    method, path = request_line.split()
    signed = {"authorization": SIGNED["authorization"].format(service), **headers}
    assert read_call(method, path, signed, body) == call


def test_call_when_it_is_not_signed():
    """A call without a credential scope is none that is paced."""
    assert read_call("GET", "/", {}, b"") == ApiCall("", "", "")


def test_refusal_when_it_goes_on_the_wire():
    """Query services answer XML, the others JSON with the code in a header too."""
    refusal = Refusal("Throttling", "Rate <exceeded>")
    answer = refusal.answer_to(ApiCall("iam", "", ""), "id")
    assert (answer.status, b"<Code>Throttling</Code><Message>Rate &lt;exceeded&gt;" in answer.body) == (400, True)
    answer = refusal.answer_to(ApiCall("lambda", "", ""), "id")
    assert (dict(answer.headers)["x-amzn-errortype"], json.loads(answer.body)["message"]) == (
        "Throttling",
        "Rate <exceeded>",
    )


def test_throttling_when_calls_go_on():
    """Bursts of one or two, calm between them, the same in every run and each service on its own."""

    def pattern(service: str) -> str:
        throttling = Throttling()
        return "".join("x" if throttling.refusal(ApiCall(service, "r", "List")) else "." for _ in range(500))

    first = pattern("iam")
    assert first == pattern("iam") != pattern("lambda")
    assert 12 < first.count("x") < 60 and "xxx" not in first
    assert all(len(calm) >= 14 for calm in first.strip(".").replace("x", " ").split())
    assert "x" not in pattern("dynamodb")


def test_throttling_when_lines_are_written():
    """What functions do all the time is not throttled, nor what has a rate of its own."""
    throttling = Throttling()
    for call in (ApiCall("logs", "r", "PutLogEvents"), ApiCall("apigateway", "r", "POST /v2/apis/a1/deployments")):
        assert not any(throttling.refusal(call) for _ in range(200))


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"TableName": "T"}, ["T"]),
        ({"TableName": "arn:aws:dynamodb:r:1:table/T"}, ["T"]),
        ({"TableName": "arn:aws:dynamodb:r:1:table/T/index/i"}, ["T"]),
        ({"RequestItems": {"T": {}, "U": {}}}, ["T", "U"]),
        ({"TransactItems": [{"Put": {"TableName": "T"}}, {"Delete": {"TableName": "U"}}]}, ["T", "U"]),
        ({}, []),
    ],
)
def test_tables_when_a_call_names_them(parameters, names):
    """The names of all tables of a call, also out of ARNs."""
    assert tables_of(ApiCall("dynamodb", "r", "X", parameters)) == names


def answered(**document) -> Answer:
    return Answer(200, [("x-amz-crc32", "1")], json.dumps(document).encode())


def test_tables_when_a_deleted_one_is_made_again():
    """Once AWS would be done with a table, its name is free and the new one is shown; also when a stack made it."""
    pace = TablePace(Delays())
    name = {"TableName": "T"}
    pace.shown(ApiCall("dynamodb", "r", "DeleteTable", name), answered(TableDescription={"TableStatus": "ACTIVE"}), 0.0)
    create = ApiCall("dynamodb", "r", "CreateTable", name)
    assert "being deleted" in pace.refusal(create, 0.9).message
    assert pace.refusal(create, 1.0) is None
    assert pace.refusal(ApiCall("dynamodb", "elsewhere", "CreateTable", name), 0.5) is None
    shown = pace.shown(ApiCall("dynamodb", "r", "DescribeTable", name), answered(Table={"TableStatus": "ACTIVE"}), 0.5)
    assert (shown.document()["Table"]["TableStatus"], shown.headers) == ("ACTIVE", [])


def test_functions_when_a_call_failed():
    """A call that was refused has begun nothing."""
    pace = FunctionPace(Delays(), RolePace(Delays()))
    call = ApiCall("lambda", "r", "CreateFunction", {})
    pace.shown(call, "f", Answer(409, [], b"{}"), 0.0)
    assert pace.pending("r", "f", 0.0) is None
    pace.shown(call, "f", Answer(201, [], b"{}"), 0.0)
    assert pace.pending("r", "f", 0.9).status == 409
    assert pace.pending("r", "f", 1.0) is None


def test_role_when_it_is_used_by_its_arn():
    """A role is new for its time, under whatever path its ARN has."""
    roles = RolePace(Delays())
    roles.changed("r", 0.0)
    assert roles.refusal("arn:aws:iam::123456789012:role/service/r", 1.9) is not None
    assert roles.refusal("arn:aws:iam::123456789012:role/service/r", 2.0) is None
    assert roles.refusal("arn:aws:iam::123456789012:role/other", 0.0) is None


def test_tables_when_they_are_listed():
    """Tables that are being deleted are listed until they are gone, behind the last page only."""
    pace, listed = TablePace(Delays()), ApiCall("dynamodb", "r", "ListTables")
    for name, now in (("A", 0.0), ("B", 0.5)):
        pace.shown(ApiCall("dynamodb", "r", "DeleteTable", {"TableName": name}), answered(TableDescription={}), now)
    page = pace.shown(listed, answered(TableNames=["C"], LastEvaluatedTableName="C"), 0.9)
    assert page.document()["TableNames"] == ["C"]
    names = [pace.shown(listed, answered(TableNames=["C"]), now).document()["TableNames"] for now in (0.9, 1.0, 1.5)]
    assert names == [["C", "A", "B"], ["C", "B"], ["C"]]
