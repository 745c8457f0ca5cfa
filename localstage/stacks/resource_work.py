"""The work on single resources of a stack: make, change, delete, each with its events.

Nothing raises out of here: a resource that cannot be done is recorded with
its reason, and the caller decides what that means for the stack.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from localstage.stacks.definition import Definition
from localstage.stacks.driver import RESOURCE, Pause
from localstage.stacks.errors import CloudFormationError, CustomResourceFailed, ResourceFailure
from localstage.stacks.intrinsics import is_text, text_of
from localstage.stacks.registry import Registry
from localstage.stacks.resource_type import ResourceContext, ResourceType, failure_reason
from localstage.stacks.scope import StackScope, wanted_properties
from localstage.stacks.stack import Stack, StackResource

log = logging.getLogger(__name__)


class ResourceWork:
    """Works on the resources of one stack under one definition."""

    def __init__(self, stack: Stack, definition: Definition, scope: StackScope):
        self._stack = stack
        self._definition = definition
        self._scope = scope
        self._registry: Registry = definition.owner.registry
        self.superseded: list[StackResource] = []
        """What is to be deleted because an update has put something else in its place."""

    def new_record(self, logical_id: str) -> StackResource:
        """A record for a resource of the definition, with nothing made for it yet."""
        resource = self._definition.resources[logical_id]
        return StackResource(
            logical_id,
            resource["Type"],
            metadata=resource.get("Metadata"),
            deletion_policy=resource.get("DeletionPolicy", "Delete"),
            update_replace_policy=resource.get("UpdateReplacePolicy", "Delete"),
            depends_on=frozenset(self._definition.dependencies[logical_id]),
        )

    def wanted(self, logical_id: str) -> dict[str, Any]:
        """The resource's properties as the definition wants them now.

        Raises:
            ResourceFailure, CloudFormationError: they cannot be had.
        """
        resource = self._definition.resources[logical_id]
        return wanted_properties(logical_id, resource, self._scope, self._registry, self._stack.tags)

    def create(self, record: StackResource, verb: str = "CREATE") -> Generator[Pause, None, bool]:
        """Make the resource and wait for it; whether it could be made. The record becomes the stack's.

        ``verb`` is UPDATE when the resource takes the place of another.
        """
        self._stack.resources[record.logical_id] = record
        if verb == "CREATE":
            self._stack.note(record, "CREATE_IN_PROGRESS")

        def on_created(physical_id: str) -> None:
            record.physical_id = physical_id

        try:
            record.properties = self.wanted(record.logical_id)
            kind, context = self._kind(record), self._context(record, on_created)
            record.physical_id = yield from _result(kind.create(context, record.properties))
            properties = self._shown(record.properties)
            self._stack.note(record, f"{verb}_IN_PROGRESS", "Resource creation Initiated", properties)
            self._take_attributes(record, kind, context)
        except Exception as error:
            self._stack.note(record, f"{verb}_FAILED", _reason(error), self._shown(record.properties))
            return False
        yield RESOURCE
        self._stack.note(record, f"{verb}_COMPLETE", None, properties)
        return True

    def update(self, record: StackResource, properties: dict[str, Any]) -> Generator[Pause, None, Exception | None]:
        """Change the resource in place and wait for it; what went wrong, or None."""
        self._stack.note(record, "UPDATE_IN_PROGRESS", None, self._shown(properties))
        physical_id = record.physical_id or ""
        try:
            kind, context = self._kind(record), self._context(record)
            now = yield from _result(kind.update(context, physical_id, record.properties, properties))
            self._rename(record, now)
            record.properties = properties
            self._take_attributes(record, kind, context)
        except Exception as error:
            if isinstance(error, CustomResourceFailed):
                self._rename(record, error.physical_id)  # AWS: aws/aws-cdk#13527.
            self._stack.note(record, "UPDATE_FAILED", _reason(error), self._shown(properties))
            return error
        self._stack.note(record, "UPDATE_COMPLETE", None, self._shown(properties))
        return None

    def fail_update(self, record: StackResource, error: Exception) -> None:
        """Record that an update failed before anything of it was done."""
        self._stack.note(record, "UPDATE_FAILED", _reason(error), self._shown(record.properties))

    def delete_unless(self, retained: bool, record: StackResource) -> Generator[Pause, None, bool]:
        """Delete the resource and wait for it, or leave it in the account if it is ``retained``; whether that could
        be done."""
        if retained:
            self._stack.note(record, "DELETE_SKIPPED")
            return True
        self._stack.note(record, "DELETE_IN_PROGRESS", None, self._shown(record.properties))
        try:
            kind, context = self._kind(record), self._context(record)
            yield from _result(kind.delete(context, record.physical_id or "", record.properties))
        except Exception as error:
            self._stack.note(record, "DELETE_FAILED", _reason(error))
            return False
        self._stack.note(record, "DELETE_COMPLETE")
        return True

    def replacement_reasons(self, record: StackResource, properties: dict[str, Any]) -> list[str]:
        """The changed properties for whose sake the resource must be replaced.

        Raises:
            ResourceFailure: it must be, and has a name that its successor cannot have.
        """
        changed = self._registry.replacing_changes(record.type_name, record.properties, properties)
        name = self._kind(record).name_property
        if changed and name and name not in changed and name in properties:
            raise ResourceFailure(
                "CloudFormation cannot update a stack when a custom-named resource requires "
                f"replacing. Rename {properties[name]} and update the stack again."
            )
        return changed

    def _rename(self, record: StackResource, physical_id: str | None) -> None:
        """The resource has a new physical id, if any: what had the old one is to be deleted in the end."""
        if physical_id and physical_id != record.physical_id:
            self.superseded.append(replace(record))
            record.physical_id = physical_id

    def _take_attributes(self, record: StackResource, kind: ResourceType, context: ResourceContext) -> None:
        record.attributes = kind.attributes(context, record.physical_id or "", record.properties)
        record.no_echo = context.told.no_echo

    def _shown(self, properties: dict[str, Any]) -> str:
        """The properties as an event shows them: without what a custom resource has told in secret."""
        secrets = [
            text_of(value)
            for record in self._stack.resources.values()
            if record.no_echo
            for value in record.attributes.values()
            if is_text(value)
        ]
        return json.dumps(_masked(properties, [secret for secret in secrets if secret]), default=str)

    def _kind(self, record: StackResource) -> ResourceType:
        return self._registry.resource_type(record.type_name)

    def _context(self, record: StackResource, on_created: Any = None) -> ResourceContext:
        return ResourceContext(
            apis=self._stack.apis or self._definition.owner.apis,
            stack_id=self._stack.stack_id,
            stack_name=self._stack.name,
            logical_id=record.logical_id,
            type_name=record.type_name,
            on_created=on_created or (lambda physical_id: None),
        )


def _reason(error: Exception) -> str:
    if isinstance(error, CloudFormationError):
        return str(error.message)
    if not isinstance(error, ResourceFailure):
        log.debug("A resource of a stack failed", exc_info=error)
    return failure_reason(error)


def _result(outcome: Any) -> Generator[Pause, None, Any]:
    """What a type's step comes to, once it is done."""
    return (yield from outcome) if isinstance(outcome, Generator) else outcome


def _masked(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _masked(member, secrets) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked(member, secrets) for member in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "*****")
    return value
