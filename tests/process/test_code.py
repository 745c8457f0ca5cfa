"""The code as the linter, the formatter and the type checker see it; pyproject.toml says what they look for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("words", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)], ids=" ".join)
def test_code_when_it_is_checked(words: tuple[str, ...]) -> None:
    """No finding: ruff check, ruff format and mypy (which keeps what it knows in .mypy_cache)."""
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
