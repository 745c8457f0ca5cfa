"""The process that runs nbval, spared what costs much and is of no use; its arguments are pytest's.

nbval_runs.py makes copies of one that has imported this module, so nobody else imports it.
"""

from __future__ import annotations

import gc
import sys

# jsonschema asks for this, 1.7 seconds; a notebook's format needs nothing of it. So it is said before the imports.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

import jupyter_client.manager  # noqa: E402, F401
import nbval.kernel  # noqa: E402
import nbval.plugin  # noqa: E402
import pytest  # noqa: E402

nbval.kernel.pformat = repr  # It lays out every message of the kernel for a log that nobody reads.
gc.disable()  # The process is gone before its garbage matters.


def main(words: list[str]) -> None:
    """Run pytest with these words, and end with its status."""
    sys.exit(int(pytest.main(words)))


if __name__ == "__main__":
    main(sys.argv[1:])
