"""CloudWatch Logs without subscription filters to functions."""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend

from localstage.services.triggers.sentences import names_a_function, refusal


class Backend(LogsBackend):
    """moto's, with that refusal."""

    __module__ = LogsBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def put_subscription_filter(
        self,
        log_group_name: str,
        filter_name: str,
        filter_pattern: str,
        destination_arn: str,
        role_arn: str,
        **more: Any,
    ) -> None:
        if names_a_function(destination_arn):
            raise InvalidParameterException(
                msg=refusal("log groups", f"the filter {filter_name} of {log_group_name}", destination_arn)
            )
        super().put_subscription_filter(log_group_name, filter_name, filter_pattern, destination_arn, role_arn, **more)
