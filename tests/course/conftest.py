"""The course tier: the process's emulator with an empty account, this process led to it, and the page's browser."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest

from localstage import LocalStage
from tests.course.nbval_runs import clean_environment
from tests.course.page_browser import chromium, held_window, kept_held_window, kept_window, same_window, window
from tests.stage.target import REGION, empty_account

__all__ = [
    "chromium",
    "emptied",
    "held_window",
    "kept_held_window",
    "kept_window",
    "led_to_the_stage",
    "same_window",
    "window",
]


@pytest.fixture(scope="module")
def emptied(stage: LocalStage) -> LocalStage:
    """The process's emulator, whose account is empty when the module begins."""
    settings = stage.changes().settings
    learner = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    empty_account(stage.url, learner)
    return stage


@pytest.fixture(scope="module")
def led_to_the_stage(emptied: LocalStage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStage]:
    """The same, and while the module's tests run this process's environment leads boto3 there."""
    with pytest.MonkeyPatch.context() as patch:
        wanted = emptied.changes().applied_to(clean_environment(tmp_path_factory.mktemp("work")))
        for name in set(os.environ) - wanted.keys():
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        boto3.setup_default_session()
        yield emptied
    boto3.setup_default_session()
