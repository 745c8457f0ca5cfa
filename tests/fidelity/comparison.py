"""Comparing an event with the shape of a capture: keys, their order, types."""

from __future__ import annotations

from typing import Any


def first_difference(value: Any, shape: Any, where: str = "event") -> str | None:
    """The first place where a value has another shape, in words, or None.

    A shape is a list of ``[key, shape]`` pairs for an object, a list of one
    shape for an array, and the name of a type for everything else.
    """
    if isinstance(value, dict):
        keys, wanted = list(value), [pair[0] for pair in shape] if isinstance(shape, list) else shape
        if keys != wanted:
            return f"{where} has the keys {keys}, the capture {wanted}"
        found = (first_difference(value[key], inner, f"{where}.{key}") for key, inner in shape)
    elif isinstance(value, list):
        if not isinstance(shape, list) or len(value) != len(shape):
            return f"{where} is an array of {len(value)}, the capture has {shape}"
        pairs = enumerate(zip(value, shape, strict=True))
        found = (first_difference(item, inner, f"{where}[{index}]") for index, (item, inner) in pairs)
    else:
        found = iter([None if type(value).__name__ == shape else f"{where} is {type(value).__name__}, not {shape}"])
    return next((difference for difference in found if difference), None)
