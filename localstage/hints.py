"""The likely cause of an error of AWS's, and where AWS explains it: one line for people, never part of an answer.

Pure: a table from words that AWS writes to a sentence. The first row that fits
counts. Where several causes are as likely, there is no row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """``pattern`` is searched in the error's text; its groups are filled into ``cause`` as {0}, {1}."""

    pattern: str
    cause: str
    explained: str

    def of(self, text: str) -> str | None:
        """The hint for a text, None if the text is another error's."""
        match = re.search(self.pattern, text)
        return f"{self.cause.format(*match.groups())} ({self.explained})" if match else None


_IAM = "IAM user guide, Troubleshoot access denied error messages"
_LAMBDA = "Lambda developer guide"
_SOCKETS = "API Gateway developer guide, Working with WebSocket APIs"
_FORMATION = "CloudFormation user guide"

HINTS = (
    Hint(
        r"is not authorized to perform: ([\w-]+:\w+) .*because no identity-based policy",
        "No policy of this role or user allows {0}; add a statement that does, in SAM under Policies.",
        _IAM,
    ),
    Hint(
        r"is not authorized to perform: ([\w-]+:\w+)",
        "Neither a policy of the caller nor one of the resource allows {0}, or one denies it.",
        _IAM,
    ),
    Hint(
        r"UnrecognizedClientException|InvalidClientTokenId|InvalidAccessKeyId|security token included in the request is invalid",
        'The credentials are not those of this localstage, which has new ones after each start: eval "$(localstage env)".',
        "docs/localstage.md",
    ),
    Hint(
        r"ResourceNotFoundException.*(?:Requested resource not found|Cannot do operations on a non-existent table)",
        "There is no table of this name in this region; a localstage begins empty, and its name may be another one's.",
        "DynamoDB developer guide, Error handling with DynamoDB",
    ),
    Hint(
        r"GoneException",
        "That connection has been closed; delete what is kept of it and go on with the others.",
        f"{_SOCKETS}, Use @connections commands in your backend service",
    ),
    Hint(
        r"Cannot find (?:module|package) '(@(?:aws-sdk|smithy)/[^'/]+)",
        "{0} comes with Lambda's runtime, not with Node.js: run localstage install node-sdk, or add it to the package.",
        f"{_LAMBDA}, Runtime-included SDK versions",
    ),
    Hint(
        r"Cannot find (?:module|package) '(aws-sdk)'",
        "Lambda's runtimes have version 3 of the SDK since nodejs18.x, @aws-sdk/…; version 2, {0}, must be in the package.",
        f"{_LAMBDA}, Runtime-included SDK versions",
    ),
    Hint(
        r"Cannot find (?:module|package) '([^'\\]+)'",
        "{0} is not in the package: Handler is FILE.FUNCTION, and node_modules must have what the file imports; "
        "list it in the dependencies of package.json.",
        f"{_LAMBDA}, Deploy Node.js Lambda functions with .zip file archives",
    ),
    Hint(
        r"require is not defined in ES module scope|Cannot use import statement outside a module",
        'A file is an ES module if it ends in .mjs, or if package.json says "type": "module"; such a file imports and exports.',
        f"{_LAMBDA}, Designating a function handler as an ES module",
    ),
    Hint(
        r"Unable to import module '([\w./]+)'",
        "Handler is FILE.FUNCTION in the package; or a module that the file imports is not in it: list it in requirements.txt.",
        f"{_LAMBDA}, Working with .zip file archives for Python Lambda functions",
    ),
    Hint(
        r"Runtime\.HandlerNotFound|Handler '(\w+)' missing on module|\S+ is undefined or not exported",
        "Handler is FILE.FUNCTION, and the file has no function of that name.",
        f"{_LAMBDA}, Define Lambda function handler in Python, or in Node.js",
    ),
    Hint(
        r"Task timed out after ([\d.]+) seconds",
        "The function took longer than its Timeout of {0} s, which is 3 unless it is set.",
        f"{_LAMBDA}, Configure Lambda function timeout",
    ),
    Hint(
        r"cannot be assumed by Lambda",
        "The role is new and IAM takes seconds, or its trust policy does not name lambda.amazonaws.com.",
        f"{_LAMBDA}, Defining Lambda function permissions with an execution role",
    ),
    Hint(
        r"Requires capabilities|InsufficientCapabilities",
        "The template makes roles, or is a SAM template, and that must be acknowledged: pass Capabilities.",
        f"{_FORMATION}, Acknowledging IAM resources in CloudFormation templates",
    ),
    Hint(
        r"Unable to deploy API because no routes exist",
        "The deployment was made before the routes: in a template it needs DependsOn with all of them.",
        f"{_FORMATION}, AWS::ApiGatewayV2::Deployment",
    ),
    Hint(
        r"TooManyRequestsException|ThrottlingException|Rate exceeded|ProvisionedThroughputExceededException",
        "Too many calls at once, as on AWS: try again after a while, as boto3 does with retries in mode standard.",
        "boto3's documentation, Retries",
    ),
)


def hint_for(text: str) -> str | None:
    """The likely cause of an error by its text, and where it is explained; None where none is known."""
    return next((found for hint in HINTS if (found := hint.of(text)) is not None), None)
