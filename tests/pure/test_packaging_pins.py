"""The pins: one place, complete, and the same wherever they are repeated."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from installation.aws import PACKAGES
from installation.pins import LEARNER, TESTS, pins_in

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {name: (ROOT / name).read_text() for name in (LEARNER, TESTS)}
BOTH = "\n".join(TEXTS.values())
DIRECT = {
    name: [line for line in text.split("# What those need.")[0].splitlines() if line and not line.startswith("#")]
    for name, text in TEXTS.items()
}
PLATFORMS = {"linux": "posix", "darwin": "posix", "win32": "nt"}
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
OUR_CODE = ["localstage", "classroom", "handlers", "installation", "notebooks"]
"""What a learner runs."""
OF_PYTEST = ("conftest.py", "testing.py")
"""What pytest alone loads: of the tests, and localstage's plugin."""
LEFT_OUT = "rfc3987-syntax"
"""What jsonschema does without; requirements.txt says why it has to."""


def pinned(platform: str, text: str = BOTH) -> dict[str, Requirement]:
    """The pins of a platform by canonical name."""
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, pins_in(text, platform))}


def reached(direct: list[str], platform: str, python: str) -> dict[str, list[Requirement]]:
    """What the direct packages need on a platform and a Python, all the way down, by canonical name."""
    marker_values = {
        "sys_platform": platform,
        "os_name": PLATFORMS[platform],
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
    }
    found: dict[str, list[Requirement]] = {}
    waiting, walked = [Requirement(line) for line in direct], set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        found.setdefault(name, []).append(wanted)
        if (name, frozenset(wanted.extras)) in walked or name in ("appnope", "colorama", "pywin32", "pywinpty"):
            continue  # Those four need nothing, and are not installed on every system.
        walked.add((name, frozenset(wanted.extras)))
        for needed in map(Requirement, distribution(name).requires or ()):
            extras = wanted.extras or {""}
            if needed.name == LEFT_OUT:
                continue
            if needed.marker is None or any(needed.marker.evaluate({**marker_values, "extra": e}) for e in extras):
                waiting.append(needed)
    return found


def test_pins_when_the_oldest_python_installs_them():
    """Each pinned package takes Python 3.11.0: the README promises 3.11, and Debian 12 has 3.11.2."""
    refusing = []
    for name in pinned(sys.platform):
        wanted = distribution(name).metadata.get("Requires-Python")
        if wanted and not SpecifierSet(wanted).contains("3.11.0"):
            refusing.append((name, wanted))
    assert refusing == []


def test_pins_when_read_line_by_line():
    """Each package has one exact version and stands once for a system, in one of the files; no option and no address."""
    lines = [line for line in BOTH.splitlines() if line and not line.startswith("#")]
    pins = [Requirement(line) for line in lines]
    assert [str(pin.specifier)[:2] for pin in pins] == ["=="] * len(pins)
    assert all(pin.url is None for pin in pins) and "://" not in BOTH
    assert len({(canonicalize_name(pin.name), str(pin.specifier)) for pin in pins}) == len(
        {canonicalize_name(pin.name) for pin in pins}
    )
    for platform in PLATFORMS:
        assert len(pinned(platform)) == len(pins_in(BOTH, platform))


def refused_or_missing(platform: str, python: str) -> list[str]:
    """What the direct packages lead to, from a learner's alone and from all, that no pin of theirs provides."""
    found = []
    for text, direct in ((TEXTS[LEARNER], DIRECT[LEARNER]), (BOTH, DIRECT[LEARNER] + DIRECT[TESTS])):
        pins, needs = pinned(platform, text), reached(direct, platform, python)
        found += [
            str(need)
            for name, wanted in needs.items()
            for need in wanted
            if name not in pins or not need.specifier.contains(str(pins[name].specifier)[2:], prereleases=True)
        ]
    return found


def test_pins_when_all_dependencies_are_followed_here():
    """Every package that a direct one leads to is pinned, in a learner's file for a learner's, as all who need it accept."""
    assert refused_or_missing(sys.platform, PYTHON) == []


@pytest.mark.weekly
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_pins_when_all_dependencies_are_followed_elsewhere(platform, python):
    """The same on the other systems and Pythons."""
    assert refused_or_missing(platform, python) == []


@pytest.mark.weekly
@pytest.mark.parametrize("platform", PLATFORMS)
def test_pins_when_nothing_needs_them(platform):
    """No package is pinned that no direct one leads to, on any Python, nor in a learner's file if only tests need it."""
    for text, direct in ((TEXTS[LEARNER], DIRECT[LEARNER]), (BOTH, DIRECT[LEARNER] + DIRECT[TESTS])):
        needed = {name for python in PYTHONS for name in reached(direct, platform, python)}
        assert pinned(platform, text).keys() - needed == set()


def test_pins_when_compared_with_what_runs_here():
    """The tests run with the pinned versions."""
    different = {
        name: distribution(name).version
        for name, pin in pinned(sys.platform).items()
        if not pin.specifier.contains(distribution(name).version)
    }
    assert different == {}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_pins_when_the_aws_command_line_is_installed_later(platform):
    """What ``aws`` installs at its first use is all that it needs and a learner of that system does not have."""
    needed = reached([line for line in DIRECT[TESTS] if line.startswith("awscli==")], platform, PYTHON)
    learner, tests = (pinned(platform, TEXTS[name]).keys() for name in (LEARNER, TESTS))
    assert needed.keys() - learner == tests & set(PACKAGES)
    assert set(PACKAGES) <= {name for each in PLATFORMS for name in pinned(each, TEXTS[TESTS])}


def imported_names(path: Path) -> set[str]:
    """The top-level names that a Python file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_direct_pins_when_our_code_imports_a_package():
    """Every package that our code imports is a direct one of its file: what a learner runs needs none of the tests'."""
    owners = packages_distributions()
    for folders, direct in ((OUR_CODE, DIRECT[LEARNER]), (["tests"], DIRECT[LEARNER] + DIRECT[TESTS])):
        known = {canonicalize_name(Requirement(line).name) for line in direct}
        files = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.name not in OF_PYTEST]
        names = set().union(*map(imported_names, files)) - sys.stdlib_module_names - {*OUR_CODE, "tests"}
        foreign = {name: {canonicalize_name(owner) for owner in owners[name]} for name in names if name in owners}
        assert {name for name, owned_by in foreign.items() if not owned_by & known} == set()


def test_environment_yml_when_compared_with_the_pins():
    """conda, Binder and JupyterHub get the same direct packages, and all others from the same file."""
    described = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda, pip = described["dependencies"][:-1], described["dependencies"][-1]["pip"]
    assert pip == [*DIRECT[LEARNER], *DIRECT[TESTS], *(f"-r {name}" for name in TEXTS), "-e ."]
    python = next(line.removeprefix("python=") for line in conda if line.startswith("python="))
    assert python in PYTHONS and sorted(conda) == ["pip", f"python={python}"]


def test_pyproject_when_installed_by_itself():
    """pyproject.toml has no versions of its own: its dependencies are read from the pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "dependencies" not in project["project"] and project["project"]["dynamic"] == ["dependencies"]
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"] == {"file": ["requirements.txt"]}
    assert project["project"]["scripts"] == {"localstage": "localstage.cli:main"}


def test_localstage_when_installed_alone():
    """Its own list names what it imports, and admits the versions that the tests run with."""
    project = tomllib.loads((ROOT / "localstage" / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(line) for line in project["dependencies"]]
    pins = pinned("linux")
    for one in wanted:
        (pin,) = pins[canonicalize_name(one.name)].specifier
        assert one.specifier.contains(pin.version), one
    owners, known = packages_distributions(), {canonicalize_name(one.name) for one in wanted}
    files = [path for path in (ROOT / "localstage").rglob("*.py") if path.name != "testing.py"]
    names = set().union(*map(imported_names, files)) - sys.stdlib_module_names - {"localstage"}
    assert {
        name for name in names if name in owners and not {canonicalize_name(o) for o in owners[name]} & known
    } == set()
    assert project["requires-python"] == f">={PYTHONS[0]}"
    assert project["entry-points"] == {"pytest11": {"localstage": "localstage.testing"}}


def test_oldest_python_when_named_in_several_places():
    """course.py, pyproject.toml and the README name the same oldest Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={PYTHONS[0]}"
    assert "sys.version_info < ({}, {})".format(*PYTHONS[0].split(".")) in (ROOT / "course.py").read_text()
    assert f"Python {PYTHONS[0]} or newer" in (ROOT / "README.md").read_text()


def test_pins_in_when_a_marker_names_a_system():
    """Comments and blank lines are no pins, and a marker keeps a pin to its system."""
    text = '# words\n\na==1\nb==2; sys_platform == "win32"\nc==3; sys_platform != "win32"  # why\n'
    assert pins_in(text, "linux") == ("a==1", "c==3")
    assert pins_in(text, "win32") == ("a==1", "b==2")


def test_pins_in_when_a_marker_is_of_another_kind():
    """A marker that cannot be read is refused, so that no package is counted wrongly."""
    with pytest.raises(ValueError, match=re.escape("python_version < '3.12'")):
        pins_in("a==1; python_version < '3.12'", "linux")


def test_package_data_when_a_package_has_other_files():
    """Every file of the packages that is not Python is declared as package data, so an installed copy has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    declared = {
        path
        for package, patterns in project["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    }
    others = {
        path
        for package in ("localstage", "classroom")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert others - declared == set()
