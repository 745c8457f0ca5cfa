"""Which route a message takes, and whether its body satisfies the route's request model.

AWS: FIDELITY section 2. Forms: ``$request.body.path``, text with
``${request.body.path}`` parts, static text, and ``\\$default``.
A route that has models names with its model selection expression which one
applies; ``$default`` else. Does not know integrations, connections or sockets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from typing import Any

from localstage.core.strict_json import read_json

DEFAULT_ROUTE = "$default"

_BARE = re.compile(r"^\$request\.body((?:\.[A-Za-z_][\w-]*|\[\d+\]|\['[^']*'\])+)$")
_PART = re.compile(r"\$\{request\.body((?:\.[A-Za-z_][\w-]*|\[\d+\]|\['[^']*'\])+)\}")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']*)'\]")

_MISSING = object()


def select_route(expression: str, body: str, route_keys: Container[str]) -> str | None:
    """The route key that serves a message, or None if no route does.

    The match is exact and case-sensitive, else ``$default`` if there is one
    (FIDELITY section 2). ``body`` is the message's text as it was sent.
    """
    key = evaluate(expression, body)
    if key is not None and key in route_keys and key != DEFAULT_ROUTE and not key.startswith("$"):
        return key
    return DEFAULT_ROUTE if DEFAULT_ROUTE in route_keys else None


def evaluate(expression: str, body: str) -> str | None:
    """The text a selection expression gives for a message; None if it gives nothing.

    A bare path that is missing gives None, a missing wrapped part gives ""
    (FIDELITY section 2). Text that is not JSON has no paths.
    """
    if expression == r"\$default":
        return None
    document = _parse(body)
    bare = _BARE.match(expression)
    try:
        if bare:
            value = _walk(document, bare.group(1))
            return None if value is _MISSING else _as_text(value)
        return _PART.sub(lambda part: _part_text(document, part.group(1)), expression)
    except RecursionError:  # An array that is nested so deeply names no route.
        return None


def _part_text(document: Any, path: str) -> str:
    value = _walk(document, path)
    return "" if value is _MISSING else _as_text(value)


def _parse(body: str) -> Any:
    # Guess (JSON that is slightly wrong): parsed strictly (FIDELITY section 2, unsure); the real service may take sloppier JSON.
    try:
        return read_json(body)
    except ValueError:
        return _MISSING


def _walk(document: Any, path: str) -> Any:
    value = document
    for name, index, quoted in _STEP.findall(path):
        if index:
            found = isinstance(value, list) and int(index) < len(value)
            value = value[int(index)] if found else _MISSING
        else:
            value = value.get(name or quoted, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def _as_text(value: Any) -> str:
    """FIDELITY section 2: stringified; an array reads ``[item1, item2]``."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + ", ".join(_as_text(item) for item in value) + "]"
    return json.dumps(value, separators=(",", ":"))


def satisfies_model(expression: str | None, models: Mapping[str, str], body: str) -> bool:
    """Whether the body is valid; without a model for it, any body is. ``models`` are JSON schema texts.

    AWS: FIDELITY section 2; DG "request validation".
    """
    key = evaluate(expression, body) if expression else None
    schema_text = models.get(key) if key is not None else None
    schema_text = schema_text or models.get("$default")
    if schema_text is None:
        return True
    try:
        instance, schema = read_json(body), read_json(schema_text)
    except ValueError:
        return False
    from localstage.core.request_model import is_valid  # Imported late: it takes a tenth of a second, and few ask.

    return is_valid(instance, schema)
