"""The WebSocket API of the lessons: made, its routes pointed at integrations, deployed, deleted.

A route's target is an integration, and no route that a lesson leaves behind
asks an authorizer. The steps are those of notebooks 02 to 07; a test compares
what both make.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from threading import Event
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from classroom.account.account import STAGE_NAME, Account

ROUTE_KEYS = ("$connect", "$disconnect", "$default", "sendMessage")
SELECTION_EXPRESSION = "$request.body.action"
SERVED_AFTER_S = 4.0
"""Longer than API Gateway takes to serve a change; AWS names no time."""


def find_api(account: Account) -> str | None:
    """The id of the learner's API, or None; the oldest if a cell was run twice and there are several."""
    return next(iter(find_apis(account)), None)


def find_apis(account: Account) -> list[str]:
    """The ids of all APIs of that name, oldest first. Only an API with the course's tags counts."""
    found = [
        api
        for api in account.pages("apigatewayv2", "get_apis", "Items")
        if api["Name"] == account.name("chat-api") and api.get("Tags", {}).items() >= account.tags.items()
    ]
    return [api["ApiId"] for api in sorted(found, key=lambda api: api["CreatedDate"])]


def ensure_api(account: Account) -> str:
    """The id of the learner's API, which is made if it is missing."""
    return (
        find_api(account)
        or account.client("apigatewayv2").create_api(
            Name=account.name("chat-api"),
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression=SELECTION_EXPRESSION,
            Tags=account.tags,
        )["ApiId"]
    )


def ensure_mock(account: Account, api_id: str) -> str:
    """The id of the API's MOCK integration, which answers 200 to everything."""
    gateway = account.client("apigatewayv2")
    for integration in account.pages("apigatewayv2", "get_integrations", "Items", ApiId=api_id):
        if integration["IntegrationType"] == "MOCK":
            return integration["IntegrationId"]
    return gateway.create_integration(
        ApiId=api_id,
        IntegrationType="MOCK",
        RequestTemplates={"200": '{"statusCode": 200}'},
        TemplateSelectionExpression="200",
    )["IntegrationId"]


def targets(account: Account, api_id: str) -> dict[str, str]:
    """What each route leads to: a function's name, ``MOCK``, or "" for nothing."""
    kinds = {}
    for one in account.pages("apigatewayv2", "get_integrations", "Items", ApiId=api_id):
        function = one.get("IntegrationUri", "").rpartition(":function:")[2].partition("/")[0]
        kinds[f"integrations/{one['IntegrationId']}"] = function or one["IntegrationType"]
    routes = account.pages("apigatewayv2", "get_routes", "Items", ApiId=api_id)
    return {one["RouteKey"]: kinds.get(one.get("Target", ""), "") for one in routes}


def point_routes(account: Account, api_id: str, targets: Mapping[str, str], remove: Collection[str] = ()) -> bool:
    """Point routes at ``targets`` (route key to integration id) and delete those of the keys ``remove``.

    A route that is missing is made; all others stay as they are. Whether anything changed.
    """
    gateway = account.client("apigatewayv2")
    routes = {route["RouteKey"]: route for route in account.pages("apigatewayv2", "get_routes", "Items", ApiId=api_id)}
    changed = False
    for key in routes.keys() & set(remove):
        gateway.delete_route(ApiId=api_id, RouteId=routes[key]["RouteId"])
        changed = True
    for key, integration_id in targets.items():
        target = f"integrations/{integration_id}"
        if key not in routes:
            gateway.create_route(ApiId=api_id, RouteKey=key, Target=target)
        elif routes[key].get("Target") != target or routes[key].get("AuthorizationType", "NONE") != "NONE":
            gateway.update_route(ApiId=api_id, RouteId=routes[key]["RouteId"], Target=target, AuthorizationType="NONE")
        else:
            continue
        changed = True
    return changed


def redirect_routes(account: Account, api_id: str, integration_id: str, keys: Collection[str]) -> dict[str, str]:
    """Point the routes of these keys, which exist, at an integration; their targets before, by key. Deploys nothing."""
    before = {}
    for route in account.pages("apigatewayv2", "get_routes", "Items", ApiId=api_id):
        if route["RouteKey"] in keys:
            before[route["RouteKey"]] = route["Target"]
            account.client("apigatewayv2").update_route(
                ApiId=api_id, RouteId=route["RouteId"], Target=f"integrations/{integration_id}"
            )
    return before


def deploy_api(account: Account, api_id: str) -> None:
    """Make a deployment of the API as it is now and let the stage prod serve it."""
    gateway = account.client("apigatewayv2")
    deployment_id = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    arguments = {"ApiId": api_id, "StageName": STAGE_NAME, "DeploymentId": deployment_id}
    if has_stage(account, api_id):
        gateway.update_stage(**arguments)
    else:
        gateway.create_stage(**arguments, Tags=account.tags)
    wait_until_served(account, websocket_url(account, api_id))


def wait_until_served(account: Account, url: str) -> None:
    """Wait until clients surely meet what the stage behind a WebSocket URL was last told to serve.

    API Gateway answers at once and serves a moment later: a new stage is
    refused with 403, a new deployment is still the old one. Nothing tells when
    that is over, so this waits until the last change of the stage and its deployment is
    ``SERVED_AFTER_S`` old. localstage serves at once; nothing is waited for there.
    """
    parts = urlsplit(url)
    if account.target.name == "moto" or parts.scheme != "wss":
        return
    gateway = account.client("apigatewayv2")
    api_id = parts.netloc.partition(".")[0]
    try:
        stage = gateway.get_stage(ApiId=api_id, StageName=parts.path.strip("/"))
        changed = stage.get("LastUpdatedDate", stage["CreatedDate"])
        if "DeploymentId" in stage:  # A stage with AutoDeploy is older than what the last route has made it serve.
            deployment = gateway.get_deployment(ApiId=api_id, DeploymentId=stage["DeploymentId"])
            changed = max(changed, deployment["CreatedDate"])
    except gateway.exceptions.NotFoundException:
        return
    now = parsedate_to_datetime(stage["ResponseMetadata"]["HTTPHeaders"]["date"])
    Event().wait(max(0.0, SERVED_AFTER_S - (now - changed).total_seconds()))


def has_stage(account: Account, api_id: str) -> bool:
    """Whether the API has the stage prod."""
    stages = account.pages("apigatewayv2", "get_stages", "Items", ApiId=api_id)
    return any(stage["StageName"] == STAGE_NAME and stage.get("DeploymentId") for stage in stages)


def is_connected(account: Account, api_id: str, connection_id: str) -> bool:
    """Whether the stage prod may have this connection: API Gateway has not said that it is gone."""
    if not has_stage(account, api_id):
        return False
    endpoint = websocket_url(account, api_id).replace("wss://", "https://")
    management = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    try:
        management.get_connection(ConnectionId=connection_id)
    except management.exceptions.GoneException:
        return False
    except ClientError:
        return True  # only Gone means gone
    return True


def remove_api(account: Account, api_id: str) -> None:
    """Delete the API with everything in it."""
    account.client("apigatewayv2").delete_api(ApiId=api_id)


def websocket_url(account: Account, api_id: str, stage_name: str = STAGE_NAME) -> str:
    """The address that clients connect to."""
    return f"wss://{api_id}.execute-api.{account.target.region}.amazonaws.com/{stage_name}"
