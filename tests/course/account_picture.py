"""What the course has made in an account, without ids and times, so that two states can be compared."""

from __future__ import annotations

from typing import Any

from classroom.account import api, stack
from classroom.account.account import Account
from classroom.operations.cleanup import INNER_PREFIXES


def picture(account: Account) -> dict[str, Any]:
    """The learner's own chat, without ids and times: tables, routes with their targets, stacks with their parameters."""
    tables = {}
    chats_of_their_own = tuple(f"{account.name(inner)}-" for inner in INNER_PREFIXES)
    for name in account.pages("dynamodb", "list_tables", "TableNames"):
        if name.startswith(f"{account.prefix}-") and not name.startswith(chats_of_their_own):
            table = account.client("dynamodb").describe_table(TableName=name)["Table"]
            expiry = account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            throughput = table.get("ProvisionedThroughput", {})
            tables[name] = (
                table["KeySchema"],
                throughput.get("ReadCapacityUnits"),
                expiry.get("AttributeName"),
                account.client("dynamodb").list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
            )
    api_id = api.find_api(account)
    return {
        "tables": tables,
        "api": routes_of(account, api_id) if api_id else None,
        "stacks": {
            name: {
                key: value
                for key, value in stack.parameters(account, name).items()
                if key not in ("ApiId", *(["CodeKey"] if name == account.name("chat") else []))
            }
            for name in (account.name("handlers"), account.name("chat"), account.name("sessions"))
            if stack.stack_status(account, name)
        },
    }


def routes_of(account: Account, api_id: str) -> dict[str, Any]:
    """The routes that the stage prod serves, each with what it targets, and whether the API is as it was deployed."""
    gateway = account.client("apigatewayv2")
    integrations = {
        f"integrations/{entry['IntegrationId']}": entry.get("IntegrationUri", "MOCK").rpartition("function:")[2]
        for entry in gateway.get_integrations(ApiId=api_id)["Items"]
    }
    description = gateway.get_api(ApiId=api_id)
    stages = gateway.get_stages(ApiId=api_id)["Items"]
    made = {entry["DeploymentId"]: entry["CreatedDate"] for entry in gateway.get_deployments(ApiId=api_id)["Items"]}
    return {
        "expression": description["RouteSelectionExpression"],
        "tags": description["Tags"],
        "stages": [entry["StageName"] for entry in stages],
        "newest deployment served": made[stages[0]["DeploymentId"]] == max(made.values()),
        "routes": {
            route["RouteKey"]: integrations[route["Target"]] for route in gateway.get_routes(ApiId=api_id)["Items"]
        },
    }
