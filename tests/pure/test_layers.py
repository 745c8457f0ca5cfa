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
