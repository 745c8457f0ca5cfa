"""The refusals of API Gateway v2 that moto has no class for, as AWS words them where known."""

from __future__ import annotations

from moto.apigatewayv2.exceptions import APIGatewayV2Error


class ConflictException(APIGatewayV2Error):
    """The request contradicts what already exists."""

    code = 409

    def __init__(self, message: str):
        super().__init__("ConflictException", message)


class DeploymentNotFound(APIGatewayV2Error):
    """No deployment of this API has the id."""

    code = 404

    def __init__(self, deployment_id: str):
        # Guess (Sentences of errors): worded like the not-found errors of the other resources.
        super().__init__("NotFoundException", f"Invalid Deployment identifier specified {deployment_id}")


class QuotaExceeded(APIGatewayV2Error):
    """An API has as many parts of a kind as it may have."""

    # Guess (Quota of an API): anomalyco/sst#4522 shows this code with status 429 for authorizers, and re:Post
    # the same sentence for integrations; the code is taken to be the same for every part.
    code = 429

    def __init__(self, what: str):
        super().__init__(
            "ConflictException",
            f"Maximum number of {what} for this API has been reached. "
            f"Please contact AWS if you need additional {what}.",
        )
