"""A learner's template: which version a lesson deploys, with the account's boundary, and what cfn-lint says of it."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from classroom.exercises import solutions
from classroom.my_chat.chat import MyChat, NotDeployed
from classroom.my_chat.folder import Folder

BOUNDARY = "arn:aws:iam::123456789012:policy/chat-boundary-lab"


@pytest.fixture
def chat(tmp_path, monkeypatch):
    """A learner's folder in lesson 3."""
    monkeypatch.delenv("CHAT_BOUNDARY", raising=False)
    account = SimpleNamespace(target=SimpleNamespace(region="us-east-1"))
    return MyChat(account, 3, Folder(tmp_path / "my_chat"))


def test_template_when_the_exercise_is_done_or_not(chat, capsys):
    """The course's template stands in until the learner's has passed; afterwards half-done changes do no harm."""
    course = solutions.course_text("template.yaml", "3.3")
    chat.folder.write("template.yaml", course.replace("AWS::Lambda::Permission", "AWS::Lambda::Permit"))
    assert chat.checked_template("3.3") == course
    assert capsys.readouterr().out == "In use: the course's template.yaml, because exercise 3.3 is not done yet.\n"
    chat.folder.write("template.yaml", f"# Mine.\n{course}")
    chat.folder.keep_checked("3.3", "template.yaml")
    chat.folder.write("template.yaml", "Resources: {}\n")
    assert chat.checked_template("3.3") == f"# Mine.\n{course}"
    assert capsys.readouterr().out == "In use: your template.yaml, as exercise 3.3 checked it.\n"


def test_template_when_it_has_grown(chat, capsys):
    """The course's answers to lessons 3 to 5 make one template, in which cfn-lint finds nothing."""
    chat.use_course_version("5.1")
    chat.lint("template.yaml")
    assert capsys.readouterr().out.endswith("cfn-lint has found nothing.\n")


def test_checked_template_when_an_exercise_is_done_or_not(chat, capsys):
    """It is the course's until the learner's has passed, and then that one, whatever the file has become since."""
    course = solutions.course_text("chat.yaml", "8.3")
    chat.folder.write("chat.yaml", "Resources: {}\n")
    assert chat.checked_template("8.3") == course
    assert capsys.readouterr().out == "In use: the course's chat.yaml, because exercise 8.3 is not done yet.\n"
    chat.folder.keep_checked("8.3", "chat.yaml")
    chat.folder.write("chat.yaml", "Resources:\n")
    assert chat.checked_template("8.3") == "Resources: {}\n"
    assert capsys.readouterr().out == "In use: your chat.yaml, as exercise 8.3 checked it.\n"


def test_checked_template_when_its_routes_have_changed(chat):
    """Asked for, its deployment gets a name that follows from the routes; everything else stays."""
    before, after = chat.checked_template("8.5"), chat.checked_template("8.5", new_deployment=True)
    [old], [new] = ({*re.findall(r"\bDeployment\w{8}\b", text)} for text in (before, after))
    assert old != new and after == before.replace(old, new)


def test_template_when_the_account_demands_a_boundary(chat, monkeypatch):
    """Each role of the template has the boundary, or a restricted learner could not deploy it."""
    monkeypatch.setenv("CHAT_BOUNDARY", BOUNDARY)
    assert chat.checked_template("3.3").count(f"PermissionsBoundary: {BOUNDARY}") == 1


def test_lint_when_a_property_stands_too_far_left(chat, capsys):
    """cfn-lint's findings come in the order of their lines; a template without faults has none."""
    text = "Resources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n{}Properties:\n{}  RetentionInDays: 3\n"
    chat.folder.write("right.yaml", text.format(" " * 4, " " * 4))
    chat.lint("right.yaml")
    assert capsys.readouterr().out == "cfn-lint has found nothing.\n"
    chat.folder.write("wrong.yaml", text.format(" " * 2, " " * 2))
    chat.lint("wrong.yaml")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "E3001 line 4: 'Type' is a required property" and len(lines) == 2
    with pytest.raises(NotDeployed, match="There is no my_chat/other.yaml yet"):
        chat.lint("other.yaml")
