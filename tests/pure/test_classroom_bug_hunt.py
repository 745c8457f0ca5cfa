"""The bug hunt's handlers, and how a learner's function takes its place in one."""

from __future__ import annotations

import ast

import pytest

from classroom.labs.bug_hunt import BUGS, CannotBeMended, mended, source_of

SOURCE = '"""A handler."""\n\n\ndef first():\n    return 1\n\n\ndef second():\n    return 2\n'


def second():
    return "mended"


def third():
    return 3


def test_function_when_it_takes_its_place():
    """The function of the same name is replaced, everything else stays as it was."""
    names: dict = {}
    source = mended(SOURCE, second)
    exec(source, names)
    assert (names["first"](), names["second"]()) == (1, "mended")
    assert source.startswith('"""A handler."""\n\n\ndef first():\n    return 1\n\n\ndef second():')


def test_function_when_it_was_written_inside_something():
    """Indentation around the function does not matter."""
    if True:

        def first():
            return "inside"

    names: dict = {}
    exec(mended(SOURCE, first), names)
    assert names["first"]() == "inside"


@pytest.mark.parametrize(
    ("fix", "why"),
    [(..., "a function is wanted, and the cell gave Ellipsis"), (third, "no function third; it has: first, second")],
)
def test_function_when_it_cannot_take_a_place(fix, why):
    """What is no function, or has a name that the handler does not know, is refused in one sentence."""
    with pytest.raises(CannotBeMended, match=why):
        mended(SOURCE, fix)


@pytest.mark.parametrize("path", sorted(BUGS.glob("*.py")), ids=lambda path: path.stem)
def test_handler_of_the_hunt_when_read(path):
    """Each is one short file with an entry point, which says which bug it is, and is not deployed with the chat."""
    tree = ast.parse(source_of(path.stem))
    assert (ast.get_docstring(tree) or "").startswith("Bug ")
    assert "lambda_handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert len(source_of(path.stem).splitlines()) <= 60
    assert f"`{path.name}`" in (BUGS / "README.md").read_text()
