"""The ``AWS::Lambda::*`` types: functions, their code, and who may call them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import (
    ApiType,
    Properties,
    ResourceContext,
    ResourceType,
    Tagging,
    ignore_missing,
    left_out,
    picked,
    shaped_as,
    tag_map,
)

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
_TAGGING = Tagging("lambda", "arn:aws:lambda:{region}:{account_id}:function:{id}", resource="Resource", as_map=True)
_CREATE_ONLY = ("Architectures", "CodeSigningConfigArn", "PackageType")


class Function(ResourceType):
    """A function; its physical id is its name."""

    name = "AWS::Lambda::Function"
    deletion = ("lambda", "delete_function", "FunctionName")
    name_property = "FunctionName"
    unsupported = frozenset({"CapacityProviderConfig", "DurableConfig", "FunctionScalingConfig"})
    reads = (
        *("FunctionName", "Description", "Handler", "MemorySize", "Role", "Runtime", "Timeout", "TracingConfig"),
        *("Environment", "Layers"),
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        client = context.client("lambda")
        name = properties.get("FunctionName") or context.generated_name(64)
        client.create_function(
            FunctionName=name,
            Code=_code(properties),
            Tags=tag_map(properties.get("Tags")),
            **picked(properties, _CREATE_ONLY),
            **_configuration(properties),
        )
        context.on_created(name)
        self._reserve(client, name, {}, properties)
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("lambda")
        if old["Code"] != new["Code"] or old.get("Architectures") != new.get("Architectures"):
            architectures = picked(new, ("Architectures",))
            client.update_function_code(FunctionName=physical_id, **_code(new), **architectures)
        before, after = _configuration(old), _configuration(new)
        if before != after:
            defaults = left_out(_CONFIGURATION_DEFAULTS, old, new)
            reset = {
                _API_NAMES.get(name, name): default
                for name, default in defaults.items()
                if default not in ("", {}, []) or name in ("Description", "Layers")
            }
            client.update_function_configuration(FunctionName=physical_id, **{**reset, **after})
        self._reserve(client, physical_id, old, new)
        _TAGGING.change(context, physical_id, old, new)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        answer = context.client("lambda").get_function_configuration(FunctionName=physical_id)
        return {"Arn": answer["FunctionArn"]}

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties:
        answer = context.client("lambda").get_function_configuration(FunctionName=physical_id)
        variables = answer.get("Environment", {}).get("Variables")
        return {
            **shaped_as(expected, answer, self.reads),
            "Environment": {"Variables": variables} if variables else None,
            "Layers": [layer["Arn"] for layer in answer.get("Layers", [])],
        }

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
        raise ResourceFailure("localstage does not run functions from a container image")
    if "ZipFile" in code:
        return {"ZipFile": _zip_of(code["ZipFile"], properties.get("Runtime", ""))}
    return picked(code, ("S3Bucket", "S3Key", "S3ObjectVersion"))


def _zip_of(source: str, runtime: str) -> bytes:
    """AWS: the ZipFile property is the text of one file, index.py or index.js, and cfn-response lies beside it."""
    if len(source) > MAX_ZIP_FILE_CHARACTERS:
        raise ResourceFailure("Code.ZipFile must not be longer than 4 MB")
    extension = {"python": "py", "nodejs": "js"}.get(runtime.rstrip("0123456789.x"))
    if extension is None:
        raise ResourceFailure("ZipFile can only be used when Runtime is set to one of python, nodejs")
    files = {f"index.{extension}": source}
    helper = {"py": "cfnresponse.py", "js": "cfn-response.js"}[extension]
    if helper.partition(".")[0] in source:
        files[helper] = Path(__file__).with_name(helper).read_text("utf-8")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            package.writestr(entry, text)
    return archive.getvalue()


class Version(ResourceType):
    """A published version; its physical id is its ARN."""

    name = "AWS::Lambda::Version"
    attribute_formats = {"Version": "{name}", "FunctionArn": "{id}"}
    unsupported = frozenset({"FunctionScalingConfig", "ProvisionedConcurrencyConfig", "RuntimePolicy"})

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return context.client("lambda").publish_version(**properties)["FunctionArn"]

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        function, version = physical_id.rsplit(":", 1)
        ignore_missing(context.client("lambda").delete_function, FunctionName=function, Qualifier=version)


class LayerVersion(ApiType):
    """A version of a layer; its physical id is its ARN."""

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        _, layer, version = physical_id.rsplit(":", 2)
        ignore_missing(context.client("lambda").delete_layer_version, LayerName=layer, VersionNumber=int(version))


class EventSourceMapping(ApiType):
    """What invokes a function with a queue's messages; its physical id is its UUID."""

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return super().create(context, _with_tag_map(properties))

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        kept = {name: value for name, value in new.items() if name not in ("EventSourceArn", "Tags")}
        super().update(context, physical_id, old, kept)


def _with_tag_map(properties: Properties) -> Properties:
    return {**properties, "Tags": tag_map(properties["Tags"])} if "Tags" in properties else properties


TYPES: tuple[ResourceType, ...] = (
    Function(),
    Version(),
    LayerVersion(
        "AWS::Lambda::LayerVersion",
        "lambda",
        "publish_layer_version",
        None,
        "delete_layer_version",
        physical_id="{LayerVersionArn}",
        generated=("LayerName", 140),
        attribute_formats={"LayerVersionArn": "{id}"},
    ),
    ApiType(
        "AWS::Lambda::Alias",
        "lambda",
        "create_alias",
        "update_alias",
        "delete_alias",
        physical_id="{AliasArn}",
        parents=("FunctionName", "Name"),
        cleared={"Description": ""},
        unsupported=frozenset({"ProvisionedConcurrencyConfig"}),
        attribute_formats={"AliasArn": "{id}"},
    ),
    ApiType(
        "AWS::Lambda::Permission",
        "lambda",
        "add_permission",
        None,
        "remove_permission",
        physical_id="{StatementId}",
        id_argument="StatementId",
        parents=("FunctionName",),
        generated=("StatementId", 100),
        attribute_formats={"Id": "{id}"},
    ),
    EventSourceMapping(
        "AWS::Lambda::EventSourceMapping",
        "lambda",
        "create_event_source_mapping",
        "update_event_source_mapping",
        "delete_event_source_mapping",
        physical_id="{UUID}",
        id_argument="UUID",
        cleared={"BatchSize": 10, "Enabled": True, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0},
        attribute_formats={
            "Id": "{id}",
            "EventSourceMappingArn": "arn:aws:lambda:{region}:{account_id}:event-source-mapping:{id}",
        },
    ),
    ApiType(
        "AWS::Lambda::EventInvokeConfig",
        "lambda",
        "put_function_event_invoke_config",
        "put_function_event_invoke_config",
        "delete_function_event_invoke_config",
        physical_id="{FunctionName}|{Qualifier}",
        parents=("FunctionName", "Qualifier"),
    ),
)
