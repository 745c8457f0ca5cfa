"""course.py's command line: what it starts, and the one sentence for what it cannot do."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import sys

import pytest

from tests.process.course_projects import ROOT, SAY, Project, lay_project


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A project after its first start, whose word ``--fresh`` is for the set-up alone."""
    project = lay_project(tmp_path_factory.mktemp("words"))
    said = project.course("test", "--fresh")
    assert said.returncode == 5 and "--fresh" not in started(said.stdout)[1]
    return project


def started(said: str) -> list:
    """What the fake program says that it was started with."""
    return json.loads(re.search(r"^STARTED (.*)$", said, re.MULTILINE)[1])


def test_test_when_words_are_for_pytest(project):
    """pytest gets two processes more than cores, and all further words in order; its exit status is passed on."""
    said = project.course("test", "-k", "packaging", "tests/pure", "-x")
    name, words, _, environment = started(said.stdout)
    assert (name, said.returncode, environment) == ("__main__", 5, str(project.root / ".venv"))
    assert words == [
        "-n",
        str(os.cpu_count() + 2),
        "--dist",
        "loadscope",
        "-p",
        "no:nbval",
        "-k",
        "packaging",
        "tests/pure",
        "-x",
    ]


def test_bench_when_words_are_for_the_benchmark(project):
    """The benchmark gets all further words, ``--help`` too, and finds the project's own modules."""
    folder = project.root / "tests" / "benchmarks"
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text(SAY)
    name, words, _, environment = started(project.course("bench", "--floor", "--help").stdout)
    assert (name, words, environment) == ("__main__", ["--floor", "--help"], str(project.root / ".venv"))


def test_lab_when_the_target_is_moto(project):
    """The lab runs JupyterLab at the first notebook under ``localstage run``, with a token, on this machine only."""
    said = project.course("lab", "--no-browser", "--port", "0")
    _, words, target, _ = started(said.stdout)
    assert words[:2] == ["run", "--"] and words[3:5] == ["-m", "jupyterlab"] and target == "moto"
    assert f"--ServerApp.root_dir={project.root}" in words and "--no-browser" in words
    assert "--LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb" in words
    assert not any("token" in word or "--ip" in word or ".ip=" in word for word in words)


def test_lab_when_the_target_is_live(project):
    """On live localstage is not started."""
    for words, more in ((["--target", "live"], {}), ([], {"CHAT_TARGET": "live"})):
        said = project.course("lab", "--no-browser", *words, **more)
        _, given, target, _ = started(said.stdout)
        assert target == "live" and "run" not in given and "--no-browser" in given


def test_lab_when_a_browser_is_opened(project):
    """On Linux the browser gets the learner's own proxy, not the stage's, since it may outlive the stage."""
    said = project.course("lab", HTTPS_PROXY="http://proxy.example:3128")
    browser = next(word for word in started(said.stdout)[1] if word.startswith("--ServerApp.browser="))
    assert "HTTPS_PROXY=http://proxy.example:3128" in browser and browser.endswith("-m webbrowser %s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_lab_when_a_signal_ends_it(project, number):
    """The signal reaches what course.py started: there is no process in between that could stay."""
    with project.start_course("lab", "--no-browser") as course:
        while not course.stdout.readline().startswith("STARTED"):
            assert course.poll() is None
        course.send_signal(number)
        assert course.wait(120) == -number


def test_live_when_only_checked(project):
    """The check runs against live under the prefix; nothing else is started, and its status is passed on."""
    for status in (0, 1):
        said = project.course("live", "--check", "--prefix", "anna", FAKE_STATUS=str(status))
        assert said.returncode == status and said.stdout.count("STARTED") == 1
        assert started(said.stdout)[:3] == ["__main__", ["check"], "live"]


def test_live_when_the_check_fails(project):
    """JupyterLab is not started on an account that is not ready."""
    said = project.course("live", "--no-browser", FAKE_STATUS="1")
    assert said.returncode == 1 and said.stdout.count("STARTED") == 1


def test_live_when_the_check_passes(project):
    """After the check JupyterLab is started with the target live and without localstage."""
    said = project.course("live", "--no-browser", "--yes")
    first, second = re.findall(r"^STARTED (.*)$", said.stdout, re.MULTILINE)
    assert json.loads(first)[1] == ["check"]
    _, words, target, _ = json.loads(second)
    assert target == "live" and "run" not in words and "--no-browser" in words


def test_clean_when_started(project):
    """Clean-up gets the target, moto unless named otherwise, and the agreement given beforehand."""
    assert started(project.course("clean").stdout)[1:3] == [["clean"], "moto"]
    assert started(project.course("clean", "--target", "live", "--yes").stdout)[1:3] == [["clean", "--yes"], "live"]
    assert started(project.course("clean", CHAT_TARGET="live").stdout)[1:3] == [["clean"], "live"]


def test_progress_when_started(project, tmp_path):
    """A learner's own progress, or a class's folder, which may be named from wherever one stands."""
    assert started(project.course("progress").stdout)[1] == ["progress"]
    words = started(project.course("progress", "--class", str(tmp_path), "--junit").stdout)[1]
    assert words == ["progress", "--junit", "--class", str(tmp_path)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["tset"], "invalid choice: 'tset'"),
        (["lab", "--prot", "1"], "unknown argument: --prot"),
        (["lab", "--port", "many"], "invalid int value: 'many'"),
        (["lab", "--port", "70000"], "70000 is no port: choose one"),
        (["clean", "--target", "azure"], "the target is 'azure': choose moto or live"),
        (["clean", "--yes", "--prefix", ""], "argument --prefix: it is empty: leave it out for the usual one"),
        (["clean", "--prefix", "Anna_B"], "argument --prefix: it is 'Anna_B'; it must be 1 to 20 lower-case letters"),
        (["live", "--check", "--port", "70000"], "70000 is no port: choose one"),
        (["live", "--target", "moto"], "unknown argument: --target"),
        (["lab", "--target", "azure"], "the target is 'azure': choose moto or live"),
    ],
)
def test_words_when_they_are_wrong(project, words, sentence):
    """Wrong words give one sentence and status 2, before anything is set up."""
    said = project.course(*words)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert said.stderr.startswith("course.py: ") and sentence in said.stderr


def test_target_when_the_environment_names_an_unknown_one(project):
    """CHAT_TARGET is checked as the option is."""
    said = project.course("lab", CHAT_TARGET="aws")
    assert said.returncode == 2 and "the target is 'aws': choose moto or live" in said.stderr


def test_clean_when_the_prefix_of_the_terminal_is_none(project):
    """CHAT_PREFIX is looked at as the option is, and an option makes it not count."""
    said = project.course("clean", CHAT_PREFIX="Anna_B")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("course.py: CHAT_PREFIX is 'Anna_B'; it must be 1 to 20 lower-case letters")
    assert started(project.course("clean", "--prefix", "anna", CHAT_PREFIX="Anna_B").stdout)[1] == ["clean"]


def test_clean_when_nothing_was_ever_set_up(tmp_path):
    """In a fresh checkout no package is installed to find that there is nothing to delete on moto."""
    project = lay_project(tmp_path)
    said = project.course("clean", "--yes")
    assert (said.returncode, said.stderr) == (0, "")
    assert (
        said.stdout == "The course was never set up in this folder, and on moto nothing outlives localstage: 0 left.\n"
    )
    assert not (project.root / ".venv").exists()


def test_lab_when_its_port_is_busy(project):
    """A busy port gives one sentence and status 2."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = project.course("lab", "--no-browser", "--port", str(port))
    assert said.returncode == 2 and said.stderr == f"course.py: port {port} is in use: choose another with --port.\n"


def test_course_py_when_an_old_python_reads_it():
    """course.py itself holds no syntax that Python 2.7 or 3.6 could not read, and checks the version first."""
    tree = ast.parse((ROOT / "course.py").read_text())
    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.FunctionDef, ast.AsyncFunctionDef)
    assert [node for node in ast.walk(tree) if isinstance(node, modern)] == []
    kinds = [type(node).__name__ for node in tree.body]
    assert kinds == ["Expr", "Import", "If", "ImportFrom", "If"]


def test_installation_when_nothing_is_installed_yet():
    """What course.py imports is the standard library and itself."""
    names = set()
    for path in [ROOT / "course.py", *sorted((ROOT / "installation").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            names |= {module.split(".")[0] for module in modules}
    assert names - sys.stdlib_module_names == {"installation"}
