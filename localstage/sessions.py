"""boto3 for a localstage: a session that reaches it whatever the environment and the user's files say."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import ConstantProvider

from localstage.environment import Access


class StageSession(boto3.Session):
    """A boto3 session whose clients and resources call one localstage, with its key, and nothing else ever."""

    def __init__(self, access: Access):
        core = botocore.session.Session()
        core.get_component("config_store").set_config_provider("profile", ConstantProvider(None))
        core.set_config_variable("config_file", os.devnull)
        core.set_config_variable("credentials_file", os.devnull)
        self._url = access.url
        super().__init__(
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
            region_name=access.region,
            botocore_session=core,
        )

    def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        """As boto3's ``client``; where the call goes is not to be chosen."""
        return super().client(service_name, *arguments, **self._led(service_name, options))

    def resource(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        """As boto3's ``resource``; where the call goes is not to be chosen."""
        return super().resource(service_name, *arguments, **self._led(service_name, options))

    def _led(self, service_name: str, options: dict[str, Any]) -> dict[str, Any]:
        config = Config(proxies={}, s3={"addressing_style": "path"})
        if options.get("config") is not None:
            config = config.merge(options["config"])
        # The management API's address is that of one stage: only its path may be chosen.
        at_stage = service_name == "apigatewaymanagementapi" and str(options.get("endpoint_url", "")).startswith(
            self._url
        )
        return {**options, "config": config, **({} if at_stage else {"endpoint_url": self._url})}
