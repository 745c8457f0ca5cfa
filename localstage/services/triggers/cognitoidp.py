"""Cognito user pools without functions as triggers."""

from __future__ import annotations

from typing import Any

from moto.cognitoidp.exceptions import InvalidParameterException
from moto.cognitoidp.models import CognitoIdpBackend

from localstage.services.triggers.sentences import refusal


class Backend(CognitoIdpBackend):
    """moto's, with that refusal."""

    __module__ = CognitoIdpBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def create_user_pool(self, name: str, extended_config: dict[str, Any]) -> Any:
        _check(name, extended_config)
        return super().create_user_pool(name, extended_config)

    def update_user_pool(self, user_pool_id: str, extended_config: dict[str, Any]) -> None:
        _check(user_pool_id, extended_config)
        super().update_user_pool(user_pool_id, extended_config)


def _check(pool: str, extended_config: dict[str, Any]) -> None:
    for trigger, function in (extended_config.get("LambdaConfig") or {}).items():
        arn = function.get("LambdaArn") if isinstance(function, dict) else function
        raise InvalidParameterException(refusal("user pools", f"{trigger} of {pool}", arn))
