"""template.yaml is chat.yaml in SAM's words: both deployed side by side, and what is then in the account compared."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classroom.account import packages
from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, TEMPLATES, Site, heard, left_over, say
from tests.stage.target import StageTarget

ROOT = TEMPLATES.parent
BASIC = "AWSLambdaBasicExecutionRole"
OWN_LOGS = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"]}


def decoded(name: str) -> Any:
    """A template as it is written, without anything resolved."""
    from cfnlint.decode import decode  # Imported late: it takes half a second, and every process collects this file.

    return decode(str(TEMPLATES / name))[0]


@pytest.fixture(scope="module")
def site(emptied: LocalStage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stage with both stacks: cfn from chat.yaml, sam from template.yaml by the AWS command line."""
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    site.deploy("cfn", "chat.yaml", JoinAndLeaveNotices="true")
    deploy_with_aws(emptied, tmp_path_factory.mktemp("sam"))
    yield site
    site.close()


def deploy_with_aws(stage: LocalStage, folder: Path) -> None:
    """``package`` and ``deploy``, which are what ``sam deploy`` does too, in a project with this template."""
    environment = {**stage.environment(as_aws=True), "AWS_PAGER": "", "HOME": str(folder)}
    (folder / "cloudformation").mkdir()
    shutil.copy(TEMPLATES / "template.yaml", folder / "cloudformation")
    packages.unpack_functions(folder / "packages")
    packaged = str(folder / "packaged.yaml")
    for words in (
        [
            "package",
            "--template-file",
            "cloudformation/template.yaml",
            "--s3-bucket",
            BUCKET,
            "--output-template-file",
            packaged,
        ],
        [
            "deploy",
            "--template-file",
            packaged,
            "--stack-name",
            "sam",
            "--capabilities",
            "CAPABILITY_IAM",
            "CAPABILITY_AUTO_EXPAND",
            "--parameter-overrides",
            "Prefix=sam",
            "JoinAndLeaveNotices=true",
        ],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "cloudformation", *words],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_tables_and_logs_are_those_of_chat_yaml(site: Site) -> None:
    """Tables with keys, billing, time to live and tags, and log groups with retention, are the same."""
    assert tables(site, "sam") == tables(site, "cfn")
    assert len(tables(site, "cfn")) == 3
    assert log_groups(site, "sam") == log_groups(site, "cfn")


def test_functions_are_those_of_chat_yaml(site: Site) -> None:
    """Functions have the same settings and variables."""
    assert functions(site, "sam") == functions(site, "cfn")
    assert len(functions(site, "cfn")) == 4


def test_package_of_each_function_when_sam_packs_it(site: Site) -> None:
    """It holds the function's file and those that it imports, and nothing of another function's."""
    s3 = site.target.client("s3")
    template = site.target.client("cloudformation").get_template(StackName="sam", TemplateStage="Processed")
    for name, logical_id in {"connect": "ConnectFunction", "default": "DefaultFunction"}.items():
        code = template["TemplateBody"]["Resources"][logical_id]["Properties"]["Code"]
        package = s3.get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
        assert set(zipfile.ZipFile(io.BytesIO(package)).namelist()) == set(packages.sources_of(name))


def test_roles_are_those_of_chat_yaml_save_for_logs(site: Site) -> None:
    """Roles allow the same, but SAM's write logs by AWS's own policy, and chat.yaml's to their own group alone."""
    ours, sams = roles(site, "cfn"), roles(site, "sam")
    assert ours.keys() == sams.keys()
    for name, (statements, attached) in ours.items():
        assert attached == [] and statements[0].items() >= OWN_LOGS.items()
        assert sams[name] == (statements[1:], [BASIC])


def test_api_is_that_of_chat_yaml(site: Site) -> None:
    """The API, its routes with their functions, who may invoke them, and the stage's limits are the same."""
    assert api(site, "sam") == api(site, "cfn")
    assert set(api(site, "cfn")["routes"]) == {"$connect", "$disconnect", "sendMessage", "ping", "$default"}


def test_parameters_and_outputs_are_those_of_chat_yaml() -> None:
    """Both take the same parameters, but for the package that SAM makes itself, and give the same outputs."""
    ours, sams = (decoded(name) for name in ("chat.yaml", "template.yaml"))
    packages = {"CodeBucket", "CodeKey"}
    assert {key: value for key, value in ours["Parameters"].items() if key not in packages} == sams["Parameters"]
    assert ours["Outputs"].keys() == sams["Outputs"].keys()


def test_chat_of_template_yaml_when_two_people_talk(site: Site) -> None:
    """The stack that SAM made is a chat: notices, messages, answers; deleted, it leaves nothing."""
    url = {
        output["OutputKey"]: output["OutputValue"]
        for output in site.target.client("cloudformation").describe_stacks(StackName="sam")["Stacks"][0]["Outputs"]
    }["WebSocketUrl"]
    ann, bob = site.connect(url), site.connect(url)
    assert heard(ann)["message"].endswith(" joined")
    say(bob, "hello SAM")
    assert heard(ann)["message"] == heard(bob)["message"] == "hello SAM"
    ann.send('{"action": "dance"}')
    assert heard(ann)["connection"]["sourceIp"]
    bob.close()
    assert heard(ann)["message"].endswith(" left")


def test_stack_of_template_yaml_when_it_is_deleted(site: Site, tmp_path: Path) -> None:
    """Deleting the stack leaves nothing with its name; it can be made again."""
    site.delete("sam")
    assert left_over(site, "sam") == []
    deploy_with_aws(site.target.stage, tmp_path)


def test_settings_example_when_compared_with_the_commands() -> None:
    """.env.example holds exactly the variables that the README's commands read, no secrets, and git ignores .env."""
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    block = (TEMPLATES / "README.md").read_text().partition("## With SAM")[2].partition("```\n")[2].partition("```")[0]
    assert set(re.findall(r"\$(CHAT_\w+)", block)) == example.keys()
    assert not any(word in name for name in example for word in ("KEY", "SECRET", "TOKEN", "PASSWORD"))
    given = set(re.findall(r'"(\w+)=\$', block)) - {"owner"}
    assert given <= decoded("template.yaml")["Parameters"].keys()
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def tables(site: Site, prefix: str) -> dict[str, Any]:
    dynamodb, found = site.target.client("dynamodb"), {}
    for name in dynamodb.list_tables()["TableNames"]:
        if name.startswith(f"{prefix}-"):
            table = dynamodb.describe_table(TableName=name)["Table"]
            expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
            found[name] = {
                **{key: table.get(key) for key in ("KeySchema", "AttributeDefinitions", "BillingModeSummary")},
                "expiry": expiry,
                "tags": sorted(ours(tags).items()),
            }
    return plain(found, prefix)


def log_groups(site: Site, prefix: str) -> dict[str, Any]:
    groups = site.target.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{prefix}-")["logGroups"]
    return plain({group["logGroupName"]: group["retentionInDays"] for group in groups}, prefix)


def functions(site: Site, prefix: str) -> dict[str, Any]:
    lambda_, found = site.target.client("lambda"), {}
    for function in named(site, prefix):
        configuration = lambda_.get_function(FunctionName=function)["Configuration"]
        tags = lambda_.list_tags(Resource=configuration["FunctionArn"])["Tags"]
        found[function] = {
            **{key: configuration.get(key) for key in ("Handler", "Runtime", "Timeout", "MemorySize", "Environment")},
            "tags": sorted(item for item in tags.items() if ":" not in item[0]),
        }
    return plain(found, prefix)


def roles(site: Site, prefix: str) -> dict[str, tuple[list[dict[str, Any]], list[str]]]:
    """By function: the statements of its role's inline policies in one order, and the policies attached to it."""
    iam, lambda_, found = site.target.client("iam"), site.target.client("lambda"), {}
    for function in named(site, prefix):
        role = lambda_.get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[1]
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        statements = [statement for document in documents for statement in document["Statement"]]
        attached = [
            policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        ]
        found[function] = [
            sorted(statements, key=lambda entry: ("logs" not in json.dumps(entry), json.dumps(entry))),
            attached,
        ]
    return {name: tuple(value) for name, value in plain(found, prefix, api_id(site, prefix)).items()}


def api(site: Site, prefix: str) -> dict[str, Any]:
    gateway, lambda_, own = site.target.client("apigatewayv2"), site.target.client("lambda"), api_id(site, prefix)
    found = gateway.get_api(ApiId=own)
    integrations = {entry["IntegrationId"]: entry for entry in gateway.get_integrations(ApiId=own)["Items"]}
    routes = {
        route["RouteKey"]: integrations[route["Target"].split("/")[1]]["IntegrationUri"].split("/functions/")[1]
        for route in gateway.get_routes(ApiId=own)["Items"]
    }
    allowed = {
        (function, statement["Condition"]["ArnLike"]["AWS:SourceArn"].rsplit("/", 1)[1])
        for function in named(site, prefix)
        for statement in json.loads(lambda_.get_policy(FunctionName=function)["Policy"])["Statement"]
    }
    [stage] = gateway.get_stages(ApiId=own)["Items"]
    return plain(
        {
            **{key: found[key] for key in ("Name", "ProtocolType", "RouteSelectionExpression")},
            "routes": routes,
            "tags": sorted(item for item in found["Tags"].items() if ":" not in item[0]),
            "allowed": sorted(allowed),
            "stage": [stage["StageName"], stage["DefaultRouteSettings"]],
        },
        prefix,
        own,
    )


def named(site: Site, prefix: str) -> list[str]:
    every = site.target.client("lambda").list_functions()["Functions"]
    return [entry["FunctionName"] for entry in every if entry["FunctionName"].startswith(f"{prefix}-")]


def api_id(site: Site, prefix: str) -> str:
    [own] = [
        entry["ApiId"]
        for entry in site.target.client("apigatewayv2").get_apis()["Items"]
        if entry["Name"] == f"{prefix}-chat-api"
    ]
    return own


def ours(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags that the templates set: SAM's own have a colon in their names."""
    return {tag["Key"]: tag["Value"] for tag in tags if ":" not in tag["Key"]}


def plain(value: Any, prefix: str, api_id: str = "") -> Any:
    """The same with the stack's prefix and its API's id replaced, so that two stacks can be compared."""
    text = json.dumps(value, default=str)
    text = re.sub(rf'(?<=["/:]){prefix}-', "PREFIX-", text).replace(f'"{prefix}"', '"PREFIX"')
    return json.loads(text.replace(api_id, "API") if api_id else text)
