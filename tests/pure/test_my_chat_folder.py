"""The learner's folder: nothing that a learner wrote is ever lost."""

from __future__ import annotations

import pytest

from classroom.my_chat.folder import Folder, NotWritten, fault_of
from classroom.my_chat.writing import mend, mended, write

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
    after = mended(BEFORE, cell)
    assert (
        after.index("import boto3") < after.index("from botocore") < after.index("table =") < after.index("limit = 3")
    )
    assert after.count("import os") == 1 and "# says hello" not in after and "# says more\ndef hello" in after
    names: dict = {}
    exec(after.replace('boto3.resource("dynamodb").Table(os.environ["T"])', "1"), names)
    assert (names["hello"](), names["last"](), names["added"]()) == (3, 2, 4)
    assert mended(after, cell) == after


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
