"""What a request to create or update a stack says: names, parameters, and where its template is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError, ParamValidationError

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.errors import ValidationError

_NAME = re.compile(r"^[a-zA-Z][-a-zA-Z0-9]*$")
MAX_NAME_CHARACTERS = 128
_BAD_URL = "TemplateURL must be a supported URL."


def check_stack_name(name: str) -> None:
    """Raises ValidationError unless the name (or an ARN in its place) can be a stack's."""
    if not name.startswith("arn:"):
        _check(name, "stackName")


def check_change_set_name(name: str) -> None:
    """Raises ValidationError unless the name can be a change set's."""
    _check(name, "changeSetName")


def _check(name: str, member: str) -> None:
    start = f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy "
    if not _NAME.match(name):
        raise ValidationError(
            f"{start}constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValidationError(f"{start}constraint: Member must have length less than or equal to {MAX_NAME_CHARACTERS}")


@dataclass
class StackRequest:
    """What a request to create or update a stack says, whichever way it is made."""

    name: str
    template: str | None
    """The text; None for the previous template."""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] | None = None
    role_arn: str | None = None
    token: str | None = None
    access_key_id: str = ""
    """Who asks; "" for a stack that may do everything."""
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    """Whether a roll-back deletes new resources whose deletion policy is Retain."""
    on_failure: str = "ROLLBACK"
    timeout_in_minutes: int | None = None
    policy_body: str | None = None
    termination_protection: bool = False


def given_parameters(request: list[dict[str, Any]], previous: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values of a request's parameter list, UsePreviousValue resolved.

    Raises:
        ValidationError: a previous value is asked for where there is none.
    """
    given: dict[str, str] = {}
    for parameter in request:
        key = parameter.get("ParameterKey")
        if key is None:
            raise ValidationError("Parameters: every parameter must have a ParameterKey")
        if _is_true(parameter.get("UsePreviousValue")):
            if previous is None or key not in previous:
                raise ValidationError(
                    f"Invalid input for parameter key {key}. Cannot specify usePreviousValue "
                    "as true for a parameter key not in the previous template"
                )
            given[key] = previous[key]
        elif "ParameterValue" not in parameter:
            raise ValidationError(
                f"Invalid input for parameter key {key}. Need to specify either "
                "usePreviousValue as true or a value for the parameter."
            )
        else:
            given[key] = str(parameter["ParameterValue"])
    return given


def _is_true(flag: Any) -> bool:
    return flag is True or str(flag).lower() == "true"


def template_at(url: str, apis: AccountApis) -> str:
    """The text of the object that the URL names, in path style or with the bucket as host.

    Raises:
        ValidationError: it is not an S3 URL, or there is no such object.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValidationError(_BAD_URL) from None
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    if not host or parts.scheme not in ("http", "https"):
        raise ValidationError(_BAD_URL)
    if _names_bucket(host):
        bucket, key = host.split(".s3", 1)[0], path
    else:
        bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise ValidationError(_BAD_URL)
    versions = parse_qs(parts.query).get("versionId")
    version = {"VersionId": versions[0]} if versions else {}
    try:
        body = apis.client("s3").get_object(Bucket=bucket, Key=key, **version)["Body"].read()
        return body.decode("utf-8")
    except ParamValidationError:
        raise ValidationError(_BAD_URL) from None
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        raise ValidationError(f"S3 error: {message}") from None
    except UnicodeDecodeError:
        raise ValidationError("Template format error: the template must be text in UTF-8.") from None


def _names_bucket(host: str) -> bool:
    return ".amazonaws.com" in host and ".s3" in host and not host.startswith("s3")
