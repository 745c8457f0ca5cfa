"""What the account knows of Lambda functions, read from moto.

Only reads references that the account thread replaces whole, so it may be
called from the event loop at each invocation without waiting for that thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from localstage.functions.definition import FunctionDefinition
from localstage.policy.decision import service_is_allowed
from localstage.policy.document import Need, readable_policy


class FunctionDirectory:
    """Looks functions up by name or ARN in one account."""

    def __init__(self, account_id: str, default_region: str):
        self._account_id = account_id
        self._default_region = default_region

    def function(
        self, name_or_arn: str, qualifier: str | None = None, region: str | None = None
    ) -> FunctionDefinition | None:
        """The definition that a name or (qualified or partial) ARN means now, or None."""
        found = self._find(name_or_arn, qualifier, region)
        if found is None:
            return None
        asked_for = qualifier or split_name(name_or_arn, self._default_region)[2]
        return _definition(found, self._account_id, asked_for)

    def may_invoke(self, function_arn: str, source_arn: str) -> bool:
        """Whether the resource policy of the function lets API Gateway invoke it."""
        region, name, _ = split_name(function_arn, self._default_region)
        found = self._find(name, None, region)
        return found is not None and lets_api_gateway_invoke(found.policy.statements, function_arn, source_arn)

    def _find(self, name_or_arn: str, qualifier: str | None, region: str | None) -> Any:
        from moto.awslambda.exceptions import UnknownAliasException, UnknownFunctionException
        from moto.awslambda.models import lambda_backends

        named_region, name, named_qualifier = split_name(name_or_arn, region or self._default_region)
        regions = lambda_backends.get(self._account_id)
        backend = regions.get(named_region) if regions is not None else None
        if backend is None:
            return None
        try:
            return backend._lambdas.get_function_by_name_with_qualifier(name, qualifier or named_qualifier)
        except (UnknownFunctionException, UnknownAliasException, ValueError):
            return None


def lets_api_gateway_invoke(statements: Iterable[Mapping[str, Any]], function_arn: str, source_arn: str) -> bool:
    """Whether a function's resource policy, given as its statements, lets API Gateway invoke the function.

    ``source_arn`` names the route: ``arn:aws:execute-api:…:{api}/{stage}/{routeKey}``.
    AWS: FIDELITY section 10; Lambda developer guide, "Using Lambda aliases in event sources and
    permissions policies": what allows the function does not allow its alias, and the other way
    round. The function's account is taken for the API's.
    """
    policy = readable_policy({"Version": "2012-10-17", "Statement": list(statements)})
    need = Need("lambda:InvokeFunction", function_arn, {})
    keys = {"aws:SourceArn": source_arn}
    return service_is_allowed("apigateway.amazonaws.com", need, source_arn.split(":")[4], keys, resource_policy=policy)


def split_name(name_or_arn: str, default_region: str, qualifier: str | None = None) -> tuple[str, str, str | None]:
    """Region, name and qualifier of ``name``, ``name:qualifier``, ``{account}:function:name`` or an ARN.

    ``qualifier`` is what the caller named beside it; one in the name counts before that.
    """
    if name_or_arn.startswith("arn:"):
        parts = name_or_arn.split(":")
        return parts[3] or default_region, parts[6], parts[7] if len(parts) > 7 else qualifier
    _, found, rest = name_or_arn.partition(":function:")
    name, _, named = (rest if found else name_or_arn).partition(":")
    return default_region, name, named or qualifier


def _definition(function: Any, account_id: str, qualifier: str | None) -> FunctionDefinition:
    from moto.awslambda.models import lambda_backends

    arn = f"arn:aws:lambda:{function.region}:{account_id}:function:{function.function_name}"
    layers = _layers(function, account_id)
    version = str(function.version) if function.function_arn != arn else "$LATEST"
    # What is set for the function as a whole is kept with its newest code, not with each version.
    whole = lambda_backends[account_id][function.region]._lambdas._get_latest(function.function_name) or function
    reserved = whole.reserved_concurrency
    events = whole.event_invoke_config[0].config if whole.event_invoke_config else {}
    return FunctionDefinition(
        invoked_arn=f"{arn}:{qualifier}" if qualifier else None,
        reserved_concurrency=None if reserved is None else int(reserved),
        event_retries=int(events.get("MaximumRetryAttempts", 2)),
        name=function.function_name,
        arn=arn,
        region=function.region,
        account_id=account_id,
        role_arn=function.role,
        handler=function.handler or "",
        runtime=function.run_time or "",
        code_sha256=function.code_sha_256,
        code_zip=function.code_bytes,
        version=version,
        timeout_s=int(function.timeout),
        memory_mb=int(function.memory_size),
        own_log_group=function.logs_group_name,
        environment={key: str(value) for key, value in (function.environment_vars or {}).items()},
        layer_zips=tuple(layer.code_bytes for layer in layers),
        layer_sha256=tuple(layer.code_sha_256 for layer in layers),
    )


def _layers(function: Any, account_id: str) -> list[Any]:
    from moto.awslambda.models import lambda_backends

    backend = lambda_backends[account_id][function.region]
    versions = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
    return [version for version in versions if version is not None]
