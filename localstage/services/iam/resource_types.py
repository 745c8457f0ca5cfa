"""``AWS::IAM::Role``, ``Policy`` and ``ManagedPolicy``.

IAM keeps a role's inline and attached policies apart from the role; these
types set exactly what the template says and leave alone what others attached.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from localstage.stacks.resource_type import (
    Properties,
    ResourceContext,
    ResourceType,
    Tagging,
    document,
    ignore_missing,
    picked,
    shaped_as,
)

MAX_POLICY_VERSIONS = 5


def _policy(value: Any) -> str:
    """A policy as JSON text. SAM and many templates leave out the version, as AWS allows;
    moto asks for one."""
    if isinstance(value, dict) and "Version" not in value:
        value = {"Version": "2012-10-17", **value}
    return document(value)


class Role(ResourceType):
    """A role; its physical id is its name."""

    name = "AWS::IAM::Role"
    name_property = "RoleName"
    reads = (
        *("RoleName", "Description", "MaxSessionDuration", "Path"),
        *("AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "PermissionsBoundary"),
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        client = context.client("iam")
        name = properties.get("RoleName") or context.generated_name(64)
        client.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_policy(properties["AssumeRolePolicyDocument"]),
            **picked(properties, ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags")),
        )
        context.on_created(name)
        self._set_policies(client, name, {}, properties)
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("iam")
        if old["AssumeRolePolicyDocument"] != new["AssumeRolePolicyDocument"]:
            client.update_assume_role_policy(
                RoleName=physical_id, PolicyDocument=_policy(new["AssumeRolePolicyDocument"])
            )
        client.update_role(
            RoleName=physical_id,
            Description=new.get("Description", ""),
            MaxSessionDuration=new.get("MaxSessionDuration", 3600),
        )
        boundary = new.get("PermissionsBoundary")
        if boundary and boundary != old.get("PermissionsBoundary"):
            client.put_role_permissions_boundary(RoleName=physical_id, PermissionsBoundary=boundary)
        elif not boundary and old.get("PermissionsBoundary"):
            client.delete_role_permissions_boundary(RoleName=physical_id)
        self._set_policies(client, physical_id, old, new)
        Tagging("iam", resource="RoleName", put="tag_role", remove="untag_role").change(context, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        client = context.client("iam")
        self._set_policies(client, physical_id, properties, {})
        ignore_missing(client.delete_role, RoleName=physical_id)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        role = context.client("iam").get_role(RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties:
        client = context.client("iam")
        role = client.get_role(RoleName=physical_id)["Role"]
        names = client.list_role_policies(RoleName=physical_id)["PolicyNames"]
        attached = client.list_attached_role_policies(RoleName=physical_id)["AttachedPolicies"]
        inline = [client.get_role_policy(RoleName=physical_id, PolicyName=name) for name in names]
        order = [policy["PolicyName"] for policy in expected.get("Policies", [])]
        return {
            **shaped_as(expected, role, self.reads),
            "AssumeRolePolicyDocument": _parsed(role["AssumeRolePolicyDocument"]),
            "Policies": [
                {"PolicyName": policy["PolicyName"], "PolicyDocument": _parsed(policy["PolicyDocument"])}
                for policy in _ordered_as(order, inline, lambda policy: policy["PolicyName"])
            ],
            "ManagedPolicyArns": _ordered_as(
                expected.get("ManagedPolicyArns", []), [entry["PolicyArn"] for entry in attached], lambda arn: arn
            ),
            "PermissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        }

    def _set_policies(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        before, after = (set(p.get("ManagedPolicyArns", [])) for p in (old, new))
        for arn in sorted(before - after):
            ignore_missing(client.detach_role_policy, RoleName=name, PolicyArn=arn)
        for arn in sorted(after - before):
            client.attach_role_policy(RoleName=name, PolicyArn=arn)
        was, wanted = _inline(old), _inline(new)
        for policy_name in was.keys() - wanted.keys():
            ignore_missing(client.delete_role_policy, RoleName=name, PolicyName=policy_name)
        for policy_name, text in wanted.items():
            if was.get(policy_name) != text:
                client.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=text)


def _inline(properties: Properties) -> dict[str, str]:
    return {policy["PolicyName"]: _policy(policy["PolicyDocument"]) for policy in properties.get("Policies", [])}


def _parsed(value: Any) -> Any:
    return json.loads(unquote(value)) if isinstance(value, str) else value


def _ordered_as(expected: list[str], found: list[Any], name_of: Callable[[Any], str]) -> list[Any]:
    """What was found in the order of the template, what the template does not have last."""
    places = {name: place for place, name in enumerate(expected)}
    return sorted(found, key=lambda item: places.get(name_of(item), len(places)))


_PRINCIPALS = (("Roles", "role", "RoleName"), ("Users", "user", "UserName"), ("Groups", "group", "GroupName"))


class Policy(ResourceType):
    """An inline policy of roles, users and groups."""

    name = "AWS::IAM::Policy"
    attribute_formats = {"Id": "{id}"}

    def create(self, context: ResourceContext, properties: Properties) -> str:
        physical_id = context.generated_name(100)
        context.on_created(physical_id)
        self._set(context, {}, properties)
        return physical_id

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        self._set(context, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        self._set(context, properties, {})

    def _set(self, context: ResourceContext, old: Properties, new: Properties) -> None:
        client = context.client("iam")
        for group, noun, key in _PRINCIPALS:
            for principal in new.get(group, []):
                getattr(client, f"put_{noun}_policy")(
                    **{key: principal}, PolicyName=new["PolicyName"], PolicyDocument=_policy(new["PolicyDocument"])
                )
            renamed = old.get("PolicyName") != new.get("PolicyName")
            for principal in old.get(group, []):
                if renamed or principal not in new.get(group, []):
                    ignore_missing(
                        getattr(client, f"delete_{noun}_policy"), **{key: principal}, PolicyName=old["PolicyName"]
                    )


class ManagedPolicy(ResourceType):
    """A policy of its own; its physical id is its ARN."""

    name = "AWS::IAM::ManagedPolicy"
    name_property = "ManagedPolicyName"

    def create(self, context: ResourceContext, properties: Properties) -> str:
        client = context.client("iam")
        arn = client.create_policy(
            PolicyName=properties.get("ManagedPolicyName") or context.generated_name(128),
            PolicyDocument=_policy(properties["PolicyDocument"]),
            **picked(properties, ("Description", "Path")),
        )["Policy"]["Arn"]
        context.on_created(arn)
        self._attach(client, arn, {}, properties)
        return arn

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("iam")
        if old["PolicyDocument"] != new["PolicyDocument"]:
            others = _other_versions(client, physical_id)
            if len(others) + 1 >= MAX_POLICY_VERSIONS:
                client.delete_policy_version(PolicyArn=physical_id, VersionId=others[0])
            client.create_policy_version(
                PolicyArn=physical_id, PolicyDocument=_policy(new["PolicyDocument"]), SetAsDefault=True
            )
        self._attach(client, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        client = context.client("iam")
        self._attach(client, physical_id, properties, {})
        for version in ignore_missing(_other_versions, client, physical_id) or []:
            client.delete_policy_version(PolicyArn=physical_id, VersionId=version)
        ignore_missing(client.delete_policy, PolicyArn=physical_id)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        policy = context.client("iam").get_policy(PolicyArn=physical_id)["Policy"]
        names = ("AttachmentCount", "DefaultVersionId", "IsAttachable", "PolicyId")
        return {"PolicyArn": physical_id, **picked(policy, names)}

    def _attach(self, client: Any, arn: str, old: Properties, new: Properties) -> None:
        for group, noun, key in _PRINCIPALS:
            before, after = set(old.get(group, [])), set(new.get(group, []))
            for principal in sorted(after - before):
                getattr(client, f"attach_{noun}_policy")(**{key: principal}, PolicyArn=arn)
            for principal in sorted(before - after):
                detach = getattr(client, f"detach_{noun}_policy")
                ignore_missing(detach, **{key: principal}, PolicyArn=arn)


def _other_versions(client: Any, arn: str) -> list[str]:
    """The ids of the versions that are not the default one, oldest first."""
    versions = client.list_policy_versions(PolicyArn=arn)["Versions"]
    others = [v["VersionId"] for v in versions if not v["IsDefaultVersion"]]
    return sorted(others, key=lambda version: int(version.removeprefix("v")))


TYPES: tuple[ResourceType, ...] = (Role(), Policy(), ManagedPolicy())
