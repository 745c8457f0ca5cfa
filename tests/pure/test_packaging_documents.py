"""README, changelog and CI say what is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from docs.address import FILES
from installation.commands import FIRST_NOTEBOOK
from installation.pins import LEARNER, TESTS, pins_in
from installation.words import read_words
from localstage.cli import main as localstage
from tests.course.jupyterlab import ARTEFACTS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted(
    path
    for folder in (".", "docs", "notebooks", "handlers", "localstage", "cloudformation", "cloudformation/variants")
    for path in (ROOT / folder).glob("*.md")
)


def test_lessons_when_compared_with_the_notebooks():
    """The README's index has every notebook once, in order, with the minutes that the notebook itself states."""
    rows = re.findall(r"^\| \[.*?\]\((notebooks/.*?)\) \| .* \| (\d+) \|$", README, re.MULTILINE)
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    stated = [re.search(r"About (\d+) minutes", path.read_text("utf-8"))[1] for path in notebooks]
    assert rows == list(zip([path.relative_to(ROOT).as_posix() for path in notebooks], stated, strict=True))


def test_timetables_when_added_up():
    """Each row of a timetable begins where the one before it ends; a whole lesson has its own minutes, a part has fewer."""
    minutes = {
        path: int(stated)
        for path, stated in re.findall(r"\]\((notebooks/.*?)\) \| .* \| (\d+) \|$", README, re.MULTILINE)
    }
    section = (ROOT / "INSTRUCTORS.md").read_text("utf-8").split("## Timetables\n")[1].split("\n## ")[0]
    tables = section.split("\n### ")[1:]
    assert len(tables) == 5
    for table in tables:
        now = 0
        for hour, minute, takes, what in re.findall(r"^\| (\d):(\d\d) \| (\d*) \| (.*) \|$", table, re.MULTILINE):
            assert int(hour) * 60 + int(minute) == now, (table, what)
            now += int(takes or 0)
            for lesson in re.findall(r"\]\((notebooks/.*?)\)", what):
                assert int(takes) == minutes[lesson] if "whole" in what else int(takes) < minutes[lesson], what
        assert now <= {"One hour": 60, "Two hours": 120}.get(table.partition("\n")[0], 210)


def test_readme_when_somebody_sees_it_first():
    """The README is at most 120 lines, and its picture moves and stays small."""
    assert len(README.splitlines()) <= 120
    picture = (ROOT / "docs" / "pictures" / "chat.webp").read_bytes()
    assert picture[8:12] == b"WEBP" and b"ANIM" in picture[:64] and len(picture) < 600_000


@pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])
def test_links_when_they_point_into_the_project(page):
    """Every relative link of a page leads to a file, and to a heading of it where it names one."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link or link.startswith("../../"):  # The second kind is a page of GitHub beside the files.
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def headings(page: Path) -> list[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_commands_when_compared_with_the_command_line():
    """The page about localstage names every command, and none that it does not have."""
    page = (ROOT / "docs" / "localstage.md").read_text("utf-8")
    code = "\n".join([*page.split("```")[1::2], *re.findall(r"`[^`\n]+`", page)])
    assert set(re.findall(r"localstage (\w+)", code)) - {"import"} == set(localstage.commands)


def test_api_when_compared_with_the_docstrings():
    """The page about localstage in Python is what the docstrings say now."""
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "api.py", "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"write it again with: python docs/api.py {done.stderr}"


def test_layout_when_compared_with_the_folders():
    """Everything in the layout exists."""
    layout = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Layout")[1].split("```")[1]
    names = [line.split()[0] for line in layout.strip().splitlines()]
    assert len(names) > 5 and [name for name in names if not (ROOT / name).exists()] == []


def test_container_when_it_is_made():
    """The container has a Python of the matrix, runs a command of course.py, and opens a lesson that exists."""
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "course.yml").read_text())
    assert container["image"].rpartition(":")[2] in workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    script, command, *more = container["postCreateCommand"].split()[1:]
    assert (ROOT / script).is_file() and not more and read_words([command])[0].command == command
    opened = container["customizations"]["codespaces"]["openFiles"]
    assert opened == [FIRST_NOTEBOOK] and (ROOT / FIRST_NOTEBOOK).is_file()


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda form: form.stem
)
def test_issue_form_when_somebody_fills_it_in(form):
    """Each form has what GitHub demands: a name, a description, and fields of a known kind with unique ids."""
    text = yaml.safe_load(form.read_text("utf-8"))
    if form.stem == "config":
        assert text == {"blank_issues_enabled": True}
        return
    fields = [field for field in text["body"] if field["type"] != "markdown"]
    assert text["name"] and text["description"] and {field["type"] for field in fields} <= {"input", "textarea"}
    assert len({field["id"] for field in fields}) == len(fields) and all(
        field["attributes"]["label"] for field in fields
    )


def test_citation_when_compared_with_the_project():
    """CITATION.cff has the fields that its format demands, and the project's version."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert citation["version"] == version


def test_changelog_when_compared_with_the_version():
    """The newest entry is of the project's version and has the four sections."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    assert newest.startswith(version)
    assert re.findall(r"^### (.*)$", newest, re.MULTILINE) == ["Course", "localstage", "Fidelity", "Fixed"]


def test_ci_when_it_runs_the_suite():
    """``.ci/run`` can be executed and ends with the command of the README."""
    run = ROOT / ".ci" / "run"
    assert os.name == "nt" or run.stat().st_mode & 0o111
    assert run.read_text().rstrip().splitlines()[-1] == "python3 course.py test"


@pytest.mark.parametrize(
    "place",
    [
        "requirements.txt",
        "requirements-tests.txt",
        "environment.yml",
        "pyproject.toml",
        ".ci/run",
        ".github/workflows/course.yml",
        ".github/workflows/live.yml",
        ".github/workflows/pages.yml",
        "docs/requirements.txt",
    ],
)
def test_addresses_when_packages_are_installed(place):
    """Nothing that installs packages names an index or any other address."""
    text = (ROOT / place).read_text()
    assert "://" not in text and "index-url" not in text


def test_workflow_when_it_runs_the_suite():
    """The hosted CI runs the same command on localstage: four Pythons on Linux, and macOS; it keeps the pictures.

    What runs once a week has a job of its own, which may take longer than the suite.
    """
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "course.yml").read_text())["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["system"] == ["ubuntu-latest"] and len(matrix["python"]) == 4
    assert [row["system"] for row in matrix["include"]] == ["macos-latest"]
    assert jobs["test"]["env"]["CHAT_TARGET"] == "moto"
    for name, command in (("test", "python course.py test"), ("weekly", "python course.py test -m weekly")):
        suite, pictures = jobs[name]["steps"][-2:]
        assert suite["run"].startswith(command)
        assert pictures["with"]["path"] == f"{ARTEFACTS.name}/" and pictures["if"] == "${{ !cancelled() }}"
    assert jobs["weekly"]["if"] == "github.event_name == 'schedule'"
    assert jobs["weekly"]["timeout-minutes"] > jobs["test"]["timeout-minutes"]
    assert f"{ARTEFACTS.name}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_workflow_when_it_publishes_the_site():
    """The site is built by its own command from its own pins, and what is published is what was built."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text())
    assert workflow["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    steps = workflow["jobs"]["site"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[0].endswith("-r docs/requirements.txt") and commands[1] == "python -m docs.site site"
    [published] = [step["with"]["path"] for step in steps if "upload-pages-artifact" in step.get("uses", "")]
    assert commands[1].endswith(published)


def test_site_pins_when_read_line_by_line():
    """docs/requirements.txt pins each package once; what the tests have too has the same version."""
    pins = dict(
        line.split(";")[0].strip().split("==")
        for line in pins_in((ROOT / "docs" / "requirements.txt").read_text(), "linux")
    )
    theirs = {
        pin.split("==")[0].lower(): pin.split("==")[1]
        for name in (LEARNER, TESTS)
        for pin in pins_in((ROOT / name).read_text(), "linux")
    }
    shared = ("nbformat", "playwright", "ipykernel")
    assert len(pins) > 50 and {name: pins[name] for name in shared} == {name: theirs[name] for name in shared}


def test_workflow_when_it_runs_on_aws():
    """By hand and weekly, with a role instead of keys: look, run, keep the notebooks, and clean up in any case."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "live.yml").read_text())
    assert set(workflow[True]) == {"workflow_dispatch", "schedule"}  # YAML reads the key "on" as true.
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    job = workflow["jobs"]["notebooks"]
    assert job["env"]["CHAT_TARGET"] == "live" and job["env"]["CHAT_PREFIX"].startswith("ci-")
    commands = [step.get("run", step.get("uses", "")) for step in job["steps"]]
    places = [
        next(i for i, command in enumerate(commands) if word in command)
        for word in (
            "configure-aws-credentials",
            "course.py live --check",
            "classroom.operations.notebooks run --into executed",
            "course.py clean --target live --yes",
            "upload-artifact",
        )
    ]
    assert places == sorted(places) and all(job["steps"][place]["if"] == "always()" for place in places[-2:])


def test_address_when_the_repository_gets_one():
    """The badges, the citation and localstage's package take the address, and a second one takes its place."""
    for name, change in FILES.items():
        before = (ROOT / name).read_text("utf-8")
        first, second = change(before, "ann/chat"), change(change(before, "bob/talk"), "ann/chat")
        assert first == second and "bob/talk" not in second and "ann/chat" in first
    with_address = FILES["CITATION.cff"]((ROOT / "CITATION.cff").read_text("utf-8"), "ann/chat")
    assert yaml.safe_load(with_address)["repository-code"] == "https://github.com/ann/chat"
    project = FILES["localstage/pyproject.toml"](
        (ROOT / "localstage" / "pyproject.toml").read_text("utf-8"), "ann/chat"
    )
    assert tomllib.loads(project)["project"]["urls"] == {"Repository": "https://github.com/ann/chat"}
    assert tomllib.loads(project)["project"]["scripts"] == {"localstage": "localstage.cli:main"}
