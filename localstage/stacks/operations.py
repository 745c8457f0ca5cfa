"""What happens to a stack when it is created, updated or deleted, step by step.

Each operation is a generator that yields where CloudFormation waits for a
resource, so that whoever drives it decides the pace (see ``driving``). Every
way of failing ends in the status and the events that AWS has for it: nothing
is raised, whatever the work on a resource raises, and the status at the end is
one from which the stack can be deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from localstage.stacks.definition import Definition
from localstage.stacks.driver import RESOURCE, Pause, Steps
from localstage.stacks.errors import CloudFormationError, ResourceFailure
from localstage.stacks.resource_work import ResourceWork
from localstage.stacks.scope import StackScope, resolved_outputs
from localstage.stacks.stack import Exports, Stack, StackResource

log = logging.getLogger(__name__)

RETAINED = ("Retain", "RetainExceptOnCreate")
"""Deletion policies with which a resource stays in the account when its stack no longer has it.

AWS: with RetainExceptOnCreate, the roll-back of the operation that created a resource deletes it
(CloudFormation user guide, "DeletionPolicy attribute").
"""


@dataclass(frozen=True)
class _Done:
    """One thing that an update did, with what is needed to undo it."""

    record: StackResource
    replaced: StackResource | None = None
    properties: dict[str, Any] | None = None
    """The properties before an update in place; None when the record was created."""


class CreateStack:
    """Creates the resources of a new stack, and takes them back when one fails."""

    def __init__(self, stack: Stack, definition: Definition, exports: Exports):
        self._stack = stack
        self._definition = definition
        self._exports = exports
        self._scope = StackScope(definition, stack, exports.value)
        self._work = ResourceWork(stack, definition, self._scope)

    def steps(self, on_failure: str = "ROLLBACK", retain_except_on_create: bool = False) -> Steps:
        """``on_failure`` is ROLLBACK, DO_NOTHING or DELETE; both are as in CreateStack."""
        self._stack.definition = self._definition
        self._stack.enter("CREATE_IN_PROGRESS", "User Initiated")
        try:
            reason = yield from self._create()
        except Exception as error:
            reason = _internal_failure(self._stack, error)
        if reason is None:
            self._stack.enter("CREATE_COMPLETE")
        elif on_failure == "DO_NOTHING":
            self._stack.enter("CREATE_FAILED", reason)
        else:
            verb, asked = ("DELETE", "Delete") if on_failure == "DELETE" else ("ROLLBACK", "Rollback")
            self._stack.enter(f"{verb}_IN_PROGRESS", f"{reason} {asked} requested by user.")
            try:
                failed = yield from _delete_all(self._stack, self._work, () if retain_except_on_create else ("Retain",))
                reason = _failed("delete", *failed) + " " if failed else None
            except Exception as error:
                reason = _internal_failure(self._stack, error)
            self._stack.enter(f"{verb}_FAILED" if reason else f"{verb}_COMPLETE", reason)

    def _create(self) -> Generator[Pause, None, str | None]:
        for logical_id in self._definition.order:
            yield RESOURCE
            if not (yield from self._work.create(self._work.new_record(logical_id))):
                return _failed("create", logical_id)
        return _set_outputs(self._stack, self._definition, self._scope, self._exports)


class UpdateStack:
    """Brings a stack to a new definition, or back to the old one when a resource fails."""

    def __init__(self, stack: Stack, definition: Definition, exports: Exports, tags: dict[str, str] | None = None):
        self._stack = stack
        self._definition = definition
        self._exports = exports
        self._old_tags = stack.tags
        self._tags = stack.tags if tags is None else tags
        self._old_resources = dict(stack.resources)
        self._scope = StackScope(definition, stack, exports.value)
        self._work = ResourceWork(stack, definition, self._scope)
        self._done: list[_Done] = []

    def steps(self, disable_rollback: bool = False, retain_except_on_create: bool = False) -> Steps:
        """Creates, changes and replaces in order; removes last."""
        self._stack.enter("UPDATE_IN_PROGRESS", "User Initiated")
        self._stack.tags = self._tags
        try:
            reason = yield from self._update()
        except Exception as error:
            reason = _internal_failure(self._stack, error)
        if reason is None:
            self._stack.definition = self._definition
            try:
                yield from self._clean_up()
            except Exception as error:
                # AWS: what cannot be cleaned up does not undo an update.
                _internal_failure(self._stack, error)
            self._stack.enter("UPDATE_COMPLETE")
        elif disable_rollback:
            self._stack.enter("UPDATE_FAILED", reason)
        else:
            self._stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", reason)
            try:
                reason = yield from self._roll_back(() if retain_except_on_create else ("Retain",))
            except Exception as error:
                reason = _internal_failure(self._stack, error)
            self._stack.enter("UPDATE_ROLLBACK_FAILED" if reason else "UPDATE_ROLLBACK_COMPLETE", reason)

    def _update(self) -> Generator[Pause, None, str | None]:
        yield RESOURCE
        for logical_id in self._definition.order:
            reason = yield from self._apply(logical_id)
            if reason is not None:
                return reason
        return _set_outputs(self._stack, self._definition, self._scope, self._exports)

    def _apply(self, logical_id: str) -> Generator[Pause, None, str | None]:
        """Bring one resource to what the definition wants; why it failed, or None."""
        record = self._stack.resources.get(logical_id)
        new = self._work.new_record(logical_id)
        if record is None or not record.exists:
            self._done.append(_Done(new))
            yield RESOURCE
            if (yield from self._work.create(new)):
                return None
            return _failed("create", logical_id)
        failure = _failed("update", logical_id)
        try:
            wanted = self._work.wanted(logical_id)
            replace = self._work.replacement_reasons(record, wanted)
        except Exception as error:
            self._work.fail_update(record, error)
            return failure
        if replace or wanted != record.properties:
            yield RESOURCE
        if replace:
            return None if (yield from self._replace(record, new)) else failure
        return None if (yield from self._change(record, new, wanted)) else failure

    def _replace(self, record: StackResource, new: StackResource) -> Generator[Pause, None, bool]:
        self._done.append(_Done(new, replaced=record))
        self._stack.note(
            record,
            "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating one.",
        )
        return (yield from self._work.create(new, verb="UPDATE"))

    def _change(
        self, record: StackResource, new: StackResource, wanted: dict[str, Any]
    ) -> Generator[Pause, None, bool]:
        metadata_changed = record.metadata != new.metadata
        record.metadata, record.depends_on = new.metadata, new.depends_on
        record.deletion_policy = new.deletion_policy
        record.update_replace_policy = new.update_replace_policy
        if wanted == record.properties:
            if metadata_changed:
                self._stack.note(record, "UPDATE_COMPLETE")
            return True
        before = record.properties
        error = yield from self._work.update(record, wanted)
        if error is None:
            self._done.append(_Done(record, properties=before))
        elif not isinstance(error, ResourceFailure):
            # The service refused, perhaps after some of its calls: undo what was done.
            record.properties = wanted
            self._done.append(_Done(record, properties=before))
        return error is None

    def _clean_up(self) -> Steps:
        """Delete what the new definition no longer has, dependents first."""
        superseded = [done.replaced for done in self._done if done.replaced is not None] + self._work.superseded
        removed = [
            record
            for record in reversed(self._stack.in_creation_order())
            if record.logical_id not in self._definition.resources
        ]
        if not superseded and not removed:
            return
        self._stack.enter("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for record in removed:
            yield RESOURCE
            yield from self._work.delete_unless(record.deletion_policy in RETAINED, record)
            if record.status != "DELETE_FAILED":
                del self._stack.resources[record.logical_id]
        for record in reversed(superseded):
            yield RESOURCE
            yield from self._work.delete_unless(record.update_replace_policy == "Retain", record)
        for logical_id in list(self._stack.resources):
            if not self._stack.resources[logical_id].exists:
                del self._stack.resources[logical_id]

    def _roll_back(self, retained: tuple[str, ...]) -> Generator[Pause, None, str | None]:
        """Undo what was done; ``retained`` are the deletion policies of new resources that stay in the account."""
        self._stack.tags = self._old_tags
        self._work.superseded.clear()  # What is there again is kept; what now goes is noted anew.
        for done in reversed(self._done):
            yield RESOURCE
            if done.properties is not None and (yield from self._work.update(done.record, done.properties)):
                return _failed("update", done.record.logical_id)
            if done.replaced is not None:
                self._stack.resources[done.record.logical_id] = done.replaced
                self._stack.note(done.replaced, "UPDATE_COMPLETE")
        self._stack.enter("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for done in reversed(self._done):
            if done.properties is None and done.record.exists:
                yield RESOURCE
                # Guess (Undocumented): what was to take another resource's place does not stay beside it.
                keep = done.record.deletion_policy in retained and done.replaced is None
                yield from self._work.delete_unless(keep, done.record)
        for record in self._work.superseded:
            yield RESOURCE
            yield from self._work.delete_unless(record.update_replace_policy == "Retain", record)
        self._stack.resources = {
            logical_id: record
            for logical_id, record in self._stack.resources.items()
            if logical_id in self._old_resources
        }
        return None


class DeleteStack:
    """Deletes the resources of a stack, dependents first."""

    def __init__(self, stack: Stack, definition: Definition, exports: Exports):
        self._stack = stack
        self._exports = exports
        self._work = ResourceWork(stack, definition, StackScope(definition, stack, exports.value))

    def steps(self, retained: list[str]) -> Steps:
        """``retained`` are logical ids that stay in the account."""
        self._stack.enter("DELETE_IN_PROGRESS", "User Initiated")
        try:
            refusal = self._exports.refusal(self._stack, {})
            if refusal is not None:
                self._stack.enter("DELETE_FAILED", refusal)
                return
            failed = yield from _delete_all(self._stack, self._work, RETAINED, retained)
            reason = _failed("delete", *failed) + " " if failed else None
        except Exception as error:
            reason = _internal_failure(self._stack, error)
        if reason is None:
            self._stack.outputs = []
            self._stack.imports = set()
        self._stack.enter("DELETE_FAILED" if reason else "DELETE_COMPLETE", reason)


def _delete_all(
    stack: Stack, work: ResourceWork, policies: tuple[str, ...], retained: Sequence[str] = ()
) -> Generator[Pause, None, list[str]]:
    """Delete the resources, dependents first, save those with one of the policies and those named.

    Returns the logical ids of those that could not be deleted; what they need is left alone.
    """
    failed: list[StackResource] = []
    for record in reversed(stack.in_creation_order()):
        yield RESOURCE
        if any(record.logical_id in other.depends_on for other in failed):
            continue
        keep = record.deletion_policy in policies or record.logical_id in retained
        if not (yield from work.delete_unless(keep, record)):
            failed.append(record)
    return [record.logical_id for record in failed]


def _set_outputs(stack: Stack, definition: Definition, scope: StackScope, exports: Exports) -> str | None:
    """Give the stack its new outputs, or say why it cannot have them."""
    try:
        outputs = resolved_outputs(definition, scope)
    except CloudFormationError as error:
        return str(error.message)
    refusal = exports.refusal(stack, {o.export_name: o for o in outputs if o.export_name})
    if refusal is not None:
        return refusal
    stack.outputs, stack.imports = outputs, scope.imported
    return None


def _internal_failure(stack: Stack, error: Exception) -> str:
    """The reason for what should not have been raised: the engine's own fault, or a type's."""
    log.error("An operation on the stack %s failed", stack.stack_id, exc_info=error)
    return f"Internal Failure ({type(error).__name__}: {error})."


def _failed(verb: str, *logical_ids: str) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(logical_ids)}]."
