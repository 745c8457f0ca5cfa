"""Lambda's API where moto's does not do: the account's settings, and the policies of qualifiers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths as moto_paths
from moto.core.responses import TYPE_RESPONSE

_LIMITS = {
    # AWS: Lambda quotas; the concurrency is FIDELITY section 9's.
    "TotalCodeSize": 80_530_636_800,
    "CodeSizeUnzipped": 262_144_000,
    "CodeSizeZipped": 52_428_800,
    "ConcurrentExecutions": 1000,
    "UnreservedConcurrentExecutions": 1000,
}


class LocalLambdaResponse(LambdaResponse):
    """Answers every call of Lambda but Invoke."""

    def get_account_settings(self) -> TYPE_RESPONSE:
        """The account's limits and what it uses of them; moto does not have the operation."""
        functions = list(self.backend.list_functions())
        usage: dict[str, Any] = {
            "TotalCodeSize": sum(function.code_size for function in functions),
            "FunctionCount": len(functions),
        }
        return 200, {"Content-Type": "application/json"}, json.dumps({"AccountLimit": _LIMITS, "AccountUsage": usage})

    def update_event_source_mapping(self) -> TYPE_RESPONSE:
        """moto's error has no code."""
        return self._mapping_or_error(super().update_event_source_mapping())

    def delete_event_source_mapping(self) -> TYPE_RESPONSE:
        """moto's error has no code."""
        return self._mapping_or_error(super().delete_event_source_mapping())

    def _mapping_or_error(self, answer: TYPE_RESPONSE) -> TYPE_RESPONSE:
        if answer[0] == 404:
            raise LambdaClientError("ResourceNotFoundException", "The resource you requested does not exist.")
        return answer

    def remove_permission(self) -> TYPE_RESPONSE:
        """moto does not look at the qualifier."""
        parts = self.path.split("/")
        query = {name: values[0] for name, values in self.querystring.items()}
        self.backend.remove_permission(
            unquote(parts[-3]), unquote(parts[-1]), query.get("RevisionId", ""), query.get("Qualifier")
        )
        return 204, {"status": 204}, ""


_PATHS = (*moto_paths, r"{0}/(?P<api_version>[^/]+)/account-settings/?$")
URL_PATHS: dict[str, Any] = dict.fromkeys(_PATHS, LocalLambdaResponse.dispatch)
