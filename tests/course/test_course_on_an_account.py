"""``python -m classroom``: what course.py's ``live --check`` and ``clean`` do with an account.

The target is live and localstage stands in AWS's place, except where it says moto.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from classroom.account import api, stack, steps
from classroom.account.account import Account
from classroom.account.target import Target
from classroom.operations.cleanup import SomethingIsLeft, clean_up, find_ours
from localstage import LocalStage
from localstage.state import write_note
from tests.course.nbval_runs import ROOT, clean_environment
from tests.stage.waiting import eventually

WITHIN_S = 300
RUN_CELLS = """
import sys, nbformat
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
for cell in nbformat.read(sys.argv[1], as_version=4).cells:
    if cell.cell_type == "code":
        shell.run_cell(cell.source).raise_error()
        print("cell done", flush=True)
"""


@pytest.fixture(scope="module")
def slow_stage():
    """A stage for this file that takes AWS's time."""
    with LocalStage(like_aws=True) as running:
        yield running


@pytest.fixture(scope="module")
def variables(stage, tmp_path_factory):
    """The environment of a program that reaches the stage as it would reach AWS."""
    base = clean_environment(tmp_path_factory.mktemp("work"))
    return {**stage.changes(as_aws=True).applied_to(base), "CHAT_TARGET": "live"}


def classroom(variables: dict[str, str], *words: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Runs one of the classroom's commands to its end."""
    return subprocess.run(
        [sys.executable, "-m", "classroom", *words],
        cwd=ROOT,
        env={**variables, **more},
        input=typed,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )


@contextmanager
def reaching(variables: dict[str, str]):
    """This process has that environment while the block runs, and boto3 takes it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - variables.keys():
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        boto3.setup_default_session()
        yield
    boto3.setup_default_session()


@pytest.fixture
def account(variables, request):
    """The account of a learner whom no other test knows; this process reaches it too."""
    prefix = f"t{abs(hash(request.node.name)) % 10**8}"
    with reaching(variables):
        yield Account(Target("live", prefix, "us-east-1", "123456789012", rehearsal=True))


def test_clean_when_a_lesson_has_run(account, variables):
    """Everything is listed, nothing goes without a yes, then it is deleted one by one and proved gone."""
    steps.set_up(account, 5)
    refused = classroom(variables, "clean", typed="no\n", CHAT_PREFIX=account.prefix)
    assert refused.returncode == 2 and "nothing was deleted" in refused.stderr and find_ours(account)
    done = classroom(variables, "clean", typed="yes\n", CHAT_PREFIX=account.prefix)
    assert done.returncode == 0, done.stderr
    assert f"deleted table {account.name('ChatMessages')}" in done.stdout and done.stdout.endswith("\n0 left.\n")
    assert find_ours(account) == [] and api.find_api(account) is None
    again = classroom(variables, "clean", "--yes", CHAT_PREFIX=account.prefix)
    assert again.returncode == 0 and again.stdout.endswith("0 things of the course.\n0 left.\n")


def test_resources_when_lessons_have_made_them(account):
    """Each function, role, table, API and stack that the lessons make has the prefix and the tags, so clean finds it."""
    before = everything(account)
    steps.set_up(account, 8)
    made = everything(account) - before
    assert len(made) > 15 and made <= {(found.kind, found.name) for found in find_ours(account)}
    clean_up(account)


def everything(account: Account) -> set[tuple[str, str]]:
    """Whatever of five kinds is in the account, no matter whose."""
    return {
        *(("function", one["FunctionName"]) for one in account.pages("lambda", "list_functions", "Functions")),
        *(("role", one["RoleName"]) for one in account.pages("iam", "list_roles", "Roles")),
        *(("table", name) for name in account.pages("dynamodb", "list_tables", "TableNames")),
        *(("API", one["Name"]) for one in account.pages("apigatewayv2", "get_apis", "Items")),
        *(("stack", one["StackName"]) for one in account.pages("cloudformation", "describe_stacks", "Stacks")),
    }


def test_clean_when_no_stage_runs(tmp_path):
    """On moto, without a stage there is nothing to delete: a stage keeps nothing."""
    done = classroom(clean_environment(tmp_path), "clean")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith("0 left.\n")


def test_clean_when_a_stage_runs(account, stage, tmp_path):
    """On moto, a stage that somebody has started is found and cleaned."""
    steps.set_up(account, 2)
    environment = clean_environment(tmp_path)
    note = stage._note
    write_note(note, Path(environment["LOCALSTAGE_STATE_DIR"]) / f"{note.port}.json")
    done = classroom(environment, "clean", "--yes", CHAT_PREFIX=account.prefix)
    assert done.returncode == 0 and done.stdout.endswith("0 left.\n"), done.stderr
    assert find_ours(account) == []


def test_clean_up_when_stacks_ended_badly(account):
    """A stack in review, one rolled back and one whose deletion failed go, and what they hold with them."""
    formation, s3 = account.client("cloudformation"), account.client("s3")
    topic = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    formation.create_change_set(
        StackName=account.name("review"),
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=topic,
        Tags=account.tag_list,
    )
    broken = json.dumps(
        {
            "Resources": {
                "Topic": {"Type": "AWS::SNS::Topic"},
                "Route": {
                    "Type": "AWS::ApiGatewayV2::Route",
                    "Properties": {"ApiId": "nosuchapi0", "RouteKey": "$default"},
                },
            }
        }
    )
    formation.create_stack(StackName=account.name("broken"), TemplateBody=broken, Tags=account.tag_list)
    held = json.dumps(
        {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": account.bucket}}}}
    )
    formation.create_stack(StackName=account.name("held"), TemplateBody=held, Tags=account.tag_list)
    formation.get_waiter("stack_create_complete").wait(StackName=account.name("held"), WaiterConfig={"Delay": 1})
    s3.put_bucket_tagging(Bucket=account.bucket, Tagging={"TagSet": account.tag_list})
    s3.put_bucket_versioning(Bucket=account.bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=account.bucket, Key="one", Body=b"1")
    s3.put_object(Bucket=account.bucket, Key="one", Body=b"2")
    s3.delete_object(Bucket=account.bucket, Key="one")
    s3.create_multipart_upload(Bucket=account.bucket, Key="never ended")
    said = []
    clean_up(account, lambda resource, reason: said.append((resource.kind, resource.name, bool(reason))))
    assert find_ours(account) == []
    assert stack.stack_status(account, account.name("held")) is None
    assert ("stack", account.name("held"), True) in said and ("stack", account.name("held"), False) in said


@pytest.mark.parametrize(
    ("kind", "lesson", "listed"),
    [
        ("table", "01-create-tables", ("dynamodb", "list_tables", "TableNames")),
        ("stack", "03-deploy-with-cloudformation", ("cloudformation", "describe_stacks", "Stacks")),
        ("function", "05-broadcast", ("lambda", "list_functions", "Functions")),
    ],
)
def test_clean_when_a_lesson_was_killed(kind, lesson, listed, slow_stage, tmp_path):
    """A lesson on AWS, killed with SIGKILL as soon as it has made something: clean deletes what it left, in any state."""
    variables = {
        **slow_stage.changes(as_aws=True).applied_to(clean_environment(tmp_path)),
        "CHAT_TARGET": "live",
        "CHAT_PREFIX": f"killed{kind}",
    }
    with reaching(variables):
        account = Account(Target("live", f"killed{kind}", "us-east-1", "123456789012", rehearsal=True))
        kill_when(lambda: f"killed{kind}-" in str(account.pages(*listed)), lesson, variables)
        done = classroom(variables, "clean", "--yes")
        assert done.returncode == 0 and done.stdout.endswith("\n0 left.\n"), done.stdout + done.stderr
        assert find_ours(account) == [] and kind in done.stdout


def test_clean_up_when_a_table_is_still_being_deleted(slow_stage, tmp_path):
    """Once it has returned, no table that it deleted is listed any more, although AWS takes its time."""
    with reaching(slow_stage.changes(as_aws=True).applied_to(clean_environment(tmp_path))):
        account = Account(Target("live", "forgetful", "us-east-1", "123456789012", rehearsal=True))
        dynamodb = account.client("dynamodb")
        dynamodb.create_table(
            TableName=account.name("forgotten"),
            BillingMode="PAY_PER_REQUEST",
            Tags=account.tag_list,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        dynamodb.get_waiter("table_exists").wait(TableName=account.name("forgotten"), WaiterConfig={"Delay": 1})
        eventually(lambda: [found.kind for found in find_ours(account)], lambda kinds: kinds == ["table"], "the table")
        assert [one.name for one in clean_up(account)] == [account.name("forgotten")]
        assert account.name("forgotten") not in dynamodb.list_tables()["TableNames"]


def kill_when(it_is_there: Callable[[], bool], lesson: str, variables: dict[str, str]) -> None:
    """Runs a lesson's cells in a process of its own, and kills it with SIGKILL at that moment."""
    cells = subprocess.Popen(
        [sys.executable, "-c", RUN_CELLS, f"{lesson}.ipynb"],
        cwd=ROOT / "notebooks",
        env=variables,
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: it_is_there() or cells.poll() is not None, bool, f"what lesson {lesson} makes")
    finally:
        cells.kill()
        cells.wait()
    assert cells.returncode == -signal.SIGKILL, "the lesson ended before it could be killed"


def test_clean_up_when_it_may_not_delete(account, monkeypatch):
    """What the caller may not delete is named at once, with AWS's reason; everything else is gone."""
    steps.set_up(account, 2)

    def refuse(**_):
        raise account.client("dynamodb").exceptions.ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": "User is not authorized"}}, "DeleteTable"
        )

    real = account.client("dynamodb")
    monkeypatch.setattr(real, "delete_table", refuse)
    with pytest.raises(SomethingIsLeft) as left:
        clean_up(account)
    assert str(left.value).startswith("3 left: table ") and "AccessDeniedException: User is not authorized" in str(
        left.value
    )
    monkeypatch.undo()


def test_check_when_there_is_no_account(tmp_path):
    """Without credentials the check is one sentence and status 2."""
    environment = {
        **clean_environment(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHAT_REGION": "us-east-1",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    done = classroom(environment, "check")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "check your credentials" in done.stderr


def test_check_when_the_account_is_ready(account, variables):
    """Each fact is a line: who, what is allowed, quotas, what will be made, tags, costs; nothing is changed."""
    before = find_ours(account)
    done = classroom(variables, "check", CHAT_PREFIX=account.prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    abouts = [line.split(":", 1)[1].split("  ")[0].strip() for line in done.stdout.splitlines()]
    for word in ("credentials", "permissions", "quotas", "will make", "tags", "costs"):
        assert any(word in line for line in done.stdout.splitlines()), (word, abouts)
    assert f"{account.prefix}-ChatMessages" in done.stdout and "not ok" not in done.stdout
    assert find_ours(account) == before == []
