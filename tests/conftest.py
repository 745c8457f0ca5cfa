"""For every tier: the order of the tests, the process's emulator, and one line for a machine without a browser."""

from __future__ import annotations

import functools
import gc
import os
import signal
from collections.abc import Generator, Iterator
from typing import Any

import botocore.session
import pytest

from localstage import LocalStage
from tests import late
from tests.course.jupyterlab import NO_BROWSER
from tests.course.nbval_runs import ROOT
from tests.order import ByModule, place, shuffle


def pytest_configure() -> None:
    """Let all boto3 sessions of this process share what is read from botocore's files.

    Each would parse the endpoints of all services anew, which was half of the processor time of the stage tier.
    Let Python keep what it compiles, whatever the shell says: set-up compiles no package, so each of hundreds of
    processes would compile what it imports anew, a kernel alone for a second and a half.
    And hear Ctrl-C again where a shell has started the suite in its background: what ignores it makes all that it
    starts ignore it, and tests end some of that by it.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Keep the garbage collector off what lives as long as the process, modules and tests, and from looking at it meanwhile."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """An order in which no test can count on another, and delays at which no test can count on being quick."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in the random order of this number")
    parser.addoption("--late", type=int, metavar="SEED", help="delay what emulators do at random, by this number")


def pytest_report_header(config: pytest.Config) -> str | None:
    """What the tests run under that no file says."""
    seed = config.getoption("late")
    return None if seed is None else f"late: emulators delay at random what they do; once more with --late {seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Delay what the emulators do that a test starts, where that was asked for."""
    seed = item.config.getoption("late")
    if seed is not None:
        late.of_test(seed, item.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, or all in the order that was asked for."""
    seed = config.getoption("shuffle")
    if seed is None:
        items.sort(key=place)
    else:
        shuffle(items, seed)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule | None:
    """Give out whole modules in our order; any other ``--dist`` is xdist's own."""
    if config.getoption("dist") != "loadscope":
        return None
    config.option.loadscopereorder = False
    return ByModule(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Give the skips for want of a browser one place: pytest's summary folds what has the same place and reason."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and NO_BROWSER in report.longrepr[2]:
        report.longrepr = ("the browser tests", None, report.longrepr[2])
    return report


@pytest.fixture(scope="session")
def stage() -> Iterator[LocalStage]:
    """This process's emulator, which serves the chat page; whoever needs an empty account empties it first."""
    with LocalStage(pages=ROOT / "html") as running:
        yield running
