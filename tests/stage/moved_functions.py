"""Roles, functions and refusals on a stage whose time the test moves."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.moved_stage import MovedStage
from tests.stage.roles import allow, document
from tests.stage.target import package

_ASSUME_ROLE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def answering(word: str) -> bytes:
    """The package of a function that prints and returns a word."""
    return package(f"def handler(event, context):\n    print({word!r})\n    return {word!r}\n")


def new_role(moved: MovedStage) -> str:
    """The ARN of a role that was just made, which may write logs."""
    iam, name = moved.client("iam"), f"test-{uuid.uuid4().hex[:12]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_ASSUME_ROLE)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=document(allow("logs:*")))
    return arn


def ready_role(moved: MovedStage) -> str:
    """The ARN of a role that Lambda can assume."""
    arn = new_role(moved)
    moved.move(2)
    return arn


def create_function(moved: MovedStage, role: str, code: bytes) -> dict[str, Any]:
    """Asks for a function; the answer."""
    return moved.client("lambda").create_function(
        FunctionName=f"test-{uuid.uuid4().hex[:12]}",
        Runtime="python3.13",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": code},
    )


def active_function(moved: MovedStage, code: bytes) -> str:
    """The name of a function that is Active."""
    name = create_function(moved, ready_role(moved), code)["FunctionName"]
    moved.move(1)
    return name


def result_of(moved: MovedStage, name: str) -> str:
    """What a function returns."""
    return json.loads(moved.client("lambda").invoke(FunctionName=name)["Payload"].read())


def error_of(call: Any, **arguments: Any) -> tuple[str, str]:
    """The code and the text of the error that a call answers with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def code_of(call: Any, **arguments: Any) -> str:
    """The code of the error that a call answers with."""
    return error_of(call, **arguments)[0]


def message_of(call: Any, **arguments: Any) -> str:
    """The text of the error that a call answers with."""
    return error_of(call, **arguments)[1]
