"""The learner's folder: nothing that a learner wrote is ever lost."""

from __future__ import annotations

import pytest

from classroom.my_chat.folder import Folder, NotWritten, fault_of, given
from classroom.my_chat.mending import mended
from classroom.my_chat.writing import mend, write

FILE = "chat_handler.py"


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "my_chat")


def test_write_when_run_again_with_another_text(folder, capsys):
    """The newer text is in the file, every older one is kept, the same text twice is kept once."""
    for text in ("one = 1\n", "two = 2\n", "two = 2\n", "three = 3\n"):
        write(FILE, text, folder)
    assert folder.text(FILE) == "three = 3\n"
    assert [path.read_text() for path in folder.earlier(FILE)] == ["one = 1\n", "two = 2\n"]
    assert len(set(capsys.readouterr().out.splitlines())) == 1  # the same words each time: nbval compares them


@pytest.mark.parametrize("cell", ["", "\n\n", "# Your handler here\n", "# one\n...\n"])
def test_write_when_the_cell_is_empty(folder, cell, capsys):
    """An empty cell, or one with comments only, leaves the file as it is."""
    write(FILE, "one = 1\n", folder)
    write(FILE, cell, folder)
    assert folder.text(FILE) == "one = 1\n"
    assert capsys.readouterr().out.endswith("still empty, so my_chat/chat_handler.py was left as it was.\n")


def test_write_when_the_file_was_edited_in_an_editor(folder, capsys):
    """A cell does not overwrite what an editor has written, unless told to, and then keeps a copy."""
    write(FILE, "one = 1\n", folder)
    (folder.path / FILE).write_text("edited = 1\n")
    write(FILE, "two = 2\n", folder)
    assert "was changed in an editor since a cell wrote it, so it stays as it is" in capsys.readouterr().out
    assert folder.text(FILE) == "edited = 1\n"
    write(f"{FILE} --replace", "two = 2\n", folder)
    assert folder.text(FILE) == "two = 2\n"
    assert folder.earlier(FILE)[-1].read_text() == "edited = 1\n"


@pytest.mark.parametrize("line", ["", "a.py b.py", "../x.py", "/etc/x.py", "x.exe", "progress"])
def test_write_when_the_name_is_none(folder, line):
    """A file outside the folder, of a strange kind, or no name at all is refused in one sentence."""
    with pytest.raises(NotWritten, match=r"needs the name of one file|cannot be a file of your chat"):
        write(line, "one = 1\n", folder)
    assert not folder.path.exists()


def test_write_when_the_text_has_a_mistake(folder, capsys):
    """The text is kept as typed, and the mistake is named with its line."""
    write(FILE, "one = 1\nif one\n    pass\n", folder)
    assert folder.text(FILE).startswith("one = 1")
    assert "But there is a mistake in it: Python cannot read line 2 (expected ':')" in capsys.readouterr().out


BEFORE = '''"""A handler."""
import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["T"])


# says hello
def hello():
    return 1


def last():
    return 2
'''


def test_mend_when_functions_change():
    """Functions, assignments and imports take the places of the same names; what is new is added where it can be used."""
    cell = """from botocore.exceptions import ClientError
import os
limit = 3


# says more
def hello():
    return limit


def added():
    return 4
"""
    after = mended(FILE, BEFORE, cell)
    assert (
        after.index("import boto3") < after.index("from botocore") < after.index("table =") < after.index("limit = 3")
    )
    assert after.count("import os") == 1 and "# says hello" not in after and "# says more\ndef hello" in after
    names: dict = {}
    exec(after.replace('boto3.resource("dynamodb").Table(os.environ["T"])', "1"), names)
    assert (names["hello"](), names["last"](), names["added"]()) == (3, 2, 4)
    assert mended(FILE, after, cell) == after


TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"

Parameters:
  Prefix:
    Type: String

Resources:
  Table:
    Type: AWS::DynamoDB::Table

  # What answers.

  # the old reason
  Function:
    Type: AWS::Lambda::Function
    Properties: {Timeout: 10}

Outputs:
  Name: {Value: !Ref Table}
"""


def test_mend_when_a_template_changes():
    """Entries take the places of the same names, new ones come last in their section, all the rest stays as it is."""
    cell = """\
Parameters:
  Patience: {Type: Number}

Conditions:
  Always: !Equals [1, 1]

Resources:
  # the new reason
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Timeout: !Ref Patience
  Topic:
    Type: AWS::SNS::Topic
"""
    after = mended("chat.yaml", TEMPLATE, cell)
    assert after == (
        TEMPLATE.replace("    Type: String\n", "    Type: String\n  Patience: {Type: Number}\n")
        .replace("the old reason", "the new reason")
        .replace(
            "Properties: {Timeout: 10}",
            "Properties:\n      Timeout: !Ref Patience\n\n  Topic:\n    Type: AWS::SNS::Topic",
        )
        + "\nConditions:\n  Always: !Equals [1, 1]\n"
    )
    assert mended("chat.yaml", after, cell) == after


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Topic:\n  Type: AWS::SNS::Topic\n", "Topic is no section of a template. A resource stands two spaces deeper"),
        ("  Topic:\n    Type: AWS::SNS::Topic\n", "Nothing was mended: Topic is in no section"),
        ("Type: AWS::SNS::Topic\n", "Type is no section"),
        ("- Topic\n", "'- Topic' stands in no section. Begin with a section's name"),
        ("Resources:\n    Topic:\n        Type: x\n", "Resources has no entry that begins two spaces deeper"),
        ("Resources: {Topic: {Type: x}}\n", "Resources has no entry that begins two spaces deeper"),
    ],
)
def test_mend_when_the_cell_is_no_part_of_a_template(folder, cell, said):
    """Entries at the wrong depth mend nothing, and the sentence says where they belong."""
    write("chat.yaml", TEMPLATE, folder)
    with pytest.raises(NotWritten, match="Nothing was mended") as raised:
        mend("chat.yaml", cell, folder)
    assert said in str(raised.value) and folder.text("chat.yaml") == TEMPLATE


def test_mend_when_the_course_hands_out_the_template(folder, capsys):
    """The first change makes the learner's copy of the course's template; nothing else in it differs."""
    mend("chat.yaml", "Conditions:\n  Always: !Equals [1, 1]\n", folder)
    before, after = given("chat.yaml").splitlines(), folder.text("chat.yaml").splitlines()
    assert [line for line in after if line not in before] == ["  Always: !Equals [1, 1]"]
    assert len(after) == len(before) + 1


def test_mend_when_there_is_no_file(folder):
    """There must be something to mend; the sentence says how to get it."""
    with pytest.raises(NotWritten, match="There is no my_chat/chat_handler.py to be mended yet: write it with %%write"):
        mend(FILE, "def hello(): pass\n", folder)


def test_mend_when_the_cell_has_a_mistake(folder):
    """A cell that cannot be read mends nothing."""
    write(FILE, BEFORE, folder)
    with pytest.raises(NotWritten, match="because of a mistake in this cell: Python cannot read line 1"):
        mend(FILE, "def hello(:\n", folder)
    assert folder.text(FILE) == BEFORE


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.py", "x = 1", ""),
        ("a.yaml", "A:\n  B: !Sub x\n", ""),
        ("a.yaml", "A:\n  B: 1\n C: 2\n", "line 3 cannot be read as YAML"),
        ("a.json", "{", "cannot be read as JSON"),
    ],
)
def test_fault_when_a_file_is_read(name, text, fault):
    """Python, YAML and JSON are read as such, and a mistake is named with its line."""
    assert fault in fault_of(name, text) and bool(fault) == bool(fault_of(name, text))
