"""What a learner must be allowed to do on AWS names each call that the lessons and the classroom make."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from classroom.account.target import Target
from classroom.operations.permissions import needs

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("dynamodb", "lambda", "iam", "cloudformation", "logs", "cloudwatch", "s3")
"""API Gateway's actions are verbs (GET, POST), not the names of calls; they are listed for all of its resources."""
OTHER_NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:DeleteObjects": "s3:DeleteObject",
}
"""Calls whose action has another name, from AWS's service authorization reference."""
OF_THE_CHECK_ITSELF = {"lambda:GetAccountSettings", "iam:GetAccountSummary"}
"""What ``course.py live --check`` asks, which says so itself when it may not."""


@pytest.fixture(scope="module")
def calls() -> dict[str, list[str]]:
    """By the name of a boto3 method, the calls of the course's services that have it."""
    session = boto3.Session("none", "none", region_name="us-east-1")
    of_api_gateway = set(map(xform_name, session.client("apigatewayv2").meta.service_model.operation_names))
    found: dict[str, list[str]] = {}
    for service in SERVICES:
        for operation in session.client(service).meta.service_model.operation_names:
            action = f"{service}:{operation}"
            found.setdefault(xform_name(operation), []).append(OTHER_NAMES.get(action, action))
    return {name: actions for name, actions in found.items() if name not in of_api_gateway}


def sources() -> Iterator[tuple[str, str]]:
    """The cells of the lessons and the modules of the classroom, each with a name."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "code" and not text.startswith("%%"):
                yield f"{path.name}, cell {cell['id']}", text
    for path in sorted((ROOT / "classroom").rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def test_needs_when_lessons_and_classroom_are_read(calls: dict[str, list[str]]) -> None:
    """Each method that is called, or named for a paginator, needs an action that the list has for one of the services."""
    listed = {action for need in needs(Target("live", "lab", "us-east-1", "1" * 12)) for action in need.actions}
    missing = {}
    for where, text in sources():
        for node in ast.walk(ast.parse(text)):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "value", None)
            actions = set(calls.get(name, ())) if isinstance(name, str) else set()
            if actions and not actions & (listed | OF_THE_CHECK_ITSELF):
                missing[name] = (sorted(actions), where)
    assert missing == {}
