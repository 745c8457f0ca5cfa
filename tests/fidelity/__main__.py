"""Writes FIDELITY.md anew: ``python -m tests.fidelity``."""

from tests.fidelity.page import page
from tests.fidelity.rows import ROOT

(ROOT / "FIDELITY.md").write_text(page(), "utf-8")
