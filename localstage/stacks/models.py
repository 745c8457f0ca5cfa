"""The CloudFormation backend: the stacks, change sets and exports of one account and region.

Decides which request may do what to which stack. moto keeps StackSets.
"""

from __future__ import annotations

from moto.cloudformation import models as moto_models
from moto.cloudformation.utils import generate_changeset_id, generate_stack_id
from moto.core.utils import utcnow

from localstage.door.permissions import RoleNotAssumable
from localstage.stacks.account_apis import AccountApis
from localstage.stacks.change_set import NO_CHANGES, ChangeSet, planned_changes, would_change
from localstage.stacks.definition import Definition, Owner, check_capabilities, define
from localstage.stacks.drift import detect
from localstage.stacks.driver import Driver
from localstage.stacks.errors import (
    NO_UPDATES,
    AlreadyExists,
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    StackNotFound,
    ValidationError,
)
from localstage.stacks.operations import CreateStack, DeleteStack, UpdateStack
from localstage.stacks.registry import Registry
from localstage.stacks.request import StackRequest, check_change_set_name, check_stack_name, given_parameters
from localstage.stacks.stack import DriftDetection, Exports, Stack, notifier

UPDATABLE = ("CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE")


class StackEngineBackend(moto_models.CloudFormationBackend):
    """moto's backend with a stack engine that does what CloudFormation does."""

    __module__ = moto_models.__name__  # moto finds a service's URLs beside its backend's module.

    stacks: dict[str, Stack]
    deleted_stacks: dict[str, Stack]
    change_sets: dict[str, ChangeSet]

    apis: AccountApis
    registry: Registry
    """Both are given by who makes the backend (see ``extend``), as is the driver."""
    driver: Driver = Driver()

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.account_exports = Exports(self.stacks)

    # Stacks

    def create_stack(self, request: StackRequest) -> Stack:
        """Create a stack. Its resources' failures are in its status, not raised.

        Raises:
            ValidationError, AlreadyExists, InsufficientCapabilities: no stack is made.
        """
        check_stack_name(request.name)
        if self._active_stack(request.name) is not None:
            raise AlreadyExists(f"Stack [{request.name}] already exists")
        stack = self._new_stack(request)
        self._set_caller(stack, request.access_key_id, request.role_arn)
        given = given_parameters(request.parameters)
        definition = define(request.template or "", given, self._owner(stack))
        check_capabilities(definition, request.capabilities)
        self.stacks[stack.stack_id] = stack
        create = CreateStack(stack, definition, self.account_exports)
        steps = create.steps(request.on_failure, request.retain_except_on_create)
        self.driver.drive(stack.stack_id, steps, lambda: self._archive_if_deleted(stack))
        return stack

    def update_stack(self, request: StackRequest) -> Stack:
        """Update a stack. Its resources' failures are in its status, not raised.

        Raises:
            ValidationError, InsufficientCapabilities: nothing has changed. Also when
                there is nothing to update.
        """
        stack = self._active_stack(request.name)
        if stack is None or stack.definition is None:
            raise ValidationError(f"Stack [{request.name}] does not exist")
        self._check_updatable(stack)
        self._set_caller(stack, request.access_key_id, request.role_arn)
        definition = self._redefined(stack, request)
        check_capabilities(definition, request.capabilities)
        tags = stack.tags if request.tags is None else request.tags
        if not would_change(stack, definition, self.account_exports.value, tags):
            raise ValidationError(NO_UPDATES)
        stack.token = request.token
        self._take_settings(stack, request.capabilities, request.notification_arns, request.role_arn)
        update = UpdateStack(stack, definition, self.account_exports, tags)
        steps = update.steps(request.disable_rollback, request.retain_except_on_create)
        self.driver.drive(stack.stack_id, steps, lambda: None)
        return stack

    def delete_stack(
        self,
        name_or_id: str,
        retained: tuple[str, ...] = (),
        token: str | None = None,
        access_key_id: str = "",
        role_arn: str | None = None,
    ) -> None:
        """Delete a stack; one that does not exist, or no longer, is not an error."""
        stack = self._active_stack(name_or_id)
        if stack is None or stack.status == "DELETE_IN_PROGRESS":
            return
        if stack.status.startswith("UPDATE") and stack.status.endswith("IN_PROGRESS"):
            # AWS: the text is amplify-backend#2366's.
            raise ValidationError(f"Stack [{stack.stack_id}] cannot be deleted while in status {stack.status}")
        if stack.termination_protection:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if retained and stack.status != "DELETE_FAILED":
            raise ValidationError(
                f"Invalid operation on stack [{stack.stack_id}]. RetainResources can only be "
                "specified when the stack is in the DELETE_FAILED state."
            )
        stack.token = token
        self._set_caller(stack, access_key_id, role_arn)
        if stack.definition is None:
            stack.enter("DELETE_COMPLETE")
            self._archive_if_deleted(stack)
        else:
            steps = DeleteStack(stack, stack.definition, self.account_exports).steps(list(retained))
            self.driver.drive(stack.stack_id, steps, lambda: self._archive_if_deleted(stack))

    def find_stack(self, name_or_id: str) -> Stack:
        """A living stack by name or id, or a deleted one by id.

        Raises:
            StackNotFound: there is none.
        """
        stack = self._active_stack(name_or_id) or self.deleted_stacks.get(name_or_id)
        if stack is None:
            raise StackNotFound(name_or_id)
        return stack

    def list_all_stacks(self, statuses: list[str]) -> list[Stack]:
        """Every stack there was, newest first, of the given statuses or of any."""
        every = [*self.stacks.values(), *self.deleted_stacks.values()]
        chosen = [stack for stack in every if not statuses or stack.status in statuses]
        return sorted(chosen, key=lambda stack: stack.created, reverse=True)

    # Change sets

    def create_change_set(
        self, request: StackRequest, name: str, kind: str, description: str | None, on_stack_failure: str | None = None
    ) -> ChangeSet:
        """Plan what a request would do. An empty plan is a FAILED change set, not an error."""
        check_stack_name(request.name)
        check_change_set_name(name)
        stack = self._active_stack(request.name)
        if kind == "CREATE":
            stack, definition = self._first_definition(stack, request, name)
        else:
            if stack is None or stack.definition is None:
                raise ValidationError(f"Stack [{request.name}] does not exist")
            self._check_updatable(stack)
            self._check_new_change_set(stack, name)
            self._set_caller(stack, request.access_key_id, request.role_arn)
            definition = self._redefined(stack, request)
        check_capabilities(definition, request.capabilities, expands=False)
        tags = stack.tags if request.tags is None else request.tags
        change_set = ChangeSet(
            change_set_id=generate_changeset_id(name, self.region_name, self.account_id),
            change_set_name=name,
            stack_id=stack.stack_id,
            stack_name=stack.name,
            kind=kind,
            definition=definition,
            tags=request.tags,
            capabilities=request.capabilities,
            notification_arns=request.notification_arns,
            role_arn=request.role_arn,
            description=description,
            on_stack_failure=on_stack_failure,
        )
        changes = planned_changes(stack, definition, self.account_exports.value, tags)
        empty = kind == "UPDATE" and not would_change(stack, definition, self.account_exports.value, tags)
        if stack.stack_id not in self.stacks:
            self.stacks[stack.stack_id] = stack
            stack.enter("REVIEW_IN_PROGRESS", "User Initiated")
        self.change_sets[change_set.change_set_id] = change_set
        self.driver.drive(
            change_set.change_set_id,
            change_set.planning(),
            lambda: change_set.refuse(NO_CHANGES) if empty else change_set.offer(changes),
        )
        return change_set

    def find_change_set(self, name_or_id: str, stack_name: str | None) -> ChangeSet:
        """A change set by its id, or by its name and its stack.

        Raises:
            ChangeSetNotFound: there is none.
        """
        if name_or_id in self.change_sets:
            return self.change_sets[name_or_id]
        if stack_name:
            stack = self.find_stack(stack_name)
            for change_set in self.change_sets.values():
                if change_set.change_set_name == name_or_id and change_set.stack_id == stack.stack_id:
                    return change_set
        raise ChangeSetNotFound(name_or_id)

    def execute_change_set(
        self,
        name_or_id: str,
        stack_name: str | None = None,
        disable_rollback: bool = False,
        token: str | None = None,
        access_key_id: str = "",
        retain_except_on_create: bool = False,
    ) -> None:
        """Do what a change set planned; the stack's other change sets are dropped."""
        change_set = self.find_change_set(name_or_id, stack_name)
        if change_set.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current "
                f"status of [{change_set.status}]"
            )
        stack = self.stacks[change_set.stack_id]
        # Guess (Undocumented): a second CREATE change set, executed while the first one is, is refused in an update's words.
        self._check_updatable(stack, UPDATABLE if change_set.kind == "UPDATE" else ("REVIEW_IN_PROGRESS",))
        stack.token, stack.change_set_id = token, change_set.change_set_id
        self._set_caller(stack, access_key_id, change_set.role_arn)
        change_set.execution_status = "EXECUTE_IN_PROGRESS"
        self._take_settings(stack, change_set.capabilities, change_set.notification_arns, change_set.role_arn)
        if change_set.kind == "CREATE":
            stack.disable_rollback = disable_rollback
            stack.tags = change_set.tags or {}
            on_failure = change_set.on_stack_failure or ("DO_NOTHING" if disable_rollback else "ROLLBACK")
            operation = CreateStack(stack, change_set.definition, self.account_exports)
            steps = operation.steps(on_failure, retain_except_on_create)
        else:
            update = UpdateStack(stack, change_set.definition, self.account_exports, change_set.tags)
            steps = update.steps(disable_rollback, retain_except_on_create)
        self.driver.drive(stack.stack_id, steps, lambda: self._executed(change_set, stack))

    def _executed(self, change_set: ChangeSet, stack: Stack) -> None:
        change_set.execution_status = "EXECUTE_COMPLETE"
        self.change_sets = {
            other_id: other
            for other_id, other in self.change_sets.items()
            if other.stack_id != stack.stack_id or other is change_set
        }
        self._archive_if_deleted(stack)

    def delete_change_set(self, name_or_id: str, stack_name: str | None = None) -> None:
        """Drop a change set; a CREATE one leaves its stack REVIEW_IN_PROGRESS, as on AWS.

        AWS (FIDELITY 11.8): of a stack that exists, deleting a change set that is not there succeeds (DeleteChangeSet
        names no such error; Sceptre/sceptre#449 saw it; the CDK's deploy and diff begin with that call).
        """
        if stack_name is not None and self._active_stack(stack_name) is None:
            raise ValidationError(f"Stack [{stack_name}] does not exist")  # As Sceptre/sceptre#1483 has it.
        try:
            change_set = self.find_change_set(name_or_id, stack_name)
        except ChangeSetNotFound:
            if stack_name is None:
                raise
            return
        del self.change_sets[change_set.change_set_id]

    # Drift

    def detect_drift(self, name_or_id: str) -> DriftDetection:
        """Look how the stack's resources differ from what the stack made; the stack keeps what was found."""
        stack = self.find_stack(name_or_id)
        if not stack.status.endswith(("_COMPLETE", "UPDATE_FAILED")) or stack.status == "DELETE_COMPLETE":
            raise ValidationError(
                f"Drift detection cannot be performed on stack [{stack.stack_id}] in status {stack.status}"
            )
        stack.drift = DriftDetection(stack.stack_id, detect(stack, self.apis, self.registry))
        return stack.drift

    def find_drift_detection(self, detection_id: str) -> DriftDetection:
        """The last detection on a stack, by its id."""
        for stack in self.stacks.values():
            if stack.drift is not None and stack.drift.stack_drift_detection_id == detection_id:
                return stack.drift
        raise ValidationError(f"Drift detection id {detection_id} does not exist")

    # What the operations share

    def _active_stack(self, name_or_id: str) -> Stack | None:
        for stack in self.stacks.values():
            if name_or_id in (stack.name, stack.stack_id):
                return stack
        return None

    def _new_stack(self, request: StackRequest) -> Stack:
        stack = Stack(
            stack_id=generate_stack_id(request.name, self.region_name, self.account_id),
            name=request.name,
            tags=request.tags or {},
            capabilities=request.capabilities,
            notification_arns=request.notification_arns or [],
            role_arn=request.role_arn,
            timeout_in_minutes=request.timeout_in_minutes,
            disable_rollback=request.on_failure == "DO_NOTHING",
            termination_protection=request.termination_protection,
            policy_body=request.policy_body,
            token=request.token,
        )
        stack.notify = notifier(stack, self.apis)
        return stack

    def _set_caller(self, stack: Stack, access_key_id: str, role_arn: str | None) -> None:
        """From now on the stack makes its calls for this caller, or for its role if it has one."""
        if not access_key_id:
            return
        try:
            stack.apis = self.apis.acting(access_key_id, role_arn or stack.role_arn)
        except RoleNotAssumable as error:
            raise ValidationError(f"Role {error} is invalid or cannot be assumed") from None

    def _owner(self, stack: Stack) -> Owner:
        return Owner(stack.apis or self.apis, self.registry, stack.stack_id, stack.name, tuple(stack.notification_arns))

    def _first_definition(self, stack: Stack | None, request: StackRequest, name: str) -> tuple[Stack, Definition]:
        if stack is not None and stack.definition is not None:
            raise ValidationError(
                f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
            )
        if stack is None:
            stack = self._new_stack(request)
        self._check_new_change_set(stack, name)
        self._set_caller(stack, request.access_key_id, request.role_arn)
        given = given_parameters(request.parameters)
        return stack, define(request.template or "", given, self._owner(stack))

    def _redefined(self, stack: Stack, request: StackRequest) -> Definition:
        previous = stack.definition
        assert previous is not None
        text = previous.template.text if request.template is None else request.template
        given = given_parameters(request.parameters, previous.parameters)
        return define(text, given, self._owner(stack))

    def _check_updatable(self, stack: Stack, statuses: tuple[str, ...] = UPDATABLE) -> None:
        if stack.status not in statuses:
            raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")

    def _check_new_change_set(self, stack: Stack, name: str) -> None:
        for other_id, other in list(self.change_sets.items()):
            if other.stack_id != stack.stack_id or other.change_set_name != name:
                continue
            if other.execution_status == "AVAILABLE":
                raise AlreadyExists(f"ChangeSet {name} already exists")
            # The AWS CLI names change sets by the second, and is done here sooner.
            del self.change_sets[other_id]

    def _take_settings(
        self, stack: Stack, capabilities: list[str], notification_arns: list[str] | None, role_arn: str | None
    ) -> None:
        stack.capabilities = capabilities
        stack.role_arn = role_arn or stack.role_arn
        if notification_arns is not None:
            stack.notification_arns = notification_arns

    def _archive_if_deleted(self, stack: Stack) -> None:
        if stack.status == "DELETE_COMPLETE":
            stack.deleted = utcnow()
            self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id)
            self.change_sets = {
                change_set_id: change_set
                for change_set_id, change_set in self.change_sets.items()
                if change_set.stack_id != stack.stack_id
            }
