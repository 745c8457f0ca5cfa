"""GetAccountSettings of Lambda, which moto does not have: an account's limits and what it uses of them."""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.responses import TYPE_RESPONSE, BaseResponse

_LIMITS = {
    # AWS: Lambda quotas; the concurrency is FIDELITY section 9's.
    "TotalCodeSize": 80_530_636_800,
    "CodeSizeUnzipped": 262_144_000,
    "CodeSizeZipped": 52_428_800,
    "ConcurrentExecutions": 1000,
    "UnreservedConcurrentExecutions": 1000,
}


class AccountSettings(BaseResponse):
    """Answers ``GET /2016-08-19/account-settings/``."""

    def __init__(self) -> None:
        super().__init__(service_name="lambda")

    def get_account_settings(self) -> TYPE_RESPONSE:
        functions = list(lambda_backends[self.current_account][self.region].list_functions())
        usage: dict[str, Any] = {
            "TotalCodeSize": sum(function.code_size for function in functions),
            "FunctionCount": len(functions),
        }
        return 200, {"Content-Type": "application/json"}, json.dumps({"AccountLimit": _LIMITS, "AccountUsage": usage})
