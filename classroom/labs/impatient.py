"""A localstage whose patience lasts seconds, so that a lesson can watch what takes AWS ten minutes or two hours.

It runs on this machine on every target, beside whatever the target is, and
holds one API with one route, ``ping``, that answers nothing.
"""

from __future__ import annotations

import boto3

from localstage import LocalStage

_STAGE_NAME = "prod"


class ImpatientLocalstage:
    """Ready when made; ``url`` is its WebSocket address. ``stop`` ends it, and so does the kernel.

    ``idle_s`` is the idle time-out, ``longest_s`` the longest life of a
    connection: on AWS 600 and 7200 (FIDELITY section 5).
    """

    def __init__(self, idle_s: float, longest_s: float):
        self._localstage = LocalStage(
            options=("--idle-timeout", f"{idle_s}s", "--connection-duration", f"{longest_s}s")
        )
        self._localstage.start()
        try:
            self.url = f"{self._localstage.url.replace('http', 'ws', 1)}/{self._make_api()}/{_STAGE_NAME}"
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it with all its connections; harmless when ended."""
        self._localstage.stop()

    def __repr__(self) -> str:
        return "<a localstage in a hurry>"

    def _make_api(self) -> str:
        """The id of the API, made with this localstage's own address and keys: nothing of the target's is used."""
        own = self._localstage.changes().settings
        gateway = boto3.client(
            "apigatewayv2",
            endpoint_url=self._localstage.url,
            region_name=own["AWS_REGION"],
            aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
        )
        api_id = gateway.create_api(
            Name="impatient", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        integration = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="MOCK",
            RequestTemplates={"200": '{"statusCode": 200}'},
            TemplateSelectionExpression="200",
        )["IntegrationId"]
        gateway.create_route(ApiId=api_id, RouteKey="ping", Target=f"integrations/{integration}")
        deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
        gateway.create_stage(ApiId=api_id, StageName=_STAGE_NAME, DeploymentId=deployment)
        return api_id
