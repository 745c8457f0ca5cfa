"""The bug hunt's cases as they are handed out, and the list of permissions that one of them is about."""

from __future__ import annotations

import ast

import pytest

from classroom.labs.bug_hunt import LISTED, NoList, policy_of
from classroom.my_chat.folder import given
from classroom.operations.notebooks import NOTEBOOKS

CASES = NOTEBOOKS / "bug_hunt"
NAMES = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "Prefix": "lab", "ApiId": "a1b2c3d4e5"}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.py")), ids=lambda path: path.stem)
def test_case_when_read(path):
    """Each is one short file with an entry point, and quotes the complaint instead of naming the mistake."""
    text = given(path.name)
    assert text == path.read_text()
    tree = ast.parse(text)
    first, complaint = (ast.get_docstring(tree) or "").splitlines()[0].split(": ", 1)
    assert first == f"Case {path.stem[-1]} of lesson 7b"
    assert "lambda_handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert len(text.splitlines()) <= 60
    assert f"| `{path.name}` | {complaint} |" in (CASES / "README.md").read_text()


@pytest.mark.parametrize("name", ["chat_handler.py", "README.md", "../bug_hunt/case_1.py", "case_7.py"])
def test_given_when_nothing_is_handed_out(name):
    """Only files of the hunt with plain names are handed out."""
    assert given(name) is None


def test_list_when_its_names_are_filled_in():
    """The list as handed out is a policy without placeholders."""
    document = policy_of(given(LISTED), NAMES)
    assert document["Version"] == "2012-10-17"
    assert document["Statement"][1]["Resource"] == [
        f"arn:aws:dynamodb:us-east-1:123456789012:table/lab-{table}" for table in ("ChatConnections", "ChatSessions")
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Statement: [{Effect: Allow, Action: a, Resource: '${Table}'}]", r"names \$\{Table\}, and only these names"),
        ("- Effect: Allow", "has no list of statements under the key Statement"),
        ("Statement: []", "has no list of statements"),
        ("Statement: [{Effect: Allow, Action: a}]", "statement 1 of case_6.yaml has no Resource"),
        ("Statement: [Allow]", "statement 1 of case_6.yaml has no Effect"),
    ],
)
def test_list_when_it_cannot_be_put_on_a_role(text, why):
    """What is wrong with a list is said in one sentence."""
    with pytest.raises(NoList, match=why):
        policy_of(text, NAMES)
