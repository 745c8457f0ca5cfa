"""The page that leads maintainers through localstage names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "localstage" / "README.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.(?:py|md))`", PAGE)))
# The second file of a sentence, and what each room has, are named without their folder.
IN_A_ROOM = {
    "authorizers.py": "gateway",
    "reader.py": "services/awslambda",
    **dict.fromkeys(("resource_types.py", "needs.py", "pace.py"), "services/dynamodb"),
}


@pytest.mark.parametrize("name", NAMED)
def test_file_when_the_page_names_it(name: str):
    """Each file that the page names exists."""
    folder = ROOT if name.startswith("tests/") else ROOT / "localstage" / IN_A_ROOM.get(name, "")
    assert (folder / name).is_file()


def test_folders_when_compared_with_the_page():
    """The page says what each folder is for."""
    folders = {path.parent.name for path in (ROOT / "localstage").glob("*/__init__.py")}
    assert folders == set(re.findall(r"(?:^|  )(\w+)/ ", PAGE, re.MULTILINE))
