"""What is around the comparison of the write-ups: clean-up, names, the command; test_notebooks_on_moto.py has itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from classroom.account import stack
from classroom.account.account import Account
from classroom.account.deployment_name import stamped
from classroom.account.target import Target
from classroom.exercises.checks import CheckFailed
from classroom.labs import measuring, variants
from classroom.labs.people import Person
from classroom.labs.variants import LET_IN, PUBLISHED, VARIANTS, NoSuchVariant, Variant
from classroom.operations.cleanup import clean_up, find_ours
from localstage import LocalStage


@pytest.fixture(scope="module")
def account(led_to_the_stage: LocalStage) -> Account:
    """The only learner in the account, which this process is connected to."""
    return Account(Target("moto", "vars", "us-east-1", "123456789012"))


def test_clean_up_when_a_variant_was_left_behind(account: Account) -> None:
    """Clean-up finds a variant's stack by its tags and prefix, and everything goes with it."""
    variants.deploy(account, "s1", PUBLISHED)
    clean_up(account)
    assert find_ours(account) == []
    assert account.client("dynamodb").list_tables()["TableNames"] == []


def test_clean_up_when_a_function_wrote_after_its_stack_was_gone(account: Account) -> None:
    """A log group that SAM's roles may make again, without tags, is found by its name; another's is not touched."""
    logs = account.client("logs")
    left = "/aws/lambda/vars-s2-published-Mine"
    for group in ("/aws/lambda/vars-s2-let-in-DisconnectHandler", "/aws/lambda/vars-sam-disconnect", left):
        logs.create_log_group(logGroupName=group)
    clean_up(account)
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == [left]
    logs.delete_log_group(logGroupName=left)


def test_measure_when_only_some_people_are_let_in(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat that lets in one of three has not been measured: one sentence says what the others were answered."""
    answers = iter(("let in", "500", "502"))

    class Visitor(Person):
        def __init__(self, url: str, changed: threading.Condition):
            answer = next(answers)
            if answer != "let in":
                raise Person.Refused(answer)
            super().__init__(url, changed)

    monkeypatch.setattr(measuring, "Person", Visitor)
    url = variants.deploy(account, "s1", PUBLISHED)["WebSocketUrl"]
    said = (
        "^vars-s1-published let in 1 of 3 people and refused the others with 500, 502: its functions' logs may say why"
    )
    with pytest.raises(CheckFailed, match=said):
        measuring.measure(account, variants.variant("s1"), PUBLISHED, url)
    variants.remove(account, "s1", PUBLISHED)


def test_stack_name_when_there_is_no_such_form() -> None:
    """A form that a variant does not have is one sentence that names those it has."""
    with pytest.raises(NoSuchVariant, match=r"^The variant s0 has no form 'let-in'; it has: published, mended\.$"):
        variants.stack_name(Account(Target("moto", "vars", "us-east-1", "123456789012")), "s0", LET_IN)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_variant_names_the_functions_of_its_template(variant: Variant) -> None:
    """Clean-up knows each variant's functions by the names that the template gives them."""
    text = (stack.TEMPLATES / variant.template).read_text()
    assert set(re.findall(r"FunctionName: !Sub \$\{Prefix\}-(\w+)", text)) == set(variant.functions)


def test_command_when_the_variant_is_unknown() -> None:
    """An unknown variant is one sentence and a non-zero exit status, before any account is asked."""
    ended = subprocess.run(
        [sys.executable, "-m", "classroom", "variants", "deploy", "s9"],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=180,
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        "classroom: There is no variant 's9'; there are: s0, s1, s2, s3, s4.\n",
    )


def test_command_when_asked_for_the_list() -> None:
    """The list names each variant and its template."""
    shown = subprocess.run(
        [sys.executable, "-m", "classroom", "variants", "list"], capture_output=True, text=True, timeout=180
    )
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["s0", "s1", "s2", "s3", "s4"]


def test_command_when_a_deployment_is_to_be_named(tmp_path: Path) -> None:
    """name-deployment rewrites a template whose routes have changed, and leaves one that is right."""
    path = tmp_path / "mine.yaml"
    path.write_text((stack.TEMPLATES / "chat.yaml").read_text().replace("RouteKey: ping", "RouteKey: pong"))
    for word in ("renamed to", "is"):
        done = subprocess.run(
            [sys.executable, "-m", "classroom", "name-deployment", str(path)],
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.stdout.startswith(f"{path}: {word} Deployment"), done
    assert stamped(path.read_text()) == path.read_text()
