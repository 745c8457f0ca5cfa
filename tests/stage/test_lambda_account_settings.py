"""Lambda's account settings: the limits that AWS gives a new region, and what is used of them."""

from __future__ import annotations

from tests.stage.target import create_function


def test_account_settings_when_a_function_is_made(target, aws):
    """The concurrency is there as a number, and each function counts."""
    before = aws("lambda").get_account_settings()
    create_function(target, "def handler(event, context):\n    return 1\n")
    after = aws("lambda").get_account_settings()
    assert after["AccountLimit"] == before["AccountLimit"] and after["AccountLimit"]["ConcurrentExecutions"] >= 10
    assert after["AccountUsage"]["FunctionCount"] == before["AccountUsage"]["FunctionCount"] + 1
