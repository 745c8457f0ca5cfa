"""Dynamic references in templates: values of the Parameter Store and of Secrets Manager."""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.errors import ResourceFailure

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}")


def with_values(text: str, apis: AccountApis) -> str:
    """The text with each ``{{resolve:…}}`` replaced.

    Raises:
        ResourceFailure: there is no such parameter or secret.
    """
    return _REFERENCE.sub(lambda match: _value(match.group(1), match.group(2), apis), text)


def _value(service: str, reference: str, apis: AccountApis) -> str:
    try:
        if service == "secretsmanager":
            return _secret(reference, apis)
        client = apis.client("ssm")
        answer = client.get_parameter(Name=reference, WithDecryption=service == "ssm-secure")
        return answer["Parameter"]["Value"]
    except (ClientError, BotoCoreError, KeyError, TypeError, ValueError) as error:
        # The last three: the secret is not text, or no JSON object with that key.
        message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else str(error)
        raise ResourceFailure(f"Could not resolve {{{{resolve:{service}:{reference}}}}}: {message}") from None


def _secret(reference: str, apis: AccountApis) -> str:
    """``secret-id:SecretString:json-key:version-stage:version-id``, where an id may be an ARN."""
    arn = re.match(r"^(arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+)(?::(.*))?$", reference)
    name, rest = arn.groups() if arn else (reference.split(":")[0], reference.partition(":")[2])
    parts = [*(rest or "").split(":"), "", "", "", ""]
    wanted: dict[str, Any] = {"SecretId": name}
    if parts[2]:
        wanted["VersionStage"] = parts[2]
    if parts[3]:
        wanted["VersionId"] = parts[3]
    secret = apis.client("secretsmanager").get_secret_value(**wanted)["SecretString"]
    return str(json.loads(secret)[parts[1]]) if parts[1] else secret
