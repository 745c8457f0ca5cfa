"""The state at which a lesson begins, from any other, and what clean-up takes away.

test_notebooks_on_moto.py compares it with what a lesson's own cells have made.
Each test has a prefix of its own in the account of its process's emulator.
"""

from __future__ import annotations

import re
from itertools import count

import pytest
from botocore.exceptions import ClientError

from classroom import start
from classroom.account import api, stack, steps, tables
from classroom.account.account import Account
from classroom.account.target import Target
from classroom.operations.cleanup import clean_up, find_ours
from classroom.reading.account_map import look
from tests.course.account_picture import picture
from tests.stage.target import ASSUME_ROLE, package

numbers = count(1)


@pytest.fixture
def account(led_to_the_stage):
    """The account of a learner whom no other test knows."""
    return Account(Target("moto", f"t{next(numbers)}", "us-east-1", "123456789012"))


def test_lesson_when_started_from_any_other(account):
    """Forwards and backwards in any jump, and twice, each lesson begins in the same state."""
    states = {}
    for number in (8, 6, 1, 8, 4, 2, 5, 3, 7, 8, 8, 6, 5, 4, 3, 2, 1):
        steps.set_up(account, number)
        assert states.setdefault(number, picture(account)) == picture(account), f"lesson {number}"


def test_map_when_a_lesson_begins(account):
    """The map tells what AWS has: routes with what they lead to, functions with their tables and stack, rows."""
    steps.set_up(account, 3)
    assert set(look(account).routes.values()) == {"MOCK"} and look(account).functions == ()
    steps.set_up(account, 6)
    account.client("dynamodb").put_item(
        TableName=account.name("ChatConnections"), Item={"connection_id": {"S": "somebody"}}
    )
    found = look(account)
    assert found.tables == {"ChatConnections": 1, "ChatMessages": 0, "ChatSessions": 0}
    assert (found.api, found.staged, found.routes["$connect"]) == ("chat-api", True, "chat_handler")
    chat = next(one for one in found.functions if one.name == "chat_handler")
    assert (chat.stack, chat.tables) == ("chat", ("ChatConnections", "ChatMessages"))
    assert found.stacks["chat"] > 10


def test_lesson_when_the_api_was_made_twice(account):
    """A cell of lesson 2 that ran twice left two APIs of one name: the next lesson keeps the older one only."""
    api_id = steps.set_up(account, 3).api_id
    account.client("apigatewayv2").create_api(
        Name=account.name("chat-api"),
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
        Tags=account.tags,
    )
    assert api.find_apis(account)[0] == api_id and len(api.find_apis(account)) == 2
    assert steps.set_up(account, 3).api_id == api_id and api.find_apis(account) == [api_id]


def test_lesson_when_lesson_3_was_left_half_way(account):
    """Its stack is kept, and lesson 4 goes on with it; a route made by hand makes room for the template's."""
    api_id = steps.set_up(account, 3).api_id
    clean, gateway = picture(account), account.client("apigatewayv2")
    mock = api.ensure_mock(account, api_id)
    gateway.create_route(ApiId=api_id, RouteKey="hello", Target=f"integrations/{mock}")
    assert steps.set_up(account, 3, keep=True).kept == ("the route hello",)
    begun = steps.set_up(account, 4, keep=True)
    assert begun.removed == ("the route hello",) and picture(account)["api"]["routes"]["hello"].endswith(
        "-greeter/invocations"
    )
    assert steps.set_up(account, 3, keep=True).kept == ("the stack handlers", "the stack chat")
    steps.set_up(account, 3)
    assert picture(account) == clean


def test_lesson_when_cloudformation_refuses_the_learners_template(account):
    """What passed its check and cannot be deployed keeps nobody from the lesson: the course's stands in, and it says so."""
    ours = steps.course_template(steps.STATES[4])
    too_patient = ours.replace("Default: 10000", "Default: 60000")
    begun = steps.set_up(account, 4, template=too_patient)
    assert begun.refused.startswith(f"The stack {account.name('chat')} is ROLLBACK_COMPLETE: Integration (AWS::ApiGa")
    assert picture(account)["api"]["routes"]["hello"].endswith("-greeter/invocations")
    mine = ours.replace("Default: Hello", "Default: Good evening")
    assert steps.set_up(account, 4, template=mine, keep=True).refused == ""
    assert picture(account)["stacks"][account.name("chat")]["Greeting"] == "Good evening"


def test_lesson_when_further_lessons_have_been_done(account):
    """Whoever goes back keeps what there is, is told of it, and finds the lesson's routes and what it needs."""
    steps.set_up(account, 7)
    later = picture(account)
    keep_a_row(account, "ChatMessages")
    begun = steps.set_up(account, 1, keep=True)
    assert begun.kept == (
        "the table ChatMessages",
        "the table ChatConnections",
        "the table ChatSessions",
        "the API chat-api",
        "the stack handlers",
        "the stack chat",
    )
    assert picture(account) == later
    kept = steps.set_up(account, 3, keep=True).kept
    assert kept == ("the route ping", "the stack handlers", "the stack chat", "1 row in ChatMessages")
    assert {key: picture(account)["api"]["routes"][key] for key in api.ROUTE_KEYS} == dict.fromkeys(
        api.ROUTE_KEYS, "MOCK"
    )
    assert steps.set_up(account, 4, keep=True).kept == (
        "the route ping",
        "the chat function in the stack chat",
        "its table of connections in the stack chat",
        "1 row in ChatMessages",
    )
    assert picture(account)["stacks"] == later["stacks"]
    assert steps.set_up(account, 7, keep=True).kept == ("1 row in ChatMessages",) and picture(account) == later


def test_lesson_when_it_is_begun_again(account):
    """What the lesson itself has made and stored stays, too; a connection that has ended is forgotten."""
    steps.set_up(account, 6)
    for table in ("ChatConnections", "ChatMessages"):
        keep_a_row(account, table)
    kept = ("its table of connections in the stack chat", "1 row in ChatMessages")
    assert steps.set_up(account, 5, keep=True).kept == kept
    assert tables.rows(account) == {"ChatMessages": 1, "ChatConnections": 0, "ChatSessions": 0}
    assert steps.set_up(account, 5).kept == () and not any(tables.rows(account).values())
    assert "CONNECTIONS_TABLE" not in str(
        account.client("lambda").get_function_configuration(FunctionName=account.name("chat_handler"))
    )


def test_lesson_when_the_learner_has_a_route_of_their_own(account):
    """A route that no lesson makes stays, however far somebody goes back, as long as there is an API."""
    api_id = steps.set_up(account, 8).api_id
    gateway = account.client("apigatewayv2")
    own = gateway.get_integrations(ApiId=api_id)["Items"][0]["IntegrationId"]
    gateway.create_route(ApiId=api_id, RouteKey="rules", Target=f"integrations/{own}")
    steps.set_up(account, 3)
    assert picture(account)["api"]["routes"] == {**dict.fromkeys(api.ROUTE_KEYS, "MOCK"), "rules": "MOCK"}


def test_lesson_when_something_is_gone(account):
    """What a lesson needs and does not find is named; the set-up makes it again."""
    steps.set_up(account, 8)
    assert steps.missing(account, 8) == ()
    tables.remove_tables(account)
    assert steps.missing(account, 8) == (
        "the table ChatMessages",
        "the table ChatConnections",
        "the table ChatSessions",
    )
    api.remove_api(account, api.find_api(account))
    assert "the API chat-api" in steps.missing(account, 4) and steps.missing(account, 1) == ()


def test_lesson_when_started_after_a_later_one(led_to_the_stage, monkeypatch, tmp_path, capsys):
    """The lesson says what it keeps and how to begin afresh; a cell that meets a loss is told what repairs it."""
    monkeypatch.setenv("CHAT_PREFIX", f"t{next(numbers)}")
    monkeypatch.setenv("CHAT_FOLDER", str(tmp_path / "my_chat"))
    start(3)
    assert repr(start(2)) == (
        "Lesson 2 begins: the tables are in place. Kept from before: the API chat-api. "
        "start(2, fresh=True) asks, deletes that, and begins as if for the first time."
    )
    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "")
    assert "Kept from before: the API chat-api." in repr(start(2, fresh=True))
    assert asked == [
        "start(2, fresh=True) deletes the API chat-api; your files in my_chat/ stay. Type yes to delete it: "
    ]
    monkeypatch.setattr("builtins.input", lambda question: "yes")
    lesson = start(2, fresh=True)
    assert repr(lesson) == "Lesson 2 begins: the tables are in place." and api.find_api(lesson.account) is None
    lesson.account.client("dynamodb").delete_table(TableName=lesson.name("ChatSessions"))
    tables_gone = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "PutItem")
    lesson._explain(tables_gone)
    assert capsys.readouterr().out == (
        "This lesson needs the table ChatSessions, which is gone. Run the set-up cell, the first code cell of this "
        "notebook: it makes again what is missing.\n"
    )
    lesson._explain(ValueError("of the learner's own"))
    start(2)
    lesson._explain(tables_gone)
    assert capsys.readouterr().out == ""


def keep_a_row(account, table):
    """Put a row into one of the chat's tables."""
    keys = {"ChatMessages": {"room_id": {"S": "global"}, "timestamp": {"N": "1"}}}
    account.client("dynamodb").put_item(
        TableName=account.name(table), Item=keys.get(table, {"connection_id": {"S": "R0oXAcfD0kwCFiA="}})
    )


def test_lesson_when_rows_are_left(account):
    """Rows of an earlier run are gone when a lesson begins."""
    steps.set_up(account, 2)
    dynamodb = account.client("dynamodb")
    for number in range(30):
        dynamodb.put_item(
            TableName=account.name("ChatMessages"), Item={"room_id": {"S": "global"}, "timestamp": {"N": str(number)}}
        )
    steps.set_up(account, 2)
    assert dynamodb.scan(TableName=account.name("ChatMessages"))["Count"] == 0


def test_lesson_when_a_creation_was_rolled_back(account):
    """A stack that failed to be created, as after a crash, does not stop the lesson."""
    api_id = steps.set_up(account, 3).api_id
    parameters = steps.handlers_parameters(account, api_id)
    body = stack.template_body("handlers.yaml").replace("AWS_PROXY", "AWS_PROXY\n      TimeoutInMillis: 60000")
    account.client("cloudformation").create_stack(
        StackName=account.name("handlers"),
        TemplateBody=body,
        Capabilities=["CAPABILITY_IAM"],
        Tags=account.tag_list,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    assert stack.stack_status(account, account.name("handlers")) == "ROLLBACK_COMPLETE"
    steps.set_up(account, 4)
    assert stack.stack_status(account, account.name("handlers")) == "CREATE_COMPLETE"


def test_deploy_when_a_stack_fails(account):
    """A failing stack is one sentence: the stack, its status, the first failed resource and why."""
    api_id = steps.set_up(account, 3).api_id
    parameters = steps.handlers_parameters(account, api_id) | {"ApiId": "nosuchapi0"}
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
    steps.set_up(account, 5)
    steps.set_up(other, 5)
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
    account.client("iam").attach_role_policy(
        RoleName=account.name("role"), PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )
    for function in ("chat_handler", "hello"):  # one of a stack, one that lesson 3 makes by hand
        account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{account.name(function)}")
    account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{account.name('something_else')}")
    deleted = [(resource.kind, resource.name) for resource in clean_up(account)]
    assert deleted == [
        ("role", account.name("role")),
        ("log group", f"/aws/lambda/{account.name('chat_handler')}"),
        ("log group", f"/aws/lambda/{account.name('hello')}"),
    ]
    left = account.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{account.prefix}-")["logGroups"]
    assert [group["logGroupName"] for group in left] == [f"/aws/lambda/{account.name('something_else')}"]


def test_clean_up_when_a_stranger_has_a_function_of_our_name(account):
    """The log group of a function that has a name of the course's, and not its tags, stays with its function."""
    iam, lambda_, logs = (account.client(service) for service in ("iam", "lambda", "logs"))
    role = iam.create_role(RoleName=f"their-{account.prefix}", AssumeRolePolicyDocument=ASSUME_ROLE)["Role"]
    theirs = account.name("connect")
    lambda_.create_function(
        FunctionName=theirs,
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="handler.handler",
        Code={"ZipFile": package("def handler(event, context): return None")},
    )
    group = f"/aws/lambda/{theirs}"
    logs.create_log_group(logGroupName=group)
    assert clean_up(account) == []
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupName"] == group
    lambda_.delete_function(FunctionName=theirs)
    iam.delete_role(RoleName=role["RoleName"])
    assert [resource.name for resource in clean_up(account)] == [group]


def test_clean_up_when_there_is_nothing(account):
    """Clean-up of an empty account deletes nothing and says so."""
    assert clean_up(account) == []
