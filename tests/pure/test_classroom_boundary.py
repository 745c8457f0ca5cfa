"""The permissions boundary that an instructor demands, in templates and calls."""

from __future__ import annotations

import pytest

from classroom.account import boundary, stack

ARN = "arn:aws:iam::123456789012:policy/chat-boundary-ann"
OWN = """Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {}
  Limited:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: mine
"""


@pytest.fixture
def demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_BOUNDARY", f" {ARN} ")


@pytest.mark.parametrize(
    "name",
    [path.name for path in sorted(stack.TEMPLATES.glob("*.yaml")) if path.name != "instructor.yaml"]
    + [f"variants/{path.name}" for path in sorted(stack.TEMPLATES.glob("variants/*.yaml"))],
)
def test_template_when_a_boundary_is_demanded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every template has the parameter PermissionsBoundary; its default is the ARN, and every other line the file's."""
    text = (stack.TEMPLATES / name).read_text()
    monkeypatch.delenv("CHAT_BOUNDARY", raising=False)
    assert stack.template_body(name) == text
    monkeypatch.setenv("CHAT_BOUNDARY", ARN)
    changed = [
        line
        for line, before in zip(stack.template_body(name).splitlines(), text.splitlines(), strict=True)
        if line != before
    ]
    assert changed == [f"    Default: {ARN}"]


def test_template_of_ones_own_when_a_boundary_is_demanded(demanded: None) -> None:
    """In a template without the parameter each role gets the boundary, save one that names its own."""
    bounded = boundary.in_template(OWN)
    assert bounded.count(f"\n      PermissionsBoundary: {ARN}\n") == 1
    assert bounded.index(ARN) < bounded.index("Limited")
    assert boundary.in_template(bounded) == bounded


def test_call_when_a_boundary_is_demanded(demanded: None) -> None:
    """create_role gets the boundary as an argument."""
    assert boundary.of_role() == {"PermissionsBoundary": ARN}


def test_nothing_changes_when_no_boundary_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CHAT_BOUNDARY, or with an empty one, templates and calls are as written."""
    for value in ("", " "):
        monkeypatch.setenv("CHAT_BOUNDARY", value)
        assert (boundary.in_template(OWN), boundary.of_role()) == (OWN, {})
