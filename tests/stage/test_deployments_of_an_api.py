"""Deployments and stages of a WebSocket API, seen through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:chat/invocations"
)


def add_route(gateway, api_id: str, key: str) -> str:
    integration = gateway.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=LAMBDA)
    return gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")[
        "RouteId"
    ]


def refusal(call, **arguments) -> tuple[int, str, str]:
    """The status, code and message with which AWS refuses the call."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    return (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"])


def test_endpoint_of_a_websocket_api_when_created(gateway, api_id):
    """The endpoint of a WebSocket API is a wss URL of a ten-character API id."""
    api = gateway.get_api(ApiId=api_id)
    assert len(api_id) == 10
    assert api["ApiEndpoint"] == f"wss://{api_id}.execute-api.us-east-1.amazonaws.com"


def test_deployment_when_created(gateway, api_id):
    """CreateDeployment answers 201 with a deployed deployment, which can be read back."""
    add_route(gateway, api_id, "$connect")
    made = gateway.create_deployment(ApiId=api_id, Description="first")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["DeploymentStatus"], made["AutoDeployed"]) == ("DEPLOYED", False)
    read = gateway.get_deployment(ApiId=api_id, DeploymentId=made["DeploymentId"])
    for name in ("Description", "CreatedDate", "DeploymentId", "DeploymentStatus"):
        assert read[name] == made[name]
    listed = gateway.get_deployments(ApiId=api_id)["Items"]
    assert [item["DeploymentId"] for item in listed] == [made["DeploymentId"]]


def test_deployment_when_the_api_has_no_route(gateway, api_id):
    """An API without routes cannot be deployed, and no deployment is left."""
    assert refusal(gateway.create_deployment, ApiId=api_id) == (
        400,
        "BadRequestException",
        "At least one route is required before deploying the Api.",
    )
    assert gateway.get_deployments(ApiId=api_id)["Items"] == []


def test_deployment_when_it_names_a_stage(gateway, api_id):
    """A deployment made with a stage name is the one that the stage points at."""
    add_route(gateway, api_id, "$connect")
    gateway.create_stage(ApiId=api_id, StageName="prod")
    made = gateway.create_deployment(ApiId=api_id, StageName="prod")
    assert gateway.get_stage(ApiId=api_id, StageName="prod")["DeploymentId"] == made["DeploymentId"]


def test_deployment_when_it_names_an_unknown_stage(gateway, api_id):
    """A deployment for a stage that does not exist is refused and not made."""
    add_route(gateway, api_id, "$connect")
    status, code, _ = refusal(gateway.create_deployment, ApiId=api_id, StageName="prod")
    assert (status, code) == (404, "NotFoundException")
    assert gateway.get_deployments(ApiId=api_id)["Items"] == []


def test_deployment_description_when_updated(gateway, api_id):
    """UpdateDeployment changes the description."""
    add_route(gateway, api_id, "$connect")
    deployment_id = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.update_deployment(ApiId=api_id, DeploymentId=deployment_id, Description="new")
    read = gateway.get_deployment(ApiId=api_id, DeploymentId=deployment_id)
    assert read["Description"] == "new"


def test_deployment_when_deleted_under_a_stage(gateway, api_id):
    """A deployment can be deleted only when no stage points at it any more."""
    add_route(gateway, api_id, "$connect")
    first = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=first)
    assert refusal(gateway.delete_deployment, ApiId=api_id, DeploymentId=first) == (
        400,
        "BadRequestException",
        "Active stages pointing to this deployment must be moved or deleted",
    )
    second = gateway.create_deployment(ApiId=api_id, StageName="prod")["DeploymentId"]
    gateway.delete_deployment(ApiId=api_id, DeploymentId=first)
    assert [d["DeploymentId"] for d in gateway.get_deployments(ApiId=api_id)["Items"]] == [second]


def test_stage_when_its_deployment_is_unknown(gateway, api_id):
    """A stage that points at nothing is refused and not made."""
    status, code, _ = refusal(gateway.create_stage, ApiId=api_id, StageName="prod", DeploymentId="abc123")
    assert (status, code) == (404, "NotFoundException")
    assert gateway.get_stages(ApiId=api_id)["Items"] == []


def test_stage_when_its_name_is_in_use(gateway, api_id):
    """Two stages of one API cannot have the same name."""
    gateway.create_stage(ApiId=api_id, StageName="prod")
    assert refusal(gateway.create_stage, ApiId=api_id, StageName="prod") == (
        409,
        "ConflictException",
        "Stage already exists",
    )


@pytest.mark.fidelity("8.3")
def test_stage_when_auto_deploy_meets_a_deployment_id(gateway, api_id):
    """AutoDeploy and DeploymentId exclude each other, at creation and at update."""
    add_route(gateway, api_id, "$connect")
    deployment_id = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    both = {"ApiId": api_id, "StageName": "prod", "DeploymentId": deployment_id}
    assert refusal(gateway.create_stage, AutoDeploy=True, **both)[1] == "BadRequestException"
    gateway.create_stage(ApiId=api_id, StageName="prod", AutoDeploy=True)
    assert refusal(gateway.update_stage, **both)[1] == "BadRequestException"


def test_stage_when_updated(gateway, api_id):
    """UpdateStage changes what it names and leaves the rest."""
    add_route(gateway, api_id, "$connect")
    gateway.create_stage(ApiId=api_id, StageName="prod", Description="old", StageVariables={"a": "1", "b": "2"})
    deployment_id = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.update_stage(
        ApiId=api_id,
        StageName="prod",
        DeploymentId=deployment_id,
        StageVariables={"b": "", "c": "3"},
        RouteSettings={"$connect": {"ThrottlingRateLimit": 5.0}},
    )
    stage = gateway.get_stage(ApiId=api_id, StageName="prod")
    assert stage["Description"] == "old"
    assert stage["DeploymentId"] == deployment_id
    assert stage["StageVariables"] == {"a": "1", "c": "3"}
    assert stage["RouteSettings"]["$connect"]["ThrottlingRateLimit"] == 5.0
    gateway.delete_route_settings(ApiId=api_id, StageName="prod", RouteKey="$connect")
    assert gateway.get_stage(ApiId=api_id, StageName="prod")["RouteSettings"] == {}


@pytest.mark.fidelity("8.6")
@pytest.mark.parametrize(
    "settings",
    [
        {"DefaultRouteSettings": {"LoggingLevel": "INFO"}},
        {
            "AccessLogSettings": {
                "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:access",
                "Format": "$context.requestId",
            }
        },
    ],
)
def test_stage_when_logging_without_an_account_role(gateway, api_id, settings):
    """Execution logs and access logs of a WebSocket API need the account's CloudWatch role."""
    assert refusal(gateway.create_stage, ApiId=api_id, StageName="prod", **settings)[1:] == (
        "BadRequestException",
        "CloudWatch Logs role ARN must be set in account settings to enable logging",
    )


@pytest.mark.fidelity("7.9")
def test_stage_variable_when_its_value_has_a_blank(gateway, api_id):
    """A stage variable takes only the characters that AWS allows."""
    status, code, _ = refusal(gateway.create_stage, ApiId=api_id, StageName="prod", StageVariables={"a": "b c"})
    assert (status, code) == (400, "BadRequestException")


def test_auto_deploy_when_a_route_is_added(gateway, api_id):
    """Each change of the API gives an AutoDeploy stage a new, auto-deployed deployment."""
    gateway.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True)
    assert "DeploymentId" not in gateway.get_stage(ApiId=api_id, StageName="dev")
    add_route(gateway, api_id, "$connect")
    first = gateway.get_stage(ApiId=api_id, StageName="dev")["DeploymentId"]
    add_route(gateway, api_id, "sendMessage")
    second = gateway.get_stage(ApiId=api_id, StageName="dev")["DeploymentId"]
    assert first != second
    assert gateway.get_deployment(ApiId=api_id, DeploymentId=second)["AutoDeployed"] is True


def test_auto_deploy_when_any_part_changes(gateway, api_id):
    """Whatever is made, changed or deleted of an API, its AutoDeploy stage serves a new deployment."""
    add_route(gateway, api_id, "$connect")
    gateway.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True)
    of_api = {"ApiId": api_id}
    route = gateway.create_route(**of_api, RouteKey="send")["RouteId"]
    integration = gateway.create_integration(**of_api, IntegrationType="MOCK")["IntegrationId"]
    model = gateway.create_model(**of_api, Name="Message", ContentType="application/json", Schema="{}")["ModelId"]
    answer = gateway.create_route_response(**of_api, RouteId=route, RouteResponseKey="$default")["RouteResponseId"]
    of_integration = {**of_api, "IntegrationId": integration}
    mapped = gateway.create_integration_response(**of_integration, IntegrationResponseKey="$default")
    deployed = [gateway.get_stage(**of_api, StageName="dev")["DeploymentId"]]
    for operation, settings in (
        ("update_api", {"Description": "new"}),
        ("update_route", {"RouteId": route, "OperationName": "Send"}),
        ("update_integration", {"IntegrationId": integration, "Description": "new"}),
        ("update_model", {"ModelId": model, "Description": "new"}),
        ("delete_route_response", {"RouteId": route, "RouteResponseId": answer}),
        (
            "delete_integration_response",
            {"IntegrationId": integration, "IntegrationResponseId": mapped["IntegrationResponseId"]},
        ),
        ("delete_model", {"ModelId": model}),
        ("delete_route", {"RouteId": route}),
        ("delete_integration", {"IntegrationId": integration}),
    ):
        getattr(gateway, operation)(**of_api, **settings)
        deployed.append(gateway.get_stage(**of_api, StageName="dev")["DeploymentId"])
    assert len(set(deployed)) == len(deployed)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_part_when_it_is_not_there(gateway, api_id, verb: str):
    """What is not there can be neither changed nor deleted: each part is named as not found."""
    route = gateway.create_route(ApiId=api_id, RouteKey="send")["RouteId"]
    integration = gateway.create_integration(ApiId=api_id, IntegrationType="MOCK")["IntegrationId"]
    for part, ids in (
        ("route", {"RouteId": "none"}),
        ("route_response", {"RouteId": route, "RouteResponseId": "none"}),
        ("integration", {"IntegrationId": "none"}),
        ("integration_response", {"IntegrationId": integration, "IntegrationResponseId": "none"}),
        ("authorizer", {"AuthorizerId": "none"}),
        ("model", {"ModelId": "none"}),
        ("deployment", {"DeploymentId": "none"}),
    ):
        status, code, message = refusal(getattr(gateway, f"{verb}_{part}"), ApiId=api_id, **ids)
        kind = part.title().replace("_", "")
        assert (status, code, message) == (404, "NotFoundException", f"Invalid {kind} identifier specified none")


def test_api_when_deleted(gateway, api_id):
    """Deleting an API takes its deployments and stages with it; a second time it is gone."""
    add_route(gateway, api_id, "$connect")
    gateway.create_deployment(ApiId=api_id)
    gateway.delete_api(ApiId=api_id)
    assert refusal(gateway.get_deployments, ApiId=api_id)[:2] == (404, "NotFoundException")
    assert refusal(gateway.delete_api, ApiId=api_id)[:2] == (404, "NotFoundException")
