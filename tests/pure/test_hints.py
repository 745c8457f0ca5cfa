"""The likely causes of errors: each row fits an error as AWS writes it, and other texts have none."""

from __future__ import annotations

import pytest

from localstage.commands.logs import hints_of
from localstage.hints import HINTS, hint_for

WHO = "arn:aws:sts::123456789012:assumed-role/chat/chat"
ERRORS = {
    f"AccessDeniedException: User: {WHO} is not authorized to perform: dynamodb:PutItem on resource: t because no "
    "identity-based policy allows the dynamodb:PutItem action": "No policy of this role or user allows dynamodb:PutItem;",
    f"User: {WHO} is not authorized to perform: sqs:SendMessage on resource: x with an explicit deny": "or one denies it",
    "UnrecognizedClientException: The security token included in the request is invalid.": 'eval "$(localstage env)"',
    "ResourceNotFoundException: Requested resource not found": "There is no table of this name",
    "[ERROR] GoneException: An error occurred (GoneException) when calling the PostToConnection operation": "has been closed",
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'jwt'": "requirements.txt",
    "Runtime.ImportModuleError: Error: Cannot find module '@aws-sdk/client-s3'\nRequire stack:": "localstage install node-sdk",
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@aws-sdk/lib-dynamodb' imported from": "@aws-sdk/lib-dynamodb comes",
    "Runtime.ImportModuleError: Error: Cannot find module 'aws-sdk'": "version 2, aws-sdk, must be in the package",
    "Runtime.ImportModuleError: Error: Cannot find module 'uuid'": "uuid is not in the package",
    "ReferenceError: require is not defined in ES module scope, you can use import instead": '"type": "module"',
    "[ERROR] Runtime.HandlerNotFound: Handler 'handle' missing on module 'app'": "has no function of that name",
    "2026-11-21T23:00:00Z 6c550e4b Task timed out after 3.00 seconds": "its Timeout of 3.00 s",
    "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.": "trust policy",
    "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]": "pass Capabilities",
    "BadRequestException: Unable to deploy API because no routes exist in this API": "DependsOn",
    "ThrottlingException: Rate exceeded": "Too many calls at once",
}


@pytest.mark.parametrize(("error", "part"), ERRORS.items())
def test_hint_when_the_error_is_known(error: str, part: str):
    """The hint names the cause and where it is explained."""
    hint = hint_for(error)
    assert hint is not None and part in hint and hint.endswith(")")


def test_hints_when_compared_with_the_errors():
    """Every row is the first that fits some error here."""
    used = {next(hint.pattern for hint in HINTS if hint.of(error)) for error in ERRORS}
    assert used == {hint.pattern for hint in HINTS}


@pytest.mark.parametrize(
    "text", ["", "hello", "KeyError: 'body'", "404: ", "ResourceNotFoundException: Function not found"]
)
def test_hint_when_nothing_is_known(text: str):
    """No guess is made where nothing is known."""
    assert hint_for(text) is None


def test_hints_when_they_repeat():
    """A hint is given once, for a line and for an event that no route took."""
    line = {"kind": "line", "text": "Task timed out after 3.00 seconds"}
    event = {"kind": "event", "route": "-", "status": 403}
    given: set[str] = set()
    assert len(list(hints_of([line, line, event, event, {"kind": "refusal"}], given))) == 2
    assert list(hints_of([line, event], given)) == []
