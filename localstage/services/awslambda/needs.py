"""What Lambda's operations need.

AWS: Service Authorization Reference, "AWS Lambda"; Lambda developer guide,
"Resources and conditions for Lambda actions".
"""

from __future__ import annotations

from collections.abc import Mapping

from localstage.door.call import AwsCall
from localstage.policy.document import Need

_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}
_ON_ALL = {"ListLayerVersions", "ListEventSourceMappings", "CreateEventSourceMapping"}
"""Operations that are allowed on ``*`` alone, although they name a function or layer."""


def needs(call: AwsCall) -> list[Need]:
    """The needs of one call."""
    operation = call.operation
    action = f"lambda:{_ACTIONS.get(operation, operation)}"
    if operation in _ON_ALL:
        name = call.text("FunctionName")
        return [call.need(action, lambda__FunctionArn=function_arn(call, name) if name else None)]
    needs = [
        call.need(
            action, _resource(call), lambda__Principal=call.text("Principal") if operation == "AddPermission" else None
        )
    ]
    if operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        needs += _of_configuration(call)
    if operation in ("CreateFunction", "UpdateFunctionCode"):
        needs += _of_code(call)
    if operation == "CreateFunction" and call.parameters.get("Tags"):
        needs.append(call.need("lambda:TagResource", _resource(call)))
    return needs


def function_arn(call: AwsCall, name_or_arn: str, qualifier: str = "") -> str:
    """A function's ARN from its name, partial or whole ARN."""
    if name_or_arn.startswith("arn:"):
        arn = name_or_arn
    else:
        _, found, rest = name_or_arn.partition(":function:")
        arn = call.arn("lambda", f"function:{rest if found else name_or_arn}")
    return f"{arn}:{qualifier}" if qualifier and arn.count(":") == 6 else arn


def _resource(call: AwsCall) -> str:
    name = call.text("FunctionName")
    if name:
        with_qualifier = call.operation in _ACTIONS
        return function_arn(call, name, call.query.get("Qualifier", "") if with_qualifier else "")
    if call.text("LayerName"):
        layer = call.text("LayerName")
        arn = layer if layer.startswith("arn:") else call.arn("lambda", f"layer:{layer}")
        return f"{arn}:{call.text('VersionNumber')}" if call.text("VersionNumber") else arn
    if call.text("UUID"):
        return call.arn("lambda", f"event-source-mapping:{call.text('UUID')}")
    return call.text("Resource") or call.text("Arn") or "*"


def _of_configuration(call: AwsCall) -> list[Need]:
    """AWS: a role is passed to Lambda, layers are read for it."""
    layers = call.parameters.get("Layers") or []
    return [
        *call.need_to_pass(call.text("Role"), "lambda.amazonaws.com"),
        *(call.need("lambda:GetLayerVersion", str(layer)) for layer in layers),
    ]


def _of_code(call: AwsCall) -> list[Need]:
    """AWS: Lambda reads the package with the caller's permissions."""
    code = call.parameters.get("Code") if call.operation == "CreateFunction" else call.parameters
    if not isinstance(code, Mapping) or not code.get("S3Bucket"):
        return []
    return [call.need("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code.get('S3Key', '')}")]
