"""Which integration response of a non-proxy integration fits what the integration answered.

AWS: FIDELITY section 7: ``$default``, or a pattern for the status such as ``/2\\d\\d/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from localstage.core.snapshot import IntegrationResponse


def integration_response_for(status: int, responses: Iterable[IntegrationResponse]) -> IntegrationResponse | None:
    """The response whose pattern matches the whole status, else ``$default``, else None."""
    default = None
    for response in responses:
        key = response.integration_response_key
        if key == "$default":
            default = response
        elif _matches(key, str(status)):
            return response
    return default


def _matches(key: str, status: str) -> bool:
    try:
        return re.fullmatch(key.removeprefix("/").removesuffix("/"), status) is not None
    except re.error:
        return False
