"""S3 without notifications to functions."""

from __future__ import annotations

from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend

from localstage.services.triggers.sentences import refusal


class _InvalidNotification(S3ClientError):
    code = 400

    def __init__(self, sentence: str):
        super().__init__("InvalidArgument", sentence)


class Backend(S3Backend):
    """moto's, with that refusal."""

    __module__ = S3Backend.__module__  # moto finds a service's URLs beside its backend's module.

    def put_bucket_notification_configuration(self, bucket_name: str, notification_config: dict[str, Any]) -> None:
        for configuration in notification_config.get("CloudFunctionConfiguration") or ():
            raise _InvalidNotification(refusal("buckets", bucket_name, configuration.get("CloudFunction")))
        super().put_bucket_notification_configuration(bucket_name, notification_config)
