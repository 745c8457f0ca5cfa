"""Every lesson on the target moto, strictly, as shipped and solved in one kernel."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from localstage import LocalStage
from tests.course.nbval_runs import LESSONS, Lesson, clean_environment, run_strictly

BACKWARDS = [*reversed(LESSONS[:-1]), LESSONS[-1]]
"""The last lesson first, so that none finds what the one before it has left; cleaning up comes last."""
ALONE = "02"
"""The lesson whose kernel starts an emulator of its own; the others join their process's."""


@pytest.mark.parametrize("lesson", BACKWARDS, ids=lambda lesson: lesson.name)
def test_lesson_when_shipped_and_solved(lesson: Lesson, stage: LocalStage, tmp_path: Path) -> None:
    """From whatever the account holds, each output is the committed one, and with its solution each check says ok."""
    environment = clean_environment(tmp_path)
    if not lesson.name.startswith(ALONE):
        environment = stage.changes().applied_to(environment)
    run_strictly(lesson, tmp_path, environment, solved=True)
    if lesson is LESSONS[-1]:
        assert not any(name.startswith("lab-") for name in names_on(stage))


def names_on(stage: LocalStage) -> set[str]:
    """The names of all tables, APIs and stacks of the emulator's account."""
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
