"""The five source write-ups, where they lie beside this clone.

They are not part of this repository, since their sentences and their code are
other people's; tests that compare with them read them there.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

MATERIAL = Path(__file__).resolve().parents[2] / "shared" / "source-material"
at_hand = pytest.mark.skipif(not MATERIAL.is_dir(), reason="the source write-ups do not lie beside this clone")


def text_of(name_begins: str) -> str:
    """A write-up, by the beginning of its file's name."""
    return next(MATERIAL.glob(f"{name_begins}_*.txt")).read_text(encoding="utf-8", errors="replace")


def printed_code(name_begins: str, which: int) -> str:
    """The n-th handler that a write-up prints: from its first import to its last return."""
    blocks: list[str] = []
    block: list[str] | None = None
    for line in text_of(name_begins).splitlines():
        if block is None and line.strip().startswith("import "):
            block = []
        if block is not None:
            block.append(line)
            if line.strip() in ('return {"statusCode": 200}', "return {'statusCode': 200}"):
                blocks.append(textwrap.dedent("\n".join(block)))
                block = None
    return blocks[which]
