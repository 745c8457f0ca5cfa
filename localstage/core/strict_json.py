"""JSON as the standard has it, and nothing more.

Python's reader takes ``NaN`` and ``Infinity`` and gives up on deep nesting with
another exception than the one for bad text; here both are bad text.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def read_json(text: str | bytes) -> Any:
    """The value that a text is. Raises ValueError for one that is not JSON, or is nested too deeply to be read."""
    try:
        return _DECODER.decode(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError("the text is nested too deeply") from None
