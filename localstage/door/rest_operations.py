"""The operations of REST services, found by method and path in botocore's service models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_MODELS = {"lambda": "lambda", "email": "sesv2", "events": "events", "tagging": "resourcegroupstaggingapi"}
_NOT_REST = frozenset(
    {
        "dynamodb",
        "logs",
        "sqs",
        "sns",
        "iam",
        "sts",
        "cloudformation",
        "monitoring",
        "events",
        "ssm",
        "secretsmanager",
        "kms",
        "states",
        "ec2",
        "kinesis",
    }
)
"""Services whose models need not be read to know that they have no REST operations."""
_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")

Route = tuple[str, re.Pattern[str], str, tuple[str, ...]]


class RestOperations:
    """Reads a service's model at its first call; the one owner of what was read."""

    def __init__(self) -> None:
        self._routes: dict[str, list[Route]] = {}

    def find(self, service: str, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        """The operation's name and what its path names; "" and nothing if there is none.

        ``path`` is as sent; ``service`` as in the credential scope.
        """
        if service in _NOT_REST:
            return "", {}
        if service not in self._routes:
            self._routes[service] = _routes(service)
        for wanted, pattern, name, labels in self._routes[service]:
            match = pattern.fullmatch(path) if wanted == method else None
            if match:
                return name, dict(zip(labels, map(unquote, match.groups()), strict=True))
        return "", {}


def _routes(service: str) -> list[Route]:
    import botocore.session
    from botocore.exceptions import UnknownServiceError

    try:
        model = botocore.session.Session().get_service_model(_MODELS.get(service, service))
    except UnknownServiceError:
        return []
    if not model.metadata.get("protocol", "").startswith("rest"):
        return []
    return [_route(model.operation_model(name)) for name in model.operation_names]


def _route(operation: Any) -> Route:
    uri = operation.http["requestUri"].partition("?")[0]
    members = operation.input_shape.members if operation.input_shape else {}
    names = {
        shape.serialization.get("name", member): member
        for member, shape in members.items()
        if shape.serialization.get("location") == "uri"
    }
    labels, pattern, end = [], "", 0
    for label in _LABEL.finditer(uri):
        pattern += re.escape(uri[end : label.start()]) + ("(.+)" if label.group(2) else "([^/]+)")
        labels.append(names.get(label.group(1), label.group(1)))
        end = label.end()
    pattern += re.escape(uri[end:].rstrip("/")) + "/?"
    return operation.http["method"], re.compile(pattern), operation.name, tuple(labels)
