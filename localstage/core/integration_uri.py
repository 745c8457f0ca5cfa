"""What an integration URI names: a function, or an address of this machine.

AWS: FIDELITY section 7: either the ``arn:aws:apigateway:…:lambda:path/…`` form or the bare function ARN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

_LAMBDA_PATH = re.compile(r"^arn:[^:]+:apigateway:[^:]+:lambda:path/\d{4}-\d{2}-\d{2}/functions/(.+)/invocations$")
_FUNCTION_ARN = re.compile(r"^arn:[^:]+:lambda:[^:]*:\d*:function:[^:]+(:[^:]+)?$")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


def fill_stage_variables(text: str, stage_variables: Mapping[str, str]) -> str:
    """The text with each ``${stageVariables.x}`` replaced; an unknown variable becomes ""."""
    return _STAGE_VARIABLE.sub(lambda match: stage_variables.get(match.group(1), ""), text)


def function_arn_of(integration_uri: str, stage_variables: Mapping[str, str] | None = None) -> str | None:
    """The (perhaps qualified) ARN of the function that the URI names, or None if it names none."""
    uri = fill_stage_variables(integration_uri, stage_variables or {})
    path = _LAMBDA_PATH.match(uri)
    arn = path.group(1) if path else uri
    return arn if _FUNCTION_ARN.match(arn) else None


def is_loopback_url(url: str) -> bool:
    """Whether a URL is http(s) to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
