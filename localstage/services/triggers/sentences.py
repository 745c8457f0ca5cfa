"""The one sentence with which a trigger is refused."""

from __future__ import annotations

from typing import Any


def names_a_function(arn: Any) -> bool:
    """Whether an ARN is a function's, or the universal target that invokes one."""
    return ":lambda:" in str(arn)


def refusal(what: str, who: str, function: Any) -> str:
    """Says what is not served, whose it is and which function it would invoke."""
    return f"The local stage does not invoke functions from {what}; {who} cannot call {function}."
