"""One deployment of an API: an id, its record for the API, and the snapshot it holds for good."""

from __future__ import annotations

import string
from typing import Any

from moto.apigatewayv2 import models as moto_models
from moto.core.utils import iso_8601_datetime_without_milliseconds, utcnow
from moto.moto_api._internal import mock_random

from localstage.core.snapshot import ApiSnapshot
from localstage.services.apigatewayv2.snapshot import snapshot_of

AUTO_DEPLOYED_DESCRIPTION = "Automatic deployment triggered by changes to the Api configuration"


def new_id(length: int) -> str:
    """An id as API Gateway makes them: lower-case letters and digits."""
    letters = string.ascii_lowercase + string.digits
    return "".join(mock_random.choice(letters) for _ in range(length))


class Deployment:
    """AWS: FIDELITY section 8. Only the description can change after it is made."""

    def __init__(self, api: moto_models.Api, description: str | None = None, auto_deployed: bool = False):
        self.id = new_id(6)
        self.description = description
        self.auto_deployed = auto_deployed
        self.created = utcnow()
        self.snapshot: ApiSnapshot = snapshot_of(api, self.id)

    def to_json(self) -> dict[str, Any]:
        """The shape ``Deployment`` of the service model."""
        return {
            "autoDeployed": self.auto_deployed,
            "createdDate": iso_8601_datetime_without_milliseconds(self.created),
            "deploymentId": self.id,
            "deploymentStatus": "DEPLOYED",
            "description": self.description,
        }
