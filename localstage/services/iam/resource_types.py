"""``AWS::IAM::Role``, ``User``, ``Policy`` and ``ManagedPolicy``.

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


class Identity(ResourceType):
    """What roles and users have in common: IAM keeps their policies and their boundary apart from them."""

    name_property: str
    noun: str
    """As in the names of IAM's operations: ``role`` or ``user``."""

    def create(self, context: ResourceContext, properties: Properties) -> str:
        name = properties.get(self.name_property) or context.generated_name(64)
        self._call(context, "create_{}", name, self._definition(properties))
        context.on_created(name)
        self._set_belongings(context, name, {}, properties)
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        boundary = new.get("PermissionsBoundary")
        if boundary and boundary != old.get("PermissionsBoundary"):
            self._call(context, "put_{}_permissions_boundary", physical_id, {"PermissionsBoundary": boundary})
        elif not boundary and old.get("PermissionsBoundary"):
            self._call(context, "delete_{}_permissions_boundary", physical_id)
        self._set_belongings(context, physical_id, old, new)
        tagging = Tagging("iam", resource=self.name_property, put=f"tag_{self.noun}", remove=f"untag_{self.noun}")
        tagging.change(context, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        self._set_belongings(context, physical_id, properties, {})
        ignore_missing(self._call, context, "delete_{}", physical_id)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        found = self._call(context, "get_{}", physical_id)[self.noun.title()]
        return picked(found, ("Arn", "RoleId"))

    def _definition(self, properties: Properties) -> Properties:
        """What the creation takes besides the name."""
        return picked(properties, ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"))

    def _set_belongings(self, context: ResourceContext, name: str, old: Properties, new: Properties) -> None:
        before, after = (set(p.get("ManagedPolicyArns", [])) for p in (old, new))
        for arn in sorted(before - after):
            ignore_missing(self._call, context, "detach_{}_policy", name, {"PolicyArn": arn})
        for arn in sorted(after - before):
            self._call(context, "attach_{}_policy", name, {"PolicyArn": arn})
        was, wanted = _inline(old), _inline(new)
        for policy_name in was.keys() - wanted.keys():
            ignore_missing(self._call, context, "delete_{}_policy", name, {"PolicyName": policy_name})
        for policy_name, text in wanted.items():
            if was.get(policy_name) != text:
                policy = {"PolicyName": policy_name, "PolicyDocument": text}
                self._call(context, "put_{}_policy", name, policy)

    def _call(self, context: ResourceContext, operation: str, name: str, more: Properties | None = None) -> Properties:
        call = getattr(context.client("iam"), operation.format(self.noun))
        return call(**{self.name_property: name, **(more or {})})


class Role(Identity):
    """A role; its physical id is its name."""

    name = "AWS::IAM::Role"
    name_property = "RoleName"
    noun = "role"
    reads = (
        *("RoleName", "Description", "MaxSessionDuration", "Path"),
        *("AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "PermissionsBoundary"),
    )

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
        super().update(context, physical_id, old, new)

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

    def _definition(self, properties: Properties) -> Properties:
        trust = {"AssumeRolePolicyDocument": _policy(properties["AssumeRolePolicyDocument"])}
        return {**trust, **super()._definition(properties)}


class User(Identity):
    """A user; its physical id is its name."""

    name = "AWS::IAM::User"
    name_property = "UserName"
    noun = "user"
    unsupported = frozenset({"LoginProfile"})

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        if old.get("Path") != new.get("Path"):
            context.client("iam").update_user(UserName=physical_id, NewPath=new.get("Path", "/"))
        super().update(context, physical_id, old, new)

    def _set_belongings(self, context: ResourceContext, name: str, old: Properties, new: Properties) -> None:
        client = context.client("iam")
        before, after = (set(p.get("Groups", [])) for p in (old, new))
        for group in sorted(before - after):
            ignore_missing(client.remove_user_from_group, UserName=name, GroupName=group)
        for group in sorted(after - before):
            client.add_user_to_group(UserName=name, GroupName=group)
        super()._set_belongings(context, name, old, new)


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


TYPES: tuple[ResourceType, ...] = (Role(), User(), Policy(), ManagedPolicy())
