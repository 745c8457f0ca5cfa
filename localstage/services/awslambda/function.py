"""A function's configuration as Lambda keeps it: moto's, with what moto drops on the way.

AWS: Lambda API reference, FunctionConfiguration. Every function has a LoggingConfig.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaFunction


class StageFunction(LambdaFunction):
    """moto's function with a log group of its own choice."""

    __module__ = LambdaFunction.__module__  # moto files its classes by the service in their module's name.

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1):
        super().__init__(account_id, spec, region, version)
        self._log_into(spec.get("LoggingConfig"))

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        super().update_configuration(config_updates)
        if "LoggingConfig" in config_updates:
            self._log_into(config_updates["LoggingConfig"])
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        if "TracingConfig" in config_updates:
            self.tracing_config = config_updates["TracingConfig"]
        return self.get_configuration()

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        logging = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        return {**super().get_configuration(on_create), "LoggingConfig": logging}

    def _log_into(self, config: dict[str, Any] | None) -> None:
        self.logs_group_name = (config or {}).get("LogGroup") or f"/aws/lambda/{self.function_name}"
