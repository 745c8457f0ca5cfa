"""The state at which a lesson begins, from anywhere, and what clean-up takes away.

Each test has a prefix of its own in the account of its process's emulator.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from types import SimpleNamespace

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from classroom.account import api, packages, stack, steps
from classroom.account.account import Account
from classroom.account.target import Target
from classroom.my_chat import writing
from classroom.operations.cleanup import clean_up, find_ours
from tests.course.nbval_runs import NOTEBOOKS, number_of

BY_NUMBER = {number_of(path): path for path in NOTEBOOKS}
numbers = count(1)
_PYTHON = TransformerManager()


@pytest.fixture
def account(led_to_the_stage):
    """The account of a learner whom no other test knows."""
    return Account(Target("moto", f"t{next(numbers)}", "us-east-1", "123456789012"))


def picture(account: Account) -> dict:
    """What there is, without ids and times: tables, routes with their targets, stacks with their parameters."""
    tables = {}
    for name in account.pages("dynamodb", "list_tables", "TableNames"):
        if name.startswith(f"{account.prefix}-"):
            table = account.client("dynamodb").describe_table(TableName=name)["Table"]
            expiry = account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            throughput = table.get("ProvisionedThroughput", {})
            tables[name] = (
                table["KeySchema"],
                throughput.get("ReadCapacityUnits"),
                expiry.get("AttributeName"),
                account.client("dynamodb").list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
            )
    api_id = api.find_api(account)
    return {
        "tables": tables,
        "api": routes_of(account, api_id) if api_id else None,
        "stacks": {
            name: {
                key: value
                for key, value in stack.parameters(account, name).items()
                if key not in ("ApiId", "ChatCodeKey")
            }
            for name in (account.name("handlers"), account.name("sessions"))
            if stack.stack_status(account, name)
        },
    }


def routes_of(account: Account, api_id: str) -> dict:
    """The routes that the stage prod serves, each with what it targets, and whether the API is as it was deployed."""
    gateway = account.client("apigatewayv2")
    integrations = {
        f"integrations/{entry['IntegrationId']}": entry.get("IntegrationUri", "MOCK").rpartition("function:")[2]
        for entry in gateway.get_integrations(ApiId=api_id)["Items"]
    }
    description = gateway.get_api(ApiId=api_id)
    stages = gateway.get_stages(ApiId=api_id)["Items"]
    made = {entry["DeploymentId"]: entry["CreatedDate"] for entry in gateway.get_deployments(ApiId=api_id)["Items"]}
    return {
        "expression": description["RouteSelectionExpression"],
        "tags": description["Tags"],
        "stages": [entry["StageName"] for entry in stages],
        "newest deployment served": made[stages[0]["DeploymentId"]] == max(made.values()),
        "routes": {
            route["RouteKey"]: integrations[route["Target"]] for route in gateway.get_routes(ApiId=api_id)["Items"]
        },
    }


def run_cell_magic(name: str, line: str, cell: str) -> None:
    """What IPython does with a cell that begins with ``%%write`` or ``%%mend``."""
    {"write": writing.write, "mend": writing.mend}[name](line, cell)


def run_cells(number: int | str, account: Account, monkeypatch, tmp_path) -> Iterator[None]:
    """Run the code cells of a lesson in this process, without comparing outputs; its own checks must hold.

    Each step of the iterator runs all of them once more, in the same names, with the earlier panels open.
    """
    path = BY_NUMBER[str(number)]
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("CHAT_PREFIX", account.prefix)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MESSAGES_TABLE", "")  # lesson 4 sets it for a handler that it runs in a cell
    loaded = set(sys.modules)
    monkeypatch.setenv("CHAT_FOLDER", str(tmp_path / "my_chat"))
    names: dict = {"get_ipython": lambda: SimpleNamespace(run_cell_magic=run_cell_magic)}
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    try:
        for turn in count(1):
            for place, source in enumerate(cells):
                name = f"{path.name}, cell {place}, turn {turn}"
                # As in a kernel, the source of a cell's functions can be looked up.
                entry = (len(source), None, source.splitlines(keepends=True), name)
                monkeypatch.setitem(linecache.cache, name, entry)
                exec(compile(_PYTHON.transform_cell(source), name, "exec"), names)
            yield
    finally:
        if "lesson" in names:
            names["lesson"].hang_up()
        for name in set(sys.modules) - loaded:  # lesson 4 imports files of handlers/, whose names are no package's
            place = os.path.realpath(getattr(sys.modules[name], "__file__", None) or "")
            if place.startswith(f"{packages.HANDLERS}{os.sep}"):
                del sys.modules[name]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6, 7])
def test_lesson_when_its_cells_have_run_twice(number, account, monkeypatch, tmp_path):
    """Once or twice in one kernel, a lesson's own cells leave exactly the state at which the next lesson begins."""
    with closing(run_cells(number, account, monkeypatch, tmp_path)) as turns:
        next(turns)
        made_by_cells = picture(account)
        next(turns)
        assert number == 0 or picture(account) == made_by_cells
    if number == 0:
        return
    steps.bring_to(account, number + 1)
    assert picture(account) == made_by_cells
    clean_up(account)
    steps.bring_to(account, number + 1)
    assert picture(account) == made_by_cells


def test_bug_hunt_when_its_cells_have_run_twice(account, monkeypatch, tmp_path):
    """The hunt leaves the chat's own functions behind the routes, and nothing of its own."""
    steps.bring_to(account, 7)
    before = picture(account)
    with closing(run_cells("7b", account, monkeypatch, tmp_path)) as turns:
        for _ in range(2):
            next(turns)
            assert picture(account) == before
    ours = {resource.name for resource in find_ours(account)}
    assert not any("practice" in name for name in ours), ours


def test_lesson_when_started_from_any_other(account):
    """Forwards and backwards in any jump, and twice, each lesson begins in the same state."""
    states = {}
    for number in (8, 6, 1, 8, 4, 2, 5, 3, 7, 8, 8, 6, 5, 4, 3, 2, 1):
        steps.bring_to(account, number)
        assert states.setdefault(number, picture(account)) == picture(account), f"lesson {number}"


def test_lesson_when_the_api_was_made_twice(account):
    """A cell of lesson 2 that ran twice left two APIs of one name: the next lesson keeps the older one only."""
    api_id = steps.bring_to(account, 3)
    account.client("apigatewayv2").create_api(
        Name=account.name("chat-api"),
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
        Tags=account.tags,
    )
    assert api.find_apis(account)[0] == api_id and len(api.find_apis(account)) == 2
    assert steps.bring_to(account, 3) == api_id and api.find_apis(account) == [api_id]


def test_lesson_when_rows_are_left(account):
    """Rows of an earlier run are gone when a lesson begins."""
    steps.bring_to(account, 2)
    dynamodb = account.client("dynamodb")
    for number in range(30):
        dynamodb.put_item(
            TableName=account.name("ChatMessages"), Item={"room_id": {"S": "global"}, "timestamp": {"N": str(number)}}
        )
    steps.bring_to(account, 2)
    assert dynamodb.scan(TableName=account.name("ChatMessages"))["Count"] == 0


def test_lesson_when_a_creation_was_rolled_back(account):
    """A stack that failed to be created, as after a crash, does not stop the lesson."""
    api_id = steps.bring_to(account, 3)
    parameters = steps.handlers_parameters(account, api_id, ())
    body = stack.template_body("handlers.yaml").replace("AWS_PROXY", "AWS_PROXY\n      TimeoutInMillis: 60000")
    account.client("cloudformation").create_stack(
        StackName=account.name("handlers"),
        TemplateBody=body,
        Capabilities=["CAPABILITY_IAM"],
        Tags=account.tag_list,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    assert stack.stack_status(account, account.name("handlers")) == "ROLLBACK_COMPLETE"
    steps.bring_to(account, 4)
    assert stack.stack_status(account, account.name("handlers")) == "CREATE_COMPLETE"


def test_deploy_when_a_stack_fails(account):
    """A failing stack is one sentence: the stack, its status, the first failed resource and why."""
    api_id = steps.bring_to(account, 3)
    parameters = steps.handlers_parameters(account, api_id, ()) | {"ApiId": "nosuchapi0"}
    with pytest.raises(stack.StackFailed) as raised:
        stack.deploy(account, account.name("handlers"), "handlers.yaml", parameters)
    assert re.match(
        rf"^The stack {account.prefix}-handlers is ROLLBACK_COMPLETE: DefaultIntegration "
        r"\(AWS::ApiGatewayV2::Integration\): .+",
        str(raised.value),
    ), raised.value


def test_clean_up_when_others_have_similar_names(account):
    """Clean-up deletes what has the prefix and the tags, and nothing of anybody else."""
    dynamodb, gateway = account.client("dynamodb"), account.client("apigatewayv2")
    other = Account(Target("moto", f"{account.prefix}-b", "us-east-1", "123456789012"))
    steps.bring_to(account, 5)
    steps.bring_to(other, 5)
    untagged = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb.create_table(TableName=account.name("not-from-the-course"), **untagged)
    gateway.create_api(Name=account.name("their-api"), ProtocolType="HTTP")
    kept = picture(other)

    deleted = {resource.kind for resource in clean_up(account)}

    assert {"API", "stack", "table", "bucket"} <= deleted
    assert find_ours(account) == []
    assert picture(other) == kept
    assert account.name("not-from-the-course") in dynamodb.list_tables()["TableNames"]
    assert account.name("their-api") in [entry["Name"] for entry in gateway.get_apis()["Items"]]


def test_clean_up_when_a_lesson_was_left_half_way(account):
    """Single things without their stack are found, too: a function, its role and its log group, a table."""
    account.client("iam").create_role(
        RoleName=account.name("role"), AssumeRolePolicyDocument="{}", Tags=account.tag_list
    )
    account.client("iam").put_role_policy(
        RoleName=account.name("role"),
        PolicyName="p",
        PolicyDocument=(
            '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}}'
        ),
    )
    account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{account.name('chat_handler')}")
    account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{account.name('something_else')}")
    deleted = [(resource.kind, resource.name) for resource in clean_up(account)]
    assert deleted == [("role", account.name("role")), ("log group", f"/aws/lambda/{account.name('chat_handler')}")]
    left = account.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{account.prefix}-")["logGroups"]
    assert [group["logGroupName"] for group in left] == [f"/aws/lambda/{account.name('something_else')}"]


def test_clean_up_when_there_is_nothing(account):
    """Clean-up of an empty account deletes nothing and says so."""
    assert clean_up(account) == []
