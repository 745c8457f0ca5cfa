"""Which parts of localstage may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What does I/O, starts threads or knows AWS's APIs; and moto.
IMPURE = {"aiohttp", "asyncio", "boto3", "botocore", "moto", "socket", "subprocess", "threading", "urllib.request"}


def imported(path: Path) -> Iterator[str]:
    """The names of all modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)  # Perhaps a module of a package.


@pytest.mark.parametrize(
    ("part", "may_import"), [("policy", ("localstage.policy",)), ("core", ("localstage.core", "localstage.policy"))]
)
def test_part_when_it_is_pure(part: str, may_import: tuple[str, ...]):
    """policy and core do no I/O and know no other part; core weighs policies by policy."""
    files = sorted((ROOT / "localstage" / part).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            parents = {".".join(name.split(".")[:count]) for count in range(1, name.count(".") + 2)}
            assert not parents & IMPURE, f"{path.name} imports {name}"
            if name.startswith("localstage"):
                assert parents & set(may_import), f"{path.name} imports {name}"


FROM_THE_GROUND = ("policy", "core", "port", "functions", "door", "gateway", "stacks", "services")
BESIDE = {"localstage.clock", "localstage.settings"}
"""What every part may have: the time, and the numbers that differ from run to run."""


@pytest.mark.parametrize("part", FROM_THE_GROUND)
def test_part_when_its_imports_are_followed(part: str):
    """A part imports those below it alone: a change leads upwards, and never round in a circle."""
    below = {f"localstage.{name}" for name in FROM_THE_GROUND[: FROM_THE_GROUND.index(part) + 1]}
    for path in sorted((ROOT / "localstage" / part).rglob("*.py")):
        for name in imported(path):
            if name.startswith("localstage."):
                assert ".".join(name.split(".")[:2]) in below | BESIDE, f"{part}/{path.name} imports {name}"


def test_files_when_their_imports_are_followed():
    """No file of localstage imports itself by way of others, for a type neither."""
    files = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in sources()}
    waiting = {name: {found for found in imported(path) if found in files} for name, path in files.items()}
    while waiting:
        free = {name for name, wanted in waiting.items() if wanted.isdisjoint(waiting)}
        assert free, f"circles among {sorted(waiting)}"
        waiting = {name: wanted for name, wanted in waiting.items() if name not in free}


def test_files_when_they_use_aiohttp():
    """No file imports aiohttp.web, which brings applications and routes that nobody has; port/web.py has what is used."""
    for path in sources():
        assert not {"aiohttp.web", "aiohttp.web_app"} & set(imported(path)), f"{path.name}: import localstage.port.web"


def sources() -> list[Path]:
    """The files of localstage that hold code."""
    return [path for path in (ROOT / "localstage").rglob("*.py") if path.name != "__init__.py"]
