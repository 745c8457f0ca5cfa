"""The Lambda backend: moto's, with what moto drops on the way and the limits of what can run here.

Invocations never come here (invoke.py answers them), so moto's Docker code is
not reached.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction, LayerVersion
from moto.awslambda.policy import Policy
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from localstage.functions.invocation import InvalidZipFile
from localstage.functions.package import check
from localstage.functions.runtimes import RUNTIMES
from localstage.services.awslambda.directory import split_name
from localstage.services.awslambda.event_source_mappings import MappingExists, MayCall, check_mapping, same_function
from localstage.services.awslambda.pace import ROLE_NOT_ASSUMABLE
from localstage.services.messaging.queue_batches import find_queue

_NAME = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
_LIMIT_BYTES = 4096
# AWS: Lambda developer guide, "Defined runtime environment variables".
_RESERVED = frozenset(
    {
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
_NOT_FETCHED = "Error occurred while GetObject. S3 Error Code: "
_S3_SAID = "S3 Error Message: The specified "
_NOT_CONFIGURED = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)


class LocalLambdaFunction(LambdaFunction):
    """moto's function with a log group of its own choice. AWS: Lambda API reference, FunctionConfiguration."""

    __module__ = LambdaFunction.__module__  # moto files its classes by the service in their module's name.

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1):
        super().__init__(account_id, spec, region, version)
        self._log_into(spec.get("LoggingConfig"))

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        super().update_configuration(config_updates)
        if "LoggingConfig" in config_updates:
            self._log_into(config_updates["LoggingConfig"])
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        if "TracingConfig" in config_updates:
            self.tracing_config = config_updates["TracingConfig"]
        return self.get_configuration()

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        logging = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        return {**super().get_configuration(on_create), "LoggingConfig": logging}

    def _log_into(self, config: dict[str, Any] | None) -> None:
        self.logs_group_name = (config or {}).get("LogGroup") or f"/aws/lambda/{self.function_name}"


class StatementExists(LambdaClientError):
    """A policy has a statement of this id. AWS: the text as in github.com/hashicorp/terraform-provider-aws issue 3312."""

    code = 409

    def __init__(self, sid: str):
        super().__init__(
            "ResourceConflictException",
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement.",
        )


class LocalLambdaBackend(LambdaBackend):
    """Refuses, by name, functions that cannot run here, and keeps the policy of each qualifier apart."""

    __module__ = LambdaBackend.__module__  # moto finds a service's URLs beside its backend's module.

    may_assume: Callable[[str, str], bool]
    may_call: MayCall

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        check_configuration({"Runtime": None, **spec}, spec.get("FunctionName", ""))
        self._check_package(spec.get("Code") or {})
        self._check_role(spec.get("Role"))
        return super().create_function(spec)

    def update_function_configuration(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        check_configuration(body, function_name)
        self._check_role(body.get("Role"))
        return super().update_function_configuration(function_name, qualifier, body)

    def update_function_code(self, function_name: str, qualifier: str, body: dict[str, Any]) -> dict[str, Any] | None:
        self._check_package(body)
        return super().update_function_code(function_name, qualifier, body)

    def publish_layer_version(self, spec: dict[str, Any]) -> LayerVersion:
        self._check_package(spec.get("Content") or {})
        return super().publish_layer_version(spec)

    def _check_role(self, role_arn: str | None) -> None:
        """A role must trust Lambda; what is no ARN of a role at all, moto refuses in its own words."""
        if role_arn and ":role/" in role_arn and not self.may_assume("lambda.amazonaws.com", role_arn):
            raise InvalidParameterValueException(ROLE_NOT_ASSUMABLE)

    def _check_package(self, code: Mapping[str, Any]) -> None:
        """A package is refused here that would not be unpacked; moto takes it, and one that is not there for an empty one."""
        if "ZipFile" in code:
            check_zip(base64.b64decode(code["ZipFile"]))
        elif "S3Bucket" in code and "S3Key" in code:
            try:
                found = s3_backends[self.account_id]["aws"].get_object(code["S3Bucket"], code["S3Key"])
            except MissingBucket:
                raise InvalidParameterValueException(
                    f"{_NOT_FETCHED}NoSuchBucket. {_S3_SAID}bucket does not exist"
                ) from None
            if found is None:
                raise InvalidParameterValueException(f"{_NOT_FETCHED}NoSuchKey. {_S3_SAID}key does not exist.")
            check_zip(found.value)

    def create_event_source_mapping(self, spec: dict[str, Any]) -> EventSourceMapping:
        function = self.get_function(spec["FunctionName"])
        for other in self.list_event_source_mappings(spec["EventSourceArn"], spec["FunctionName"]):
            raise MappingExists(other.event_source_arn, function.function_name, other.uuid)
        check_mapping(self.account_id, spec, function, self.may_call)
        mapping = super().create_event_source_mapping(spec)
        self._name_function(mapping)
        queue = find_queue(self.account_id, mapping.event_source_arn)
        if queue is not None:
            queue.lambda_event_source_mappings.clear()  # moto would invoke the function itself, in Docker.
        return mapping

    def update_event_source_mapping(self, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
        before = self.get_event_source_mapping(uuid)
        if before is None:
            return None
        now = {
            "EventSourceArn": before.event_source_arn,
            "FunctionName": before.function_name,
            "BatchSize": before.batch_size,
            "MaximumBatchingWindowInSeconds": before.max_batch_window,
            **spec,
        }
        check_mapping(self.account_id, now, self.get_function(now["FunctionName"]), self.may_call)
        mapping = super().update_event_source_mapping(uuid, spec)
        assert mapping is not None, "it was there before"
        mapping.function_name = now["FunctionName"]
        self._name_function(mapping)
        return mapping

    def list_event_source_mappings(self, event_source_arn: str, function_name: str) -> list[EventSourceMapping]:
        found = super().list_event_source_mappings(event_source_arn, "")
        return [one for one in found if not function_name or same_function(self, one, function_name)]

    def _name_function(self, mapping: EventSourceMapping) -> None:
        """moto drops the qualifier."""
        _, name, qualifier = split_name(mapping.function_name, self.region_name)
        mapping.function_arn = f"{self.get_function(name).function_arn}{f':{qualifier}' if qualifier else ''}"

    def add_permission(self, function_name: str, qualifier: str | None, raw: str) -> dict[str, Any]:
        _, name, qualifier = split_name(function_name, self.region_name, qualifier or "")
        if qualifier == "$LATEST":
            # AWS: the text as in github.com/terraform-aws-modules/terraform-aws-lambda issue 36.
            raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
        sid = json.loads(raw).get("StatementId")
        _, own = self._policy_of(name, qualifier)
        if any(statement["Sid"] == sid for statement in own):
            raise StatementExists(sid)
        return super().add_permission(name, qualifier or None, raw)

    def remove_permission(self, function_name: str, sid: str, revision: str = "", qualifier: str | None = None) -> None:
        policy, own = self._policy_of(function_name, qualifier)
        others = [statement for statement in policy.statements if statement not in own]
        policy.statements[:] = own  # moto keeps the policies of all qualifiers in one list
        try:
            policy.del_statement(sid, revision)
        finally:
            policy.statements += others

    def get_policy(self, function_name: str, qualifier: str | None = None) -> str:
        policy, own = self._policy_of(function_name, qualifier)
        seen = copy.copy(policy)
        seen.statements = own
        return seen.wire_format()

    def _policy_of(self, function_name: str, qualifier: str | None) -> tuple[Policy, list[dict[str, Any]]]:
        """moto's policy of a function, and those of its statements that are about the qualifier.

        AWS: Lambda developer guide, "Using Lambda aliases in event sources and permissions policies".
        """
        _, name, qualifier = split_name(function_name, self.region_name, qualifier or "")
        policy = self.get_function(name, qualifier or None).policy
        arn = f"{self.get_function(name).function_arn}{f':{qualifier}' if qualifier else ''}"
        return policy, [statement for statement in policy.statements if statement["Resource"] == arn]

    def put_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        answer = super().put_function_event_invoke_config(function_name, config)
        configurations = self.get_function(function_name).event_invoke_config
        del configurations[:-1]  # a new configuration takes the old one's place
        return answer


def check_configuration(spec: Mapping[str, Any], name: str) -> None:
    """Refuses a configuration that cannot run here, or not on AWS. Raises LambdaClientError."""
    refusal = RUNTIMES.refusal(name, spec["Runtime"]) if "Runtime" in spec else None
    if refusal is not None:
        raise InvalidParameterValueException(refusal)
    # AWS: FIDELITY section 9, defaults and maxima.
    for key, least, most in (("Timeout", 1, 900), ("MemorySize", 128, 10_240)):
        value = spec.get(key)
        if value is not None and not least <= int(value) <= most:
            raise InvalidParameterValueException(f"{key} must be from {least} to {most}, not {value}.")
    _check_variables((spec.get("Environment") or {}).get("Variables") or {})


def _check_variables(variables: Mapping[str, str]) -> None:
    # AWS: the texts as in github.com issues klothoplatform/klotho 317 and serverless-dotenv-plugin 28.
    if not all(_NAME.fullmatch(name) for name in variables):
        raise LambdaClientError(
            "ValidationException",
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys "
            "must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        )
    reserved = sorted(_RESERVED.intersection(variables))
    if reserved:
        raise InvalidParameterValueException(
            f"{_NOT_CONFIGURED}contains reserved keys that are currently not supported for modification. Reserved keys "
            f"used in this request: {', '.join(reserved)}"
        )
    # Guess (Size of a function's variables): how AWS counts, and that it refuses a NUL.
    measured = json.dumps(dict(variables), ensure_ascii=False, separators=(",", ":"))
    if len(measured.encode()) > _LIMIT_BYTES:
        raise InvalidParameterValueException(
            f"{_NOT_CONFIGURED}exceeded the 4KB limit. String measured: {measured[:200]}"
        )
    for name, value in variables.items():
        if "\0" in value:
            raise InvalidParameterValueException(f"The environment variable {name} has a NUL in its value.")


def check_zip(package: bytes) -> None:
    """Refuses what is no zip, and what would not be unpacked here. Raises LambdaClientError."""
    try:
        check(package)
    except InvalidZipFile as refused:
        # AWS: the text for too large a package as in github.com/jkehler/awslambda-psycopg2 issue 82.
        # Guess (Packages that lead out): what AWS says of names and links.
        raise InvalidParameterValueException(str(refused)) from None
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError):
        # AWS: the text as in github.com/boto/boto3 issue 488.
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
