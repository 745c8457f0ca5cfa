"""Notebooks that share one stage: in any order, again, and at the same time under different prefixes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from localstage import LocalStage
from tests.course.nbval_runs import NOTEBOOKS, clean_environment, run_strictly

BY_NUMBER = {path.stem.split("-")[0]: path for path in NOTEBOOKS}


@pytest.fixture
def stage():
    """A stage that several notebooks join, as under ``course.py lab``."""
    with LocalStage() as running:
        yield running


def environment_on(stage: LocalStage, work_dir, **more: str) -> dict[str, str]:
    """A clean environment whose programs reach the stage."""
    return stage.changes().applied_to(clean_environment(work_dir, **more))


def names_on(stage: LocalStage) -> set[str]:
    """The names of all tables, APIs and stacks on the stage."""
    settings = stage.changes().settings
    session = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    clients = {
        service: session.client(service, endpoint_url=stage.url)
        for service in ("dynamodb", "apigatewayv2", "cloudformation")
    }
    return {
        *clients["dynamodb"].list_tables()["TableNames"],
        *(api["Name"] for api in clients["apigatewayv2"].get_apis()["Items"]),
        *(entry["StackName"] for entry in clients["cloudformation"].describe_stacks()["Stacks"]),
    }


def test_notebooks_when_run_backwards_and_again(stage, tmp_path):
    """The last lesson first, an earlier one after it, one twice, and clean-up at the end: each finds what it needs."""
    environment = environment_on(stage, tmp_path)
    for number in ("05", "03", "05", "01", "00", "99"):
        run_strictly(BY_NUMBER[number], environment)
    assert names_on(stage) == set()


def test_notebooks_when_run_in_parallel_under_two_prefixes(stage, tmp_path):
    """Two learners on one account do not disturb each other, and clean-up takes away one learner's things only."""
    ann, ben = (environment_on(stage, tmp_path / prefix, CHAT_PREFIX=prefix) for prefix in ("ann", "ann-b"))
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(run_strictly, BY_NUMBER["05"], ann), pool.submit(run_strictly, BY_NUMBER["04"], ben)]:
            run.result()
    before = names_on(stage)
    run_strictly(BY_NUMBER["99"], ann)
    assert names_on(stage) == {name for name in before if name.startswith("ann-b-")}
    assert {"ann-b-ChatMessages", "ann-b-chat-api", "ann-b-handlers"} <= names_on(stage)
