"""What docs/reference.md tells learners is so: the event, the errors, and the three names of each thing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.exceptions
import botocore.session
import pytest
from botocore import xform_name

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")
SHAPES = json.loads((ROOT / "tests" / "pure" / "event_shapes.json").read_text("utf-8"))
KINDS = ("connect", "message", "disconnect")
SERVICES = (
    "apigatewayv2",
    "dynamodb",
    "lambda",
    "iam",
    "logs",
    "cloudwatch",
    "cloudformation",
    "apigatewaymanagementapi",
)


def table(heading: str) -> list[list[str]]:
    """The rows of the section's last table, as cells."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_event_when_compared_with_a_capture():
    """The event that is printed has the captured message's keys in their order, userAgent beside sourceIp included."""
    event = json.loads(PAGE.split("```json")[1].split("```")[0])
    shape = dict(SHAPES["message"])
    assert list(event) == list(shape)
    assert list(event["requestContext"]) == [name for name, _ in shape["requestContext"]]


@pytest.mark.parametrize("kind", KINDS)
def test_marks_when_compared_with_the_captures(kind: str):
    """A key that a captured event has is marked, and one that no event of this kind has is not."""
    marked, unmarked = set(), set()
    for cells in table("The event on one page"):
        names = re.findall(r"`([\w.]+)`", cells[0])
        inside = names[0].startswith("requestContext.")
        for name in names:
            (marked if cells[1 + KINDS.index(kind)] else unmarked).add(
                name if name.startswith("requestContext.") or not inside else f"requestContext.{name}"
            )
    shape = dict(SHAPES[kind])
    captured = {f"requestContext.{name}" for name, _ in shape.pop("requestContext")} | set(shape)
    assert captured - marked <= {
        "requestContext.extendedRequestId",
        "requestContext.requestTime",
        "requestContext.messageDirection",
    }
    assert captured & unmarked == set()


def test_calls_when_compared_with_boto3():
    """Every call of the third table is an operation of its client."""
    session = botocore.session.get_session()
    known = {
        f"{service}.{xform_name(operation)}"
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }
    for _, calls, *_ in table("The same thing three times"):
        client = ""
        for call in re.findall(r"`([\w.]+)`", calls):
            client = call.partition(".")[0] if "." in call else client
            assert (call if "." in call else f"{client}.{call}") in known


def test_errors_when_looked_for_where_they_are_said():
    """The words of each error are those of localstage, of botocore or of a lesson's output."""
    places = [*(ROOT / "localstage").rglob("*.py"), *(ROOT / "notebooks" / "executed").glob("*.ipynb")]
    said = "\n".join(path.read_text("utf-8").replace('\\"', '"') for path in places)
    said += botocore.exceptions.NoCredentialsError.fmt
    rows = table("From the error to the lesson")
    words = [part for row in rows for quoted in re.findall(r"`([^`]+)`", row[0]) for part in quoted.split(" … ")]
    assert len(words) > 15 and [part for part in words if part not in said] == []
    assert [row for row in rows if not row[1] or "](" not in row[2]] == []


@pytest.mark.parametrize("heading", ["From the error to the lesson", "The same thing three times"])
def test_lessons_when_named_by_number(heading: str):
    """A link that is called by a number leads to the lesson of that number."""
    links = re.findall(
        r"\[(?:lesson )?(\d+\w?)\]\(\.\./notebooks/0?(\d+\w?)-", "\n".join("|".join(row) for row in table(heading))
    )
    assert len(links) > 10 and [link for link in links if link[0] != link[1]] == []
