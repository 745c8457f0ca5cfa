"""The order of the suite's own tests."""

from types import SimpleNamespace

from tests.order import shuffle

TESTS = [f"{module}.py::test_{number}" for module in "abcdef" for number in range(5)]


def order(seed: int) -> list[str]:
    """What --shuffle makes of the tests above."""
    items = [SimpleNamespace(nodeid=nodeid) for nodeid in TESTS]
    shuffle(items, seed)  # type: ignore[arg-type]
    return [item.nodeid for item in items]


def test_tests_when_they_are_shuffled():
    """A number stands for one order of all tests, which keeps a module's tests together."""
    assert sorted(order(1)) == TESTS != order(1)
    assert order(1) == order(1) != order(2)
    modules = [nodeid[0] for nodeid in order(1)]
    assert modules == sorted(modules, key=modules.index)
