"""The comparison of the five write-ups, and the command that shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from classroom.account import stack
from classroom.account.account import Account
from classroom.account.deployment_name import stamped
from classroom.account.target import Target
from classroom.labs import variants
from classroom.labs.comparison import MESSAGES, Row, compare, table
from classroom.labs.variants import VARIANTS, Variant
from classroom.operations.cleanup import clean_up, find_ours
from localstage import LocalStage

USAGE = (
    "The requested action is not recognized. To chat, send "
    '{"action": "sendMessage", "sender": "your name", "message": "your text"}.'
)


@pytest.fixture(scope="module")
def account(led_to_the_stage: LocalStage) -> Account:
    """The only learner in the account, which this process is connected to."""
    return Account(Target("moto", "vars", "us-east-1", "123456789012"))


def test_comparison_when_all_variants_have_run(account: Account) -> None:
    """Each number is what the variant did; deploying, measuring and deleting leaves nothing but the bucket."""
    rows = compare(account)
    expected = {
        "s0": dict(
            functions=1,
            tables=2,
            permissions=5,
            write_units=1,
            management_calls=3,
            kept=10,
            ordered=True,
            sessions=0,
            unknown_action="Forbidden",
        ),
        "s1": dict(
            functions=3,
            tables=1,
            permissions=5,
            write_units=0,
            management_calls=3,
            kept=0,
            ordered=False,
            sessions=0,
            unknown_action="Forbidden",
        ),
        "s2": dict(
            functions=4,
            tables=3,
            permissions=9,
            write_units=1,
            management_calls=3,
            kept=10,
            ordered=False,
            sessions=3,
            unknown_action="The requested action is not recognized.",
        ),
        "s3": dict(
            functions=4,
            tables=1,
            permissions=7,
            write_units=0,
            management_calls=2,
            kept=0,
            ordered=False,
            sessions=0,
            unknown_action=USAGE,
        ),
        "s4": dict(
            functions=3,
            tables=2,
            permissions=6,
            write_units=1,
            management_calls=3,
            kept=10,
            ordered=False,
            sessions=0,
            unknown_action="Forbidden",
        ),
    }
    assert rows == [
        Row(
            variant.name,
            variant.title,
            read_units=1,
            sender_hears=variant.name != "s3",
            latency_ms=0,
            writes_a_second=5 if variant.name == "s3" else 0,
            **expected[variant.name],
        )
        for variant in VARIANTS
    ]
    assert all(row.latency_ms > 0 for row in rows)
    assert rows[1].loses == ("every message, once delivered", "who was there, once they leave")
    assert [resource.kind for resource in find_ours(account)] == ["bucket"]
    shown = table(rows, latency=False)
    assert f"| messages kept, of {MESSAGES} | 10 | 0 | 10 | 0 | 10 |" in shown and "latency" not in shown


def test_clean_up_when_a_variant_was_left_behind(account: Account) -> None:
    """Clean-up finds a variant's stack by its tags and prefix, and everything goes with it."""
    variants.deploy(account, "s2")
    clean_up(account)
    assert find_ours(account) == []
    assert account.client("dynamodb").list_tables()["TableNames"] == []


def test_clean_up_when_a_function_wrote_after_its_stack_was_gone(account: Account) -> None:
    """A log group that SAM's roles may make again, without tags, is found by its name; another's is not touched."""
    logs = account.client("logs")
    groups = ("/aws/lambda/vars-s2-DisconnectHandler", "/aws/lambda/vars-sam-disconnect", "/aws/lambda/vars-s2-Mine")
    for group in groups:
        logs.create_log_group(logGroupName=group)
    clean_up(account)
    left = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert left == ["/aws/lambda/vars-s2-Mine"]
    logs.delete_log_group(logGroupName=left[0])


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
        "course.py: There is no variant 's9'; there are: s0, s1, s2, s3, s4.\n",
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
