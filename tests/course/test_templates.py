"""What must be true of every template in cloudformation/, read but not deployed."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classroom.account import packages
from classroom.account.deployment_name import routes_hash, stamped

ROOT = Path(__file__).resolve().parents[2]
ALL_TEMPLATES = sorted((ROOT / "cloudformation").rglob("*.yaml"))
TEMPLATES = [
    path
    for path in ALL_TEMPLATES
    if path.parent.name == "cloudformation" and path.name not in ("template.yaml", "instructor.yaml")
]
every_file = pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: path.name)
each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
TAGGED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
}
NAMES = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
# A template for an API that exists has no routes of its own; these are the routes it is made for.
ROUTES_OF_THE_LESSONS = {
    "handlers.yaml": {"DefaultIntegration": {"$default", "ping"}},
    "sessions.yaml": {
        "ConnectIntegration": {"$connect"},
        "DisconnectIntegration": {"$disconnect"},
        "SendMessageIntegration": {"sendMessage"},
    },
    "authorizer.yaml": {},
}


@pytest.fixture(scope="module")
def findings() -> dict[str, list[str]]:
    """What cfn-lint says of each file; it reads its rules once for all of them."""
    # Imported late: it takes half a second, and every process collects this file.
    from cfnlint.api import lint_by_config
    from cfnlint.config import ManualArgs

    found: dict[str, list[str]] = {str(path): [] for path in ALL_TEMPLATES}
    for match in lint_by_config(ManualArgs(templates=list(found))):
        found[match.filename].append(str(match))
    return found


@every_file
def test_cfn_lint_finds_nothing(path: Path, findings: dict[str, list[str]]) -> None:
    """cfn-lint reports no error and no warning."""
    assert findings[str(path)] == []


@each_template
def test_function_runs_a_handler_that_exists(path: Path) -> None:
    """Each function's Handler names a file of handlers/ and a function in it."""
    for function in _of_type(path, "AWS::Lambda::Function").values():
        module, name = function["Handler"].split(".")
        defined = ast.parse((ROOT / "handlers" / f"{module}.py").read_text()).body
        assert name in {node.name for node in defined if isinstance(node, ast.FunctionDef)}


@each_template
def test_function_gets_the_variables_that_its_handler_reads(path: Path) -> None:
    """A function's environment has every variable that its files read, and no other."""
    for logical_id, function in _of_type(path, "AWS::Lambda::Function").items():
        given = set(function.get("Environment", {}).get("Variables", {}))
        required, optional = _variables(ROOT / "handlers" / f"{function['Handler'].split('.')[0]}.py")
        assert required <= given <= required | optional, logical_id


@each_template
def test_api_gateway_may_invoke_each_routes_function(path: Path) -> None:
    """Each integrated route has a permission for its function, of the form {api}/*/{route key} (FIDELITY section 10).

    An authorizer has one of the form {api}/authorizers/{authorizer}.
    """
    granted = {
        (permission["FunctionName"]["Ref"], permission["SourceArn"]["Fn::Sub"].split(":")[-1].split("/", 1)[1])
        for permission in _of_type(path, "AWS::Lambda::Permission").values()
    }
    integrations = _of_type(path, "AWS::ApiGatewayV2::Integration")
    wanted = {
        (_function_of(integrations[integration]), f"*/{route}")
        for integration, routes in _routes(path).items()
        for route in routes
    }
    wanted |= {
        (_function_in(authorizer["AuthorizerUri"]), f"authorizers/${{{logical_id}}}")
        for logical_id, authorizer in _of_type(path, "AWS::ApiGatewayV2::Authorizer").items()
    }
    assert granted == wanted
    assert _routes(path).keys() == integrations.keys()


@each_template
def test_deployment_waits_for_all_routes(path: Path) -> None:
    """A deployment is a snapshot, so it depends on every route of its template (FIDELITY section 11)."""
    routes = set(_of_type(path, "AWS::ApiGatewayV2::Route"))
    deployments = [
        resource for resource in _resources(path).values() if resource["Type"] == "AWS::ApiGatewayV2::Deployment"
    ]
    assert len(deployments) == bool(routes)
    assert all(set(deployment["DependsOn"]) == routes for deployment in deployments)


@every_file
def test_deployment_is_named_after_the_routes(path: Path) -> None:
    """A deployment's name holds the hash of what it captures, so that changed routes are a new deployment."""
    text = path.read_text()
    assert stamped(text) == text, f"run: python -m classroom name-deployment {path.relative_to(ROOT)}"
    kinds = [resource["Type"] for resource in _resources(path).values()]
    assert ("Deployment" + routes_hash(text) in text) == ("AWS::ApiGatewayV2::Deployment" in kinds)


def test_deployments_name_changes_only_with_its_routes() -> None:
    """Another route, integration or selection is another name; a comment or a table is not."""
    text = (ROOT / "cloudformation" / "chat.yaml").read_text()
    changes = [
        text.replace("RouteKey: ping", "RouteKey: pong"),
        text.replace("AWS_PROXY", "AWS", 1),
        text.replace("$request.body.action", "$request.body.kind"),
    ]
    same = [
        text.replace("  PingRoute:\n", "  PingRoute:\n    # A heartbeat.\n\n"),
        text.replace("MemorySize: 256", "MemorySize: 512"),
        text.replace("expires_at", "gone_at"),
    ]
    assert len({routes_hash(changed) for changed in [text, *changes]}) == 4
    assert {routes_hash(unchanged) for unchanged in same} == {routes_hash(text)}


@each_template
def test_policies_name_what_they_allow(path: Path) -> None:
    """No statement allows all actions of a service or all resources."""
    statements = list(_statements(path))
    assert statements
    for statement in statements:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in _listed(statement["Action"]))
        assert "*" not in _listed(statement["Resource"])


@each_template
def test_each_function_has_a_role_of_its_own(path: Path) -> None:
    """No two functions share a role, and each role may write one log group: its function's."""
    functions = _of_type(path, "AWS::Lambda::Function")
    roles = _of_type(path, "AWS::IAM::Role")
    groups = {
        logical_id: group["LogGroupName"]["Fn::Sub"]
        for logical_id, group in _of_type(path, "AWS::Logs::LogGroup").items()
    }
    assert sorted(_role_of(function) for function in functions.values()) == sorted(roles)
    for function in functions.values():
        first = roles[_role_of(function)]["Policies"][0]["PolicyDocument"]["Statement"][0]
        assert first["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert groups[_attribute_of(first["Resource"])] == "/aws/lambda/" + function["FunctionName"]["Fn::Sub"]


@each_template
def test_everything_carries_the_prefix_and_the_tags(path: Path) -> None:
    """Each name begins with the prefix, and each resource that can carry tags says the course and the owner."""
    for logical_id, resource in _resources(path).items():
        properties, kind = resource["Properties"], resource["Type"]
        if kind in NAMES:
            assert properties[NAMES[kind]]["Fn::Sub"].removeprefix("/aws/lambda/").startswith("${Prefix}-"), logical_id
        if kind in TAGGED:
            tags = properties["Tags"]
            pairs = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
            assert pairs == {"course": "serverless-chat", "owner": {"Ref": "Prefix"}}, logical_id


def test_function_is_the_same_in_every_template() -> None:
    """A function that appears in several templates has the same settings, and its role the same actions, in all."""
    seen: dict[str, tuple[Any, Any]] = {}
    for path in TEMPLATES:
        roles = _of_type(path, "AWS::IAM::Role")
        for function in _of_type(path, "AWS::Lambda::Function").values():
            settings = {key: function.get(key) for key in ("FunctionName", "Runtime", "Timeout", "MemorySize")}
            policy = roles[_role_of(function)]["Policies"][0]
            actions = sorted(
                action for statement in policy["PolicyDocument"]["Statement"] for action in _listed(statement["Action"])
            )
            assert seen.setdefault(function["Handler"], (settings, actions)) == (settings, actions)
    assert len(seen) == 8


@pytest.mark.parametrize("name", ["chat.yaml", "rooms.yaml", "sessions.yaml"])
def test_function_has_a_package_of_its_own(name: str) -> None:
    """Where a template has several functions and one key, each function's package has the function's name behind it."""
    for function in _of_type(ROOT / "cloudformation" / name, "AWS::Lambda::Function").values():
        handler = function["Handler"].partition(".")[0]
        assert function["Code"] == {
            "S3Bucket": {"Ref": "CodeBucket"},
            "S3Key": {"Fn::Sub": f"${{CodeKey}}/{handler}.zip"},
        }
        assert handler in packages.functions()


def test_connections_expire_in_the_whole_system() -> None:
    """The table of connections, and that of members, deletes rows by the attribute that the handlers write."""
    for file, table in (("chat.yaml", "ConnectionsTable"), ("rooms.yaml", "MembersTable")):
        tables = _of_type(ROOT / "cloudformation" / file, "AWS::DynamoDB::Table")
        assert tables[table]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    for name in ("chat_handler", "connect", "rooms"):
        assert '"expires_at"' in "".join(packages.sources_of(name).values())


@each_template
def test_readme_names_the_template_and_its_outputs(path: Path) -> None:
    """cloudformation/README.md has a row for the template, and the integration ids that a lesson needs."""
    readme = (ROOT / "cloudformation" / "README.md").read_text()
    assert f"`{path.name}`" in readme
    for output in _template(path)["Outputs"]:
        assert path.name in ("chat.yaml", "rooms.yaml") or f"`{output}`" in readme


@every_file
def test_template_is_short(path: Path) -> None:
    """A learner reads a template whole: at most 400 lines."""
    assert len(path.read_text().splitlines()) <= 400


@functools.cache
def _template(path: Path) -> dict[str, Any]:
    """What a template says, for all tests that read it."""
    from cfnlint.decode import decode

    template, problems = decode(str(path))
    assert template is not None and not problems
    return template


def _resources(path: Path) -> dict[str, Any]:
    return _template(path)["Resources"]


def _of_type(path: Path, kind: str) -> dict[str, Any]:
    """The properties of the template's resources of one type, by logical id."""
    return {
        logical_id: resource["Properties"]
        for logical_id, resource in _resources(path).items()
        if resource["Type"] == kind
    }


def _routes(path: Path) -> dict[str, set[str]]:
    """The route keys that target each integration, by the integration's logical id."""
    if path.name in ROUTES_OF_THE_LESSONS:
        return ROUTES_OF_THE_LESSONS[path.name]
    routes: dict[str, set[str]] = {}
    for route in _of_type(path, "AWS::ApiGatewayV2::Route").values():
        integration = route["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}")
        routes.setdefault(integration, set()).add(route["RouteKey"])
    return routes


def _function_of(integration: dict[str, Any]) -> str:
    """The logical id of an integration's function."""
    return _function_in(integration["IntegrationUri"])


def _function_in(uri: dict[str, Any]) -> str:
    """The logical id in .../functions/${Logical.Arn}/invocations."""
    return uri["Fn::Sub"].split("/functions/${")[1].split(".Arn}")[0]


def _attribute_of(value: dict[str, Any]) -> str:
    """The logical id of an Fn::GetAtt of Arn."""
    logical_id, attribute = value["Fn::GetAtt"]
    assert attribute == "Arn"
    return logical_id


def _role_of(function: dict[str, Any]) -> str:
    """The logical id of a function's own role, where another may be given in its place."""
    role = function["Role"]
    return _attribute_of(role["Fn::If"][1] if "Fn::If" in role else role)


def _statements(path: Path) -> Iterator[dict[str, Any]]:
    for role in _of_type(path, "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            yield from policy["PolicyDocument"]["Statement"]
    for policy in _of_type(path, "AWS::IAM::Policy").values():
        yield from policy["PolicyDocument"]["Statement"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _variables(path: Path) -> tuple[set[str], set[str]]:
    """The environment variables that a function's files require, and those they can do without."""
    required, optional = set(), set()
    for source in packages.sources_of(path.stem).values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                required.add(ast.literal_eval(node.slice))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.get":
                optional.add(ast.literal_eval(node.args[0]))
    return required, optional
