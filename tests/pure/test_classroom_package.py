"""Deployment packages, and notebooks as they are committed."""

from __future__ import annotations

import io
import os
import zipfile

import nbformat
import pytest

import classroom
from classroom.account import packages
from classroom.account.stack import StackFailed, template_body
from classroom.labs import variants
from classroom.operations.notebooks import inject, main, tidy


@pytest.fixture
def folder(tmp_path):
    """A folder with a function, what it imports directly and not, and what it does not."""
    (tmp_path / "a.py").write_text("import json\nfrom b import c\n\ndef lambda_handler(event, context): ...\n")
    (tmp_path / "b.py").write_text("import d\n")
    (tmp_path / "d.py").write_text("import a\n")
    (tmp_path / "other.py").write_text("def lambda_handler_of_mine(): ...\n")
    (tmp_path / "README.md").write_text("no handler")
    return tmp_path


def test_package_when_unpacked(folder):
    """A function's package holds its file and those that it imports, readable by everybody, and nothing else."""
    package = zipfile.ZipFile(io.BytesIO(packages.package_of(packages.sources_of("a", folder))))
    assert package.namelist() == ["a.py", "b.py", "d.py"]
    assert {entry.external_attr >> 16 for entry in package.infolist()} == {0o644}
    assert packages.functions(folder) == ("a",)


def test_package_when_made_twice(folder):
    """The same sources give the same bytes, whatever the files' times are, and other sources give other bytes."""
    first = packages.package_of(packages.sources_of("a", folder))
    os.utime(folder / "b.py", (1, 1))
    assert packages.package_of(packages.sources_of("a", folder)) == first
    (folder / "b.py").write_text("import d  # changed\n")
    assert packages.package_of(packages.sources_of("a", folder)) != first


@pytest.mark.parametrize(
    ("function", "files"),
    [
        ("authorizer", "authorizer log tokens"),
        ("chat_handler", "chat_handler delivery log management messages presence received"),
        ("connect", "connect delivery log management presence"),
        ("default", "default delivery log management"),
        ("disconnect", "delivery disconnect log management presence"),
        (
            "room_messages",
            "delivery history history_frames log management membership messages presence received roll room_messages",
        ),
        ("rooms", "delivery directory history history_frames log management membership presence received roll rooms"),
        ("send_message", "delivery log management messages received send_message"),
    ],
)
def test_package_of_each_function(function, files):
    """A function of the course is packed with what it needs: no other function, and nothing of the variants."""
    assert sorted(packages.sources_of(function)) == [f"{name}.py" for name in files.split()]
    assert function in packages.functions()


def test_package_of_the_variants():
    """It holds the variants in a folder of their own, and of the course's files those that they import or deploy."""
    names = zipfile.ZipFile(io.BytesIO(variants.package())).namelist()
    assert [name for name in names if not name.startswith("variants/")] == [
        "connect.py",
        "default.py",
        "delivery.py",
        "disconnect.py",
        "log.py",
        "management.py",
        "messages.py",
        "presence.py",
        "received.py",
    ]
    assert {"variants/s0.py", "variants/mended.py", "variants/metering.py"} <= set(names)


def test_template_when_there_is_none():
    """A missing template is one sentence with the names of those that exist."""
    with pytest.raises(
        StackFailed, match=r"^There is no template cloudformation/nope.yaml; there are: .*handlers.yaml"
    ):
        template_body("nope.yaml")


def test_tidy_when_a_notebook_was_run():
    """Widget state, model ids, timings and other metadata go; outputs, counts and tags stay."""
    view = "application/vnd.jupyter.widget-view+json"
    cell = nbformat.v4.new_code_cell(
        "1",
        execution_count=3,
        metadata={"tags": ["cleanup"], "execution": {"a": "b"}},
        outputs=[
            nbformat.v4.new_output("execute_result", {"text/plain": "<p>", view: {"model_id": "x"}}, metadata={"m": 1})
        ],
    )
    notebook = nbformat.v4.new_notebook(
        cells=[cell], metadata={"widgets": {}, "kernelspec": {"name": "venv", "display_name": "my venv"}}
    )
    tidy(notebook)
    assert notebook.metadata.kernelspec.name == "python3" and "widgets" not in notebook.metadata
    assert cell.metadata == {"tags": ["cleanup"]} and cell.execution_count == 3
    assert cell.outputs[0].data == {"text/plain": "<p>"} and cell.outputs[0].metadata == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "required: run"),
        (["walk"], "invalid choice: 'walk'"),
        (["run", "77"], "there is no lesson 77"),
        (["run", "--solved"], "--solved needs --into"),
    ],
)
def test_notebooks_command_when_misused(arguments, sentence, capsys):
    """A wrong command says what is wrong and ends with status 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and sentence in capsys.readouterr().err


def test_solutions_when_injected():
    """A solution takes the place of the exercise with its cell id, and of nothing else; one without an exercise is an error."""
    exercise = nbformat.v4.new_code_cell("answer = ...", id="exercise-5-1", metadata={"tags": ["exercise"]})
    other = nbformat.v4.new_code_cell("answer", id="05-2")
    lesson = nbformat.v4.new_notebook(cells=[exercise, other])
    inject(
        lesson,
        nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell("Why."), nbformat.v4.new_code_cell("answer = 42", id="exercise-5-1")]
        ),
    )
    assert [cell.source for cell in lesson.cells] == ["answer = 42", "answer"]
    with pytest.raises(KeyError):
        inject(lesson, nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("answer = 43", id="05-2")]))


def test_names_when_they_are_asked_for():
    """The package has each name that it promises, and no others."""
    assert all(getattr(classroom, name).__name__ == name for name in classroom.__all__)
    assert set(classroom.__all__) <= set(dir(classroom))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        classroom.nonsense  # noqa: B018
