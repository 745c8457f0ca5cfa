"""Whether a message satisfies a request model: JSON Schema, in time that a message cannot stretch.

AWS: FIDELITY section 2; models are written in draft 4. A pattern in a model is
the learner's, what is matched with it a stranger's: Python's own engine may take
for ever over it, and holds the whole process meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import regex
from referencing import Registry

MATCHING_S = 0.1
"""How long one pattern may take over one text; then the text does not match."""


def is_valid(instance: Any, schema: Any) -> bool:
    """Whether a value satisfies a schema. A schema that is none, or names another that is not there, is not satisfied."""
    try:
        # A registry of our own fetches nothing from elsewhere.
        _Validator(schema, registry=Registry()).validate(instance)
    except Exception:  # ValidationError; and whatever the library raises for what is no schema.
        return False
    return True


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if _matches(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in schema.get("properties", {}) or any(_matches(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            yield jsonschema.ValidationError(f"{key!r} is not expected")
        elif validator.is_type(allowed, "object"):
            yield from validator.descend(value, allowed, path=key)


def _matches(pattern: str, text: str) -> bool:
    """Raises ValueError for a pattern that is none, or takes too long."""
    try:
        return regex.search(pattern, text, timeout=MATCHING_S) is not None
    except (regex.error, TimeoutError) as error:
        raise ValueError(f"the pattern {pattern!r}: {error}") from None


_Validator = jsonschema.validators.extend(
    jsonschema.Draft4Validator,
    {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional_properties},
)
