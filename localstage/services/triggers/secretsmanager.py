"""Secrets Manager without functions that rotate secrets."""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from localstage.services.triggers.sentences import refusal


class Backend(SecretsManagerBackend):
    """moto's, with that refusal."""

    __module__ = SecretsManagerBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def rotate_secret(
        self,
        secret_id: str,
        client_request_token: str | None = None,
        rotation_lambda_arn: str | None = None,
        **rotation: Any,
    ) -> str:
        if rotation_lambda_arn:
            raise InvalidRequestException(refusal("secrets", secret_id, rotation_lambda_arn))
        return super().rotate_secret(secret_id, client_request_token, rotation_lambda_arn, **rotation)
