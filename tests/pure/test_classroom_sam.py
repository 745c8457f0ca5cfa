"""The settings of the SAM twin, and the words with which ``sam`` is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from classroom.account.account import Account
from classroom.account.target import Target
from classroom.labs.sam import PARAMETERS, BadSettings, parameters, settings, words

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = Account(Target("moto", "lab", "us-east-1", "123456789012"))


def test_settings_when_read():
    """A line is a name and a value; comments and blank lines are none."""
    assert settings("# the stage\nCHAT_STAGE=dev\n\nCHAT_DELIVER_TO_SENDER=false\n") == {
        "CHAT_STAGE": "dev",
        "CHAT_DELIVER_TO_SENDER": "false",
    }


@pytest.mark.parametrize(
    "line", ["CHAT_STAGE = dev", "chat_stage=dev", "AWS_SECRET_ACCESS_KEY=x", "CHAT_STAGE", "a: b"]
)
def test_settings_when_a_line_is_none(line):
    """A line of another form, a name that the template does not know, and credentials are refused with their line."""
    with pytest.raises(BadSettings, match="^Line 2 is no setting: .*the names are CHAT_STAGE, CHAT_DELIVER_TO_SENDER"):
        settings(f"# mine\n{line}\n")


def test_settings_when_compared_with_the_example():
    """.env.example has each of the names; what else it has is the lesson's own."""
    example = re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(example) == PARAMETERS.keys() | {"CHAT_PREFIX", "CHAT_REGION", "CHAT_BUCKET"}


def test_words_when_compared_with_the_readme(monkeypatch):
    """The lesson calls sam deploy with the options of the README's command, and says where the template is."""
    monkeypatch.delenv("CHAT_BOUNDARY", raising=False)
    block = (ROOT / "cloudformation/README.md").read_text().partition("\nsam deploy")[2].partition("```")[0]
    given = parameters(ACCOUNT, {"CHAT_STAGE": "dev"})
    called = words(ACCOUNT, "lab-sam-chat", given)
    assert given == {"Prefix": "lab-sam", "StageName": "dev"}
    assert set(re.findall(r"--[a-z0-9-]+", block)) | {"--template-file", "--no-fail-on-empty-changeset"} == {
        word for word in called if word.startswith("--")
    }
    assert called[-2:] == ["Prefix=lab-sam", "StageName=dev"] and "owner=lab" in called


def test_parameters_when_roles_need_a_boundary(monkeypatch):
    """Where the account demands a boundary, the template gets it."""
    monkeypatch.setenv("CHAT_BOUNDARY", "arn:aws:iam::123456789012:policy/limit")
    assert parameters(ACCOUNT, {})["PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/limit"
