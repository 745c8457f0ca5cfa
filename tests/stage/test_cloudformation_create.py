"""Stacks that are created, and those that cannot be."""

from __future__ import annotations

import pytest

from tests.stage.stacks import CHAT_API, Stacks, refusal

QUEUE_THEN_BAD_ROUTE = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: kept-or-not}}
  Api:
    Type: AWS::ApiGatewayV2::Api
    DependsOn: Queue
    Properties:
      Name: chat
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $hello}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def test_stack_when_created(stacks):
    """A stack is created in the order of dependencies, and its outputs are resolved."""
    stack = stacks.create("chat", CHAT_API)
    api_id = stacks.outputs("chat")["ApiId"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.outputs("chat")["Url"] == (f"wss://{api_id}.execute-api.us-east-1.amazonaws.com/prod")
    completed = [name for name, status in stacks.events("chat") if status == "CREATE_COMPLETE"]
    assert completed == ["Api", "Echo", "Connect", "Deployment", "Stage", "chat"]
    assert stack["StackId"].startswith("arn:aws:cloudformation:us-east-1:123456789012:stack/chat/")


def test_events_of_a_stack_when_they_are_sorted_by_time(stacks):
    """No two events have one timestamp, so that a tool that sorts them, as the CDK does, shows them in their order."""
    stacks.create("chat", CHAT_API)
    newest_first = [event["Timestamp"] for event in stacks.api.describe_stack_events(StackName="chat")["StackEvents"]]
    assert newest_first == sorted(set(newest_first), reverse=True)


def test_stack_resources_when_created(stacks):
    """The resources of a stack are listed with their physical ids and their own status."""
    stacks.create("chat", CHAT_API)
    listed = stacks.api.list_stack_resources(StackName="chat")["StackResourceSummaries"]
    assert {r["LogicalResourceId"]: r["ResourceType"] for r in listed} == {
        "Api": "AWS::ApiGatewayV2::Api",
        "Echo": "AWS::ApiGatewayV2::Integration",
        "Connect": "AWS::ApiGatewayV2::Route",
        "Deployment": "AWS::ApiGatewayV2::Deployment",
        "Stage": "AWS::ApiGatewayV2::Stage",
    }
    assert {r["ResourceStatus"] for r in listed} == {"CREATE_COMPLETE"}
    api_id = stacks.outputs("chat")["ApiId"]
    found = stacks.api.describe_stack_resources(PhysicalResourceId=api_id)["StackResources"]
    assert {r["StackName"] for r in found} == {"chat"}


def test_waiter_when_a_stack_is_created(stacks):
    """boto3's waiter returns for a created stack."""
    stacks.create("chat", CHAT_API)
    stacks.api.get_waiter("stack_create_complete").wait(StackName="chat", WaiterConfig={"Delay": 1, "MaxAttempts": 1})


@pytest.mark.fidelity("11.6")
def test_stack_when_a_resource_fails(stacks):
    """A failure is told in the events, and everything made before is taken back."""
    stack = stacks.create("chat", QUEUE_THEN_BAD_ROUTE)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack["StackStatusReason"] == (
        "The following resource(s) failed to create: [Route]. Rollback requested by user."
    )
    assert "route key is not formatted properly" in stacks.reason("chat", "Route", "CREATE_FAILED")
    assert stacks.events("chat")[-6:] == [
        ("chat", "ROLLBACK_IN_PROGRESS"),
        ("Api", "DELETE_IN_PROGRESS"),
        ("Api", "DELETE_COMPLETE"),
        ("Queue", "DELETE_IN_PROGRESS"),
        ("Queue", "DELETE_COMPLETE"),
        ("chat", "ROLLBACK_COMPLETE"),
    ]
    assert "QueueUrls" not in stacks.aws("sqs").list_queues()
    assert stacks.aws("apigatewayv2").get_apis()["Items"] == []


def test_stack_when_it_must_not_be_rolled_back(stacks):
    """DisableRollback leaves what was made, and the stack CREATE_FAILED."""
    stack = stacks.create("chat", QUEUE_THEN_BAD_ROUTE, DisableRollback=True)
    assert stack["StackStatus"] == "CREATE_FAILED"
    assert len(stacks.aws("sqs").list_queues()["QueueUrls"]) == 1


def test_stack_when_it_is_to_be_deleted_on_failure(stacks):
    """OnFailure DELETE leaves neither resources nor a stack."""
    stack = stacks.create("chat", QUEUE_THEN_BAD_ROUTE, OnFailure="DELETE")
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.api.describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("type_name", "properties"), [("AWS::GameLift::Fleet", "{}"), ("AWS::CloudFormation::WaitCondition", "{}")]
)
def test_stack_when_nobody_supports_a_type(stacks, type_name, properties):
    """A type that the stage cannot make fails the stack, naming the type."""
    template = f"Resources: {{Thing: {{Type: '{type_name}', Properties: {properties}}}}}"
    assert stacks.create("chat", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason("chat", "Thing", "CREATE_FAILED") == (f"localstage does not support resource type {type_name}")


def test_stack_when_a_type_does_not_exist(stacks):
    """A type that AWS does not have is a fault of the template, and no stack is made."""
    template = "Resources: {Thing: {Type: 'AWS::Sea::Monster'}}"
    assert refusal(stacks.api.create_stack, StackName="chat", TemplateBody=template) == (
        "ValidationError",
        "Template format error: Unrecognized resource types: [AWS::Sea::Monster]",
    )
    assert stacks.api.describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ("{QueueName: q, Colour: red}", "Encountered unsupported property Colour"),
        ("{QueueName: q, Arn: x}", "Encountered unsupported property Arn"),
    ],
)
def test_stack_when_a_property_is_unknown(stacks, properties, reason):
    """A property that a type does not have fails the stack, naming the property."""
    template = f"Resources: {{Queue: {{Type: 'AWS::SQS::Queue', Properties: {properties}}}}}"
    assert stacks.create("chat", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason("chat", "Queue", "CREATE_FAILED") == reason


def test_stack_when_a_required_property_is_missing(stacks):
    """A missing property fails the stack, naming the property."""
    template = "Resources: {Stage: {Type: 'AWS::ApiGatewayV2::Stage', Properties: {ApiId: x}}}"
    stacks.create("chat", template)
    assert "required key [StageName] not found" in stacks.reason("chat", "Stage", "CREATE_FAILED")


def test_stack_when_an_api_has_a_body(stacks):
    """An imported API definition is refused by name rather than ignored."""
    template = """
    Resources: {Api: {Type: 'AWS::ApiGatewayV2::Api', Properties: {Body: {openapi: 3.0.1}}}}
    """
    stacks.create("chat", template)
    assert stacks.reason("chat", "Api", "CREATE_FAILED") == (
        "localstage does not support property Body of AWS::ApiGatewayV2::Api"
    )


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "Parameters: {Name: {Type: String}}\nResources: {Q: {Type: 'AWS::SQS::Queue'}}",
            "Parameters: [Name] must have values",
        ),
        (
            "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Name}}}",
            "Template format error: Unresolved resource dependencies [Name] in the Resources block of the template",
        ),
        (
            "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !GetAtt Q2.Url}},"
            " Q2: {Type: 'AWS::SQS::Queue'}}",
            "Template error: resource Q2 does not support attribute type Url in Fn::GetAtt",
        ),
        (
            "Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}, B: {Type: 'AWS::SQS::Queue', DependsOn: A}}",
            "Circular dependency between resources: [A, B]",
        ),
        ("Transform: Unheard\nResources: {Q: {Type: 'AWS::SQS::Queue'}}", "No transform named Unheard found."),
    ],
)
@pytest.mark.fidelity("11.4")
def test_stack_when_its_template_is_at_fault(stacks, template, message):
    """A fault of the template is answered at once, and no stack is made."""
    settings = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    assert refusal(stacks.api.create_stack, StackName="chat", TemplateBody=template, **settings) == (
        "ValidationError",
        message,
    )
    assert stacks.api.describe_stacks()["Stacks"] == []


def test_stack_when_its_name_is_in_use_or_impossible(stacks):
    """A name is unique and begins with a letter."""
    stacks.create("chat", CHAT_API)
    assert refusal(stacks.api.create_stack, StackName="chat", TemplateBody=CHAT_API) == (
        "AlreadyExistsException",
        "Stack [chat] already exists",
    )
    code, message = refusal(stacks.api.create_stack, StackName="1chat", TemplateBody=CHAT_API)
    assert code == "ValidationError"
    assert "'stackName'" in message


@pytest.mark.parametrize(
    ("properties", "capabilities", "required"),
    [("{}", [], "CAPABILITY_IAM"), ("{RoleName: me}", ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM")],
)
def test_stack_when_a_capability_is_missing(stacks, properties, capabilities, required):
    """A template with roles needs the caller's acknowledgement."""
    template = f"""
    Resources:
      Role: {{Type: 'AWS::IAM::Role', Properties: {properties}}}
    """
    assert refusal(stacks.api.create_stack, StackName="chat", TemplateBody=template, Capabilities=capabilities) == (
        "InsufficientCapabilitiesException",
        f"Requires capabilities : [{required}]",
    )


def test_stack_when_conditions_decide(stacks):
    """A resource whose condition does not hold is not made, and a branch is chosen."""
    template = """
    Parameters: {Size: {Type: String, Default: small}}
    Conditions: {IsLarge: !Equals [!Ref Size, large]}
    Resources:
      Always:
        Type: AWS::SQS::Queue
        Properties: {VisibilityTimeout: !If [IsLarge, 60, 30]}
      Sometimes: {Type: AWS::SQS::Queue, Condition: IsLarge}
    Outputs:
      Name: {Value: !GetAtt Sometimes.QueueName, Condition: IsLarge}
    """
    stacks.create("small", template)
    listed = stacks.api.list_stack_resources(StackName="small")["StackResourceSummaries"]
    assert [r["LogicalResourceId"] for r in listed] == ["Always"]
    stacks.create("large", template, parameters={"Size": "large"})
    assert stacks.outputs("large")["Name"].startswith("large-Sometimes-")
    url = stacks.physical_id("large", "Always")
    attributes = stacks.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "60"


@pytest.mark.fidelity("11.3")
def test_deployment_when_it_does_not_depend_on_its_routes(stacks):
    """Without DependsOn a deployment comes before its routes and fails, as it may on AWS."""
    template = CHAT_API.replace("    DependsOn: [Connect]\n", "")
    assert stacks.create("chat", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "At least one route is required" in stacks.reason("chat", "Deployment", "CREATE_FAILED")


def test_stack_tags_when_created(stacks):
    """The stack's tags are on its resources too."""
    stacks.create("chat", CHAT_API, Tags=[{"Key": "course", "Value": "chat"}])
    api = stacks.aws("apigatewayv2").get_api(ApiId=stacks.outputs("chat")["ApiId"])
    assert api["Tags"] == {"course": "chat"}


def test_secret_parameter_when_described(stacks):
    """A NoEcho parameter is never shown."""
    template = """
    Parameters: {Word: {Type: String, NoEcho: true}}
    Resources: {Q: {Type: 'AWS::SQS::Queue'}}
    """
    stack = stacks.create("chat", template, parameters={"Word": "sesame"})
    assert stack["Parameters"] == [{"ParameterKey": "Word", "ParameterValue": "****"}]
