"""What moto's Lambda knows of functions, read on the account thread and handed over as values when it has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from localstage.door.moto import existing_backends
from localstage.functions.definition import FunctionDefinition
from localstage.policy.document import readable_policy
from localstage.services.awslambda.directory import PublishedFunction

HandOver = Callable[[Mapping[str, PublishedFunction | None], bool], None]
"""Takes functions by ARN, None for one that is gone, and whether others see the change at AWS's pace."""


class FunctionPublisher:
    """Tells what has become of the account's functions. On the account thread only."""

    def __init__(self, account_id: str, hand_over: HandOver):
        self._account_id = account_id
        self._hand_over = hand_over
        self._published: dict[str, PublishedFunction] = {}
        self._paced = False

    def publish(self) -> None:
        """Hands over every function that is not as it was last time. Must be called after each change."""
        functions, before = functions_of(self._account_id), self._published
        changes: dict[str, PublishedFunction | None] = {arn: None for arn in before if arn not in functions}
        changes.update((arn, function) for arn, function in functions.items() if before.get(arn) != function)
        self._published = functions
        if changes:
            self._hand_over(changes, self._paced)

    @contextmanager
    def at_aws_pace(self) -> Iterator[None]:
        """What is published inside is seen at AWS's pace."""
        self._paced = True
        try:
            yield
        finally:
            self._paced = False


def functions_of(account_id: str) -> dict[str, PublishedFunction]:
    """All functions of an account by ARN; no backend is made by looking."""
    return {
        latest.function_arn: _published(backend, latest)
        for backend in existing_backends("lambda", account_id)
        for latest in backend.list_functions()
    }


def _published(backend: Any, latest: Any) -> PublishedFunction:
    arn = latest.function_arn
    newest, *numbered = backend.list_versions_by_function(latest.function_name)
    versions = {"$LATEST": newest, **{str(version.version): version for version in numbered}}
    means = {version: version for version in versions}
    means.update((alias.name, alias.function_version) for alias in backend.list_aliases(latest.function_name))
    definitions = {version: _definition(backend, version, function, latest) for version, function in versions.items()}
    qualified = {
        qualifier: replace(definitions[version], invoked_arn=f"{arn}:{qualifier}")
        for qualifier, version in means.items()
        if version in definitions
    }
    statements = latest.policy.statements
    policy = readable_policy({"Version": "2012-10-17", "Statement": statements}) if statements else None
    return PublishedFunction({"": definitions["$LATEST"], **qualified}, policy)


def _definition(backend: Any, version: str, function: Any, latest: Any) -> FunctionDefinition:
    """``function`` is moto's of this version; ``latest`` has what is set for the function as a whole."""
    layers = [layer for data in function.layers if (layer := backend.layers_versions_by_arn(data["Arn"])) is not None]
    reserved = latest.reserved_concurrency
    events = latest.event_invoke_config[0].config if latest.event_invoke_config else {}
    return FunctionDefinition(
        reserved_concurrency=None if reserved is None else int(reserved),
        event_retries=int(events.get("MaximumRetryAttempts", 2)),
        name=function.function_name,
        arn=latest.function_arn,
        region=function.region,
        account_id=function.account_id,
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
