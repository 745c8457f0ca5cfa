"""``AWS::IAM::Role``, ``Policy`` and ``ManagedPolicy``.

IAM keeps a role's inline and attached policies apart from the role; these
types set exactly what the template says and leave alone what others attached.
"""

from __future__ import annotations

from typing import Any

from localstage.stacks.resource_type import (
    Properties,
    ResourceType,
    Work,
    change_tags,
    document,
    picked,
    tag_list,
    unless_gone,
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

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("iam")
        name = properties.get("RoleName") or work.generated_name(64)
        client.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_policy(properties["AssumeRolePolicyDocument"]),
            **picked(properties, ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags")),
        )
        work.made(name)
        self._set_policies(client, name, {}, properties)
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("iam")
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
        change_tags(
            old,
            new,
            lambda tags: client.tag_role(RoleName=physical_id, Tags=tag_list(tags)),
            lambda keys: client.untag_role(RoleName=physical_id, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        client = work.client("iam")
        self._set_policies(client, physical_id, properties, {})
        unless_gone(client.delete_role, RoleName=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        role = work.client("iam").get_role(RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def _set_policies(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        before, after = (set(p.get("ManagedPolicyArns", [])) for p in (old, new))
        for arn in sorted(before - after):
            unless_gone(client.detach_role_policy, RoleName=name, PolicyArn=arn)
        for arn in sorted(after - before):
            client.attach_role_policy(RoleName=name, PolicyArn=arn)
        was, wanted = _inline(old), _inline(new)
        for policy_name in was.keys() - wanted.keys():
            unless_gone(client.delete_role_policy, RoleName=name, PolicyName=policy_name)
        for policy_name, text in wanted.items():
            if was.get(policy_name) != text:
                client.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=text)


def _inline(properties: Properties) -> dict[str, str]:
    return {policy["PolicyName"]: _policy(policy["PolicyDocument"]) for policy in properties.get("Policies", [])}


_PRINCIPALS = (("Roles", "role", "RoleName"), ("Users", "user", "UserName"), ("Groups", "group", "GroupName"))


class Policy(ResourceType):
    """An inline policy of roles, users and groups."""

    name = "AWS::IAM::Policy"

    def create(self, work: Work, properties: Properties) -> str:
        physical_id = work.generated_name(100)
        work.made(physical_id)
        self._set(work, {}, properties)
        return physical_id

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        self._set(work, old, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        self._set(work, properties, {})

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Id": physical_id}

    def _set(self, work: Work, old: Properties, new: Properties) -> None:
        client = work.client("iam")
        for group, noun, key in _PRINCIPALS:
            for principal in new.get(group, []):
                getattr(client, f"put_{noun}_policy")(
                    **{key: principal}, PolicyName=new["PolicyName"], PolicyDocument=_policy(new["PolicyDocument"])
                )
            renamed = old.get("PolicyName") != new.get("PolicyName")
            for principal in old.get(group, []):
                if renamed or principal not in new.get(group, []):
                    unless_gone(
                        getattr(client, f"delete_{noun}_policy"), **{key: principal}, PolicyName=old["PolicyName"]
                    )


class ManagedPolicy(ResourceType):
    """A policy of its own; its physical id is its ARN."""

    name = "AWS::IAM::ManagedPolicy"
    name_property = "ManagedPolicyName"

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("iam")
        arn = client.create_policy(
            PolicyName=properties.get("ManagedPolicyName") or work.generated_name(128),
            PolicyDocument=_policy(properties["PolicyDocument"]),
            **picked(properties, ("Description", "Path")),
        )["Policy"]["Arn"]
        work.made(arn)
        self._attach(client, arn, {}, properties)
        return arn

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("iam")
        if old["PolicyDocument"] != new["PolicyDocument"]:
            others = _other_versions(client, physical_id)
            if len(others) + 1 >= MAX_POLICY_VERSIONS:
                client.delete_policy_version(PolicyArn=physical_id, VersionId=others[0])
            client.create_policy_version(
                PolicyArn=physical_id, PolicyDocument=_policy(new["PolicyDocument"]), SetAsDefault=True
            )
        self._attach(client, physical_id, old, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        client = work.client("iam")
        self._attach(client, physical_id, properties, {})
        for version in unless_gone(_other_versions, client=client, arn=physical_id) or []:
            client.delete_policy_version(PolicyArn=physical_id, VersionId=version)
        unless_gone(client.delete_policy, PolicyArn=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        policy = work.client("iam").get_policy(PolicyArn=physical_id)["Policy"]
        names = ("AttachmentCount", "DefaultVersionId", "IsAttachable", "PolicyId")
        return {"PolicyArn": physical_id, **picked(policy, names)}

    def _attach(self, client: Any, arn: str, old: Properties, new: Properties) -> None:
        for group, noun, key in _PRINCIPALS:
            before, after = set(old.get(group, [])), set(new.get(group, []))
            for principal in sorted(after - before):
                getattr(client, f"attach_{noun}_policy")(**{key: principal}, PolicyArn=arn)
            for principal in sorted(before - after):
                detach = getattr(client, f"detach_{noun}_policy")
                unless_gone(detach, **{key: principal}, PolicyArn=arn)


def _other_versions(client: Any, arn: str) -> list[str]:
    """The ids of the versions that are not the default one, oldest first."""
    versions = client.list_policy_versions(PolicyArn=arn)["Versions"]
    others = [v["VersionId"] for v in versions if not v["IsDefaultVersion"]]
    return sorted(others, key=lambda version: int(version.removeprefix("v")))


TYPES: tuple[ResourceType, ...] = (Role(), Policy(), ManagedPolicy())
