"""The ``AWS::Lambda::*`` types: functions, their code, and who may call them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceType, Work, change_tags, picked, tag_map, unless_gone

MAX_ZIP_FILE_CHARACTERS = 4 * 1024 * 1024

# What a property becomes that the new template leaves out. AWS: Lambda's defaults
# (FIDELITY section 9).
_CONFIGURATION_DEFAULTS: dict[str, Any] = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "Handler": "",
    "ImageConfig": {},
    "KmsKeyArn": "",
    "Layers": [],
    "LoggingConfig": {},
    "MemorySize": 128,
    "Role": "",
    "Runtime": "",
    "SnapStart": {},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {},
}
_CREATE_ONLY = ("Architectures", "CodeSigningConfigArn", "PackageType")


class Function(ResourceType):
    """A function; its physical id is its name."""

    name = "AWS::Lambda::Function"
    name_property = "FunctionName"
    not_run = frozenset({"CapacityProviderConfig", "DurableConfig", "FunctionScalingConfig"})

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("lambda")
        name = properties.get("FunctionName") or work.generated_name(64)
        client.create_function(
            FunctionName=name,
            Code=_code(properties),
            Tags=tag_map(properties.get("Tags")),
            **picked(properties, _CREATE_ONLY),
            **_configuration(properties),
        )
        work.made(name)
        self._reserve(client, name, {}, properties)
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("lambda")
        if old["Code"] != new["Code"] or old.get("Architectures") != new.get("Architectures"):
            architectures = picked(new, ("Architectures",))
            client.update_function_code(FunctionName=physical_id, **_code(new), **architectures)
        before, after = _configuration(old), _configuration(new)
        if before != after:
            reset = {
                _API_NAMES.get(name, name): default
                for name, default in _CONFIGURATION_DEFAULTS.items()
                if name in old and name not in new and default not in ("", {}, [])
            }
            for name in ("Description", "Layers"):
                if name in old and name not in new:
                    reset[name] = _CONFIGURATION_DEFAULTS[name]
            client.update_function_configuration(FunctionName=physical_id, **{**reset, **after})
        self._reserve(client, physical_id, old, new)
        arn = f"arn:aws:lambda:{work.region}:{work.account_id}:function:{physical_id}"
        change_tags(
            old,
            new,
            lambda tags: client.tag_resource(Resource=arn, Tags=tags),
            lambda keys: client.untag_resource(Resource=arn, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("lambda").delete_function, FunctionName=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        answer = work.client("lambda").get_function_configuration(FunctionName=physical_id)
        return {"Arn": answer["FunctionArn"]}

    def _reserve(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        before, after = (p.get("ReservedConcurrentExecutions") for p in (old, new))
        if after is not None and after != before:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(after))
        elif before is not None and after is None:
            client.delete_function_concurrency(FunctionName=name)


_API_NAMES = {"KmsKeyArn": "KMSKeyArn"}


def _configuration(properties: Properties) -> Properties:
    wanted = picked(properties, _CONFIGURATION_DEFAULTS)
    if "VpcConfig" in wanted:
        wanted["VpcConfig"] = picked(wanted["VpcConfig"], ("Ipv6AllowedForDualStack", "SecurityGroupIds", "SubnetIds"))
    return {_API_NAMES.get(name, name): value for name, value in wanted.items()}


def _code(properties: Properties) -> Properties:
    code = properties["Code"]
    if "ImageUri" in code:
        raise ResourceFailure("The local stage does not run functions from a container image")
    if "ZipFile" in code:
        return {"ZipFile": _zip_of(code["ZipFile"], properties.get("Runtime", ""))}
    return picked(code, ("S3Bucket", "S3Key", "S3ObjectVersion"))


def _zip_of(source: str, runtime: str) -> bytes:
    """AWS: the ZipFile property is the text of one file, index.py or index.js."""
    if len(source) > MAX_ZIP_FILE_CHARACTERS:
        raise ResourceFailure("Code.ZipFile must not be longer than 4 MB")
    extension = {"python": "py", "nodejs": "js"}.get(runtime.rstrip("0123456789.x"))
    if extension is None:
        raise ResourceFailure("ZipFile can only be used when Runtime is set to one of python, nodejs")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        entry = zipfile.ZipInfo(f"index.{extension}", date_time=(1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        package.writestr(entry, source)
    return archive.getvalue()


class Permission(ResourceType):
    """A statement in a function's policy; every change replaces it."""

    name = "AWS::Lambda::Permission"

    def create(self, work: Work, properties: Properties) -> str:
        statement_id = work.generated_name(100)
        work.client("lambda").add_permission(StatementId=statement_id, **properties)
        return statement_id

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(
            work.client("lambda").remove_permission, FunctionName=properties["FunctionName"], StatementId=physical_id
        )

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Id": physical_id}


class EventInvokeConfig(ResourceType):
    """How asynchronous invocations of a function are retried."""

    name = "AWS::Lambda::EventInvokeConfig"

    def create(self, work: Work, properties: Properties) -> str:
        work.client("lambda").put_function_event_invoke_config(**properties)
        return f"{properties['FunctionName']}|{properties['Qualifier']}"

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        work.client("lambda").put_function_event_invoke_config(**new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(
            work.client("lambda").delete_function_event_invoke_config,
            **picked(properties, ("FunctionName", "Qualifier")),
        )


class Version(ResourceType):
    """A published version; its physical id is its ARN."""

    name = "AWS::Lambda::Version"
    not_run = frozenset({"FunctionScalingConfig", "ProvisionedConcurrencyConfig", "RuntimePolicy"})

    def create(self, work: Work, properties: Properties) -> str:
        return work.client("lambda").publish_version(**properties)["FunctionArn"]

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        function, version = physical_id.rsplit(":", 1)
        unless_gone(work.client("lambda").delete_function, FunctionName=function, Qualifier=version)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Version": physical_id.rsplit(":", 1)[-1], "FunctionArn": physical_id}


class Alias(ResourceType):
    """A name for a version; its physical id is its ARN."""

    name = "AWS::Lambda::Alias"
    not_run = frozenset({"ProvisionedConcurrencyConfig"})

    def create(self, work: Work, properties: Properties) -> str:
        return work.client("lambda").create_alias(**properties)["AliasArn"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        work.client("lambda").update_alias(**{"Description": "", **new})

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        where = picked(properties, ("FunctionName", "Name"))
        unless_gone(work.client("lambda").delete_alias, **where)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"AliasArn": physical_id}


class LayerVersion(ResourceType):
    """A version of a layer; its physical id is its ARN."""

    name = "AWS::Lambda::LayerVersion"

    def create(self, work: Work, properties: Properties) -> str:
        name = properties.get("LayerName") or work.generated_name(140)
        made = work.client("lambda").publish_layer_version(**{**properties, "LayerName": name})
        return made["LayerVersionArn"]

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        layer, version = physical_id.rsplit(":", 1)
        unless_gone(
            work.client("lambda").delete_layer_version, LayerName=layer.rsplit(":", 1)[-1], VersionNumber=int(version)
        )

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"LayerVersionArn": physical_id}


TYPES: tuple[ResourceType, ...] = (Function(), Permission(), EventInvokeConfig(), Version(), Alias(), LayerVersion())
