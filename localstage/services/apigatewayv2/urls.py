"""The URLs of API Gateway v2: moto's own, and those of the operations that moto lacks."""

from __future__ import annotations

from moto.apigatewayv2 import urls as moto_urls

from localstage.services.apigatewayv2.responses import LocalApiGatewayV2Response

url_bases = moto_urls.url_bases

_API = "{0}/v2/apis/(?P<api_id>[^/]+)"

_ADDED = (
    f"{_API}/deployments$",
    f"{_API}/deployments/(?P<deployment_id>[^/]+)$",
    f"{_API}/stages/(?P<stage_name>[^/]+)/accesslogsettings$",
    f"{_API}/stages/(?P<stage_name>[^/]+)/routesettings/(?P<route_key>[^/]+)$",
    # A stage's ARN, decoded: its tags are found under it.
    "{0}/v2/tags/(?P<arn>[^/]+)/apis/(?P<api_id>[^/]+)/stages/(?P<stage_name>[^/]+)$",
)

url_paths = {
    **{
        path: LocalApiGatewayV2Response.dispatch
        for path, handler in moto_urls.url_paths.items()
        if handler.__name__ == "dispatch"
    },
    **dict.fromkeys(_ADDED, LocalApiGatewayV2Response.dispatch),
}
