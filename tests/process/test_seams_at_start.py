"""A start with a moto that is not the one localstage takes hold of."""

from __future__ import annotations

import subprocess
import sys

CHANGED = """
from localstage.door import seams
seams.USED = (*seams.USED, "moto.iam.models:IAMBackend._keeps_no_such_thing")
from localstage.serving import serve
from localstage.settings import Settings
raise SystemExit(serve(Settings(port=0)))
"""


def test_start_when_moto_has_changed():
    """Localstage does not start, and one sentence says what moto lacks and which moto is needed."""
    ended = subprocess.run([sys.executable, "-c", CHANGED], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    [sentence] = ended.stderr.splitlines()
    assert sentence.startswith("localstage: moto 5.2.")
    assert sentence.endswith(
        "no longer has moto.iam.models.IAMBackend._keeps_no_such_thing: localstage needs moto 5.2.x."
    )
