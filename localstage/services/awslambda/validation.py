"""What a function's configuration may be, and its package: refused when it is given, not when it is first invoked.

Pure but for the zip's table of contents. moto checks neither.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

from localstage.functions.runtimes import RUNTIMES

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
_NOT_CONFIGURED = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)


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
    # Guess: how AWS counts, and that it refuses a NUL.
    measured = json.dumps(dict(variables), ensure_ascii=False, separators=(",", ":"))
    if len(measured.encode()) > _LIMIT_BYTES:
        raise InvalidParameterValueException(
            f"{_NOT_CONFIGURED}exceeded the 4KB limit. String measured: {measured[:200]}"
        )
    for name, value in variables.items():
        if "\0" in value:
            raise InvalidParameterValueException(f"The environment variable {name} has a NUL in its value.")


def check_zip(package: bytes) -> None:
    """Refuses what is no zip. Raises LambdaClientError."""
    try:
        zipfile.ZipFile(io.BytesIO(package)).close()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        # AWS: the text as in github.com/boto/boto3 issue 488.
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
