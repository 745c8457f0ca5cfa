"""A template on localstage as a stack: created or updated, its events told as they come, its addresses found.

Knows CloudFormation's API, through the clients that it is given, and no command line.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from localstage.project.cloud_assembly import BOOTSTRAP_VERSION, CloudAssembly, read_cloud_assembly, stack_name_in
from localstage.project.packaging import Build, CannotPackage, Packaged, package
from localstage.settings import ACCOUNT_ID
from localstage.stacks.errors import NO_UPDATES
from localstage.stacks.template import MAX_TEMPLATE_BODY_BYTES

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_POLL_S = 0.1
_NO_WAY_BACK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")


class NotDeployed(Exception):
    """CloudFormation refused the template, or an operation failed; the text is one sentence with the first cause."""


@dataclass(frozen=True)
class StackEvent:
    """One event of a stack, in AWS's words."""

    status: str
    resource_type: str
    logical_id: str
    reason: str

    @property
    def failed(self) -> bool:
        """Whether work on a resource or on the stack has failed."""
        return self.status.endswith("FAILED")


@dataclass(frozen=True)
class Address:
    """The WebSocket URLs of one stage."""

    api_id: str
    api_name: str
    stage: str
    url: str
    """As on AWS: for programs in localstage's environment."""
    local_url: str
    """By the port, for a browser and for anything else on this machine."""


@dataclass(frozen=True)
class Wanted:
    """What is to be deployed: the template's file, the stack's name, and the operation's parameters."""

    template: Path
    stack_name: str
    parameters: Mapping[str, str]
    capabilities: tuple[str, ...] = CAPABILITIES
    build: Build = lambda code: None


class Deployment:
    """One template and its stack on one localstage. ``say`` is told of each event of the stack."""

    def __init__(self, session: boto3.Session, wanted: Wanted, say: Callable[[StackEvent], None] = lambda event: None):
        self._wanted = wanted
        self._say = say
        self._formation = session.client("cloudformation")
        self._lambda = session.client("lambda")
        self._s3 = session.client("s3")
        self._ssm = session.client("ssm")
        self._bucket = f"localstage-packages-{ACCOUNT_ID}-{session.region_name}"
        self._deployed: Packaged | None = None
        self._watched: tuple[Path, ...] = (wanted.template,)
        self._names: dict[str, str] = {}

    @property
    def watched(self) -> tuple[Path, ...]:
        """The files and folders that were packaged last; at first the template alone."""
        return self._watched

    def deploy(self) -> list[str]:
        """Package and deploy; the logical ids of the functions that got new code without the stack.

        Where nothing but functions' code has changed since the last time, the
        stack is left alone: that takes milliseconds. Raises CannotPackage and NotDeployed.
        """
        packaged = package(self._wanted.template, self._bucket, self._wanted.build)
        assembly = read_cloud_assembly(self._wanted.template, ACCOUNT_ID, self._s3.meta.region_name)
        self._watched = (*packaged.watched, *(assembly.assets.values() if assembly else ()))
        before, self._deployed = self._deployed, None
        if before is None or not packaged.code_alone or before.shape != packaged.shape:
            self._upload(packaged)
            if assembly is not None:
                self._bootstrap(assembly)
            self._deploy_stack(packaged)
            self._names = self._function_names()
            before = None
        changed = [
            logical_id
            for logical_id, content in packaged.functions.items()
            if (before is None or before.functions.get(logical_id) != content)
            and self._update_code(logical_id, content)
        ]
        self._deployed = packaged
        return changed

    def outputs(self) -> dict[str, str]:
        """The stack's outputs by their keys, in the template's order."""
        (stack,) = self._formation.describe_stacks(StackName=self._wanted.stack_name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def _upload(self, packaged: Packaged) -> None:
        if not packaged.objects and len(packaged.text.encode()) <= MAX_TEMPLATE_BODY_BYTES:
            return
        self._make_bucket(self._bucket)
        for key, content in packaged.objects.items():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def _bootstrap(self, assembly: CloudAssembly) -> None:
        """What ``cdk bootstrap`` and ``cdk deploy`` do before the stack: a bucket, the assets, the version."""
        for bucket in dict.fromkeys(bucket for bucket, _ in assembly.assets):
            self._make_bucket(bucket)
        for bucket, key, content in assembly.objects():
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)
        if assembly.version_parameter:
            self._ssm.put_parameter(
                Name=assembly.version_parameter, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True
            )

    def _make_bucket(self, name: str) -> None:
        region = self._s3.meta.region_name
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            self._s3.create_bucket(Bucket=name, **place)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise

    def _template(self, text: str) -> dict[str, str]:
        """The template as an argument: its text, or where it lies if the text is too long."""
        content = text.encode()
        if len(content) <= MAX_TEMPLATE_BODY_BYTES:
            return {"TemplateBody": text}
        key = f"{hashlib.sha256(content).hexdigest()[:32]}.template"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        return {"TemplateURL": f"https://{self._bucket}.s3.amazonaws.com/{key}"}

    def _deploy_stack(self, packaged: Packaged) -> None:
        name = self._wanted.stack_name
        status = self._status()
        if status in _NO_WAY_BACK:
            self._formation.delete_stack(StackName=name)
            self._wait(seen=self._event_ids())
            status = None
        arguments = {
            "StackName": name,
            **self._template(packaged.text),
            "Capabilities": list(self._wanted.capabilities),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": text} for key, text in self._wanted.parameters.items()
            ],
        }
        seen = self._event_ids() if status else set()
        try:
            self._formation.update_stack(**arguments) if status else self._formation.create_stack(**arguments)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if NO_UPDATES not in message:
                raise NotDeployed(f"CloudFormation refused {self._wanted.template}: {message}") from None
            return
        status, failures = self._wait(seen)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            why = failures[0] if failures else None
            cause = f"{why.logical_id} ({why.resource_type}): {why.reason}" if why else "it gave no reason"
            raise NotDeployed(f"The stack {name} is {status}: {cause}")

    def _wait(self, seen: set[str]) -> tuple[str | None, list[StackEvent]]:
        """Tells the events that are not ``seen`` until the stack is at rest; its status and the failures, first first."""
        failures: list[StackEvent] = []
        while True:
            status = self._status()
            for event_id, event in self._events():
                if event_id not in seen:
                    seen.add(event_id)
                    failures += [event] if event.failed and "cancelled" not in event.reason else []
                    self._say(event)
            if status is None or not status.endswith("_IN_PROGRESS"):
                return status, failures
            time.sleep(_POLL_S)

    def _events(self) -> Iterator[tuple[str, StackEvent]]:
        """The stack's events, oldest first, with their ids; none where there is no stack."""
        pages = self._formation.get_paginator("describe_stack_events").paginate(StackName=self._wanted.stack_name)
        try:
            found = [event for page in pages for event in page["StackEvents"]]
        except ClientError:
            return
        for event in reversed(found):
            yield (
                event["EventId"],
                StackEvent(
                    event["ResourceStatus"],
                    event["ResourceType"],
                    event["LogicalResourceId"],
                    event.get("ResourceStatusReason", ""),
                ),
            )

    def _event_ids(self) -> set[str]:
        return {event_id for event_id, _ in self._events()}

    def _status(self) -> str | None:
        try:
            return self._formation.describe_stacks(StackName=self._wanted.stack_name)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise

    def _function_names(self) -> dict[str, str]:
        resources = self._formation.describe_stack_resources(StackName=self._wanted.stack_name)["StackResources"]
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in resources
            if one["ResourceType"] == "AWS::Lambda::Function" and "PhysicalResourceId" in one
        }

    def _update_code(self, logical_id: str, content: bytes) -> bool:
        """Gives a function its code, if it has another; whether it had.

        A stack's update compares templates, not functions: what was changed past the stack it does not see.
        """
        name = self._names.get(logical_id)  # None where a condition leaves the function out.
        if name is None:
            return False
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if self._lambda.get_function_configuration(FunctionName=name)["CodeSha256"] == digest:
            return False
        try:
            self._lambda.update_function_code(FunctionName=name, ZipFile=content)
        except ClientError as error:
            raise NotDeployed(
                f"Lambda refused the code of {logical_id}: {error.response['Error']['Message']}"
            ) from None
        return True


def addresses(session: boto3.Session, url: str, stack_name: str) -> list[Address]:
    """The stages of a stack's WebSocket APIs, those of its nested stacks included; ``url`` is localstage's."""
    gateway, formation = session.client("apigatewayv2"), session.client("cloudformation")
    found: list[Address] = []
    for resource in formation.describe_stack_resources(StackName=stack_name)["StackResources"]:
        kind, physical_id = resource["ResourceType"], resource.get("PhysicalResourceId", "")
        if kind == "AWS::CloudFormation::Stack":
            found += addresses(session, url, physical_id)
        if kind == "AWS::ApiGatewayV2::Api":
            api = gateway.get_api(ApiId=physical_id)
            if api["ProtocolType"] == "WEBSOCKET":
                stages = gateway.get_stages(ApiId=physical_id)["Items"]
                found += [address_of(api, stage["StageName"], url) for stage in stages]
    return found


def address_of(api: Mapping[str, Any], stage: str, url: str) -> Address:
    """The addresses of a stage of an API as GetApi describes it."""
    path = f"{api['ApiId']}/{stage}"
    return Address(
        api["ApiId"], api["Name"], stage, f"{api['ApiEndpoint']}/{stage}", f"ws{url.removeprefix('http')}/{path}"
    )


def stack_name_of(template: Path) -> str:
    """The stack's name where none is given: the CDK's, or that of the template's folder as far as CloudFormation allows it.

    Raises CannotPackage.
    """
    given = stack_name_in(template)
    if given is not None:
        return given
    name = re.sub(r"[^A-Za-z0-9]+", "-", template.resolve().parent.name).strip("-")[:100]
    return name if re.match(r"[A-Za-z]", name) else f"stack-{name}".rstrip("-")


@dataclass(frozen=True)
class SamConfig:
    """What a project's ``samconfig.toml`` says: the stack's name, None without one, and the values of parameters."""

    stack_name: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def read_samconfig(template: Path) -> SamConfig:
    """The configuration beside a template; an empty one where there is none. Raises CannotPackage for what is no TOML.

    AWS: SAM developer guide, "AWS SAM CLI configuration file". Read is the
    environment ``default``, its command ``deploy`` before what is ``global``.
    """
    path = template.resolve().parent / "samconfig.toml"
    if not path.is_file():
        return SamConfig()
    try:
        default: Any = tomllib.loads(path.read_text("utf-8")).get("default", {})
        said = {**default.get("global", {}).get("parameters", {}), **default.get("deploy", {}).get("parameters", {})}
        overrides = said.get("parameter_overrides", [])
        words = shlex.split(overrides) if isinstance(overrides, str) else [str(word) for word in overrides]
        pairs = [word.partition("=") for word in words]
        name = said.get("stack_name")
        return SamConfig(name and str(name), {key: value.strip("\"'") for key, _, value in pairs})
    except (ValueError, AttributeError, TypeError) as error:
        raise CannotPackage(f"{path} cannot be read: {error}.") from None
