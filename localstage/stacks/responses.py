"""The wire side of CloudFormation: requests to the backend's calls, records to answers.

Answers are dictionaries in the shapes of the service model; ``shapes`` makes them.
"""

from __future__ import annotations

import json
from typing import Any

from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult, EmptyResult

from localstage.door.call import caller_of
from localstage.stacks import shapes
from localstage.stacks.definition import required_capabilities
from localstage.stacks.drift import detect
from localstage.stacks.errors import ValidationError
from localstage.stacks.models import StackEngineBackend
from localstage.stacks.request import StackRequest, template_at
from localstage.stacks.stack import Stack
from localstage.stacks.template import MAX_TEMPLATE_BODY_BYTES, MAX_TEMPLATE_URL_BYTES, Template, read_template

_NO_TEMPLATE = "Either Template URL or Template Body must be specified."


class StackEngineResponse(CloudFormationResponse):
    """CloudFormation's operations on stacks, change sets and exports."""

    cloudformation_backend: StackEngineBackend
    RESPONSE_KEY_PATH_TO_TRANSFORMER: dict[str, Any] = {}

    def create_stack(self) -> ActionResult:
        request = self._stack_request()
        self._check_one_template(request)
        if self._flag("DisableRollback"):
            if self._get_param("OnFailure"):
                raise ValidationError("You can specify either DisableRollback or OnFailure, not both.")
            request.on_failure = "DO_NOTHING"
        stack = self.cloudformation_backend.create_stack(request)
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        request = self._stack_request()
        self._check_one_template(request)
        stack = self.cloudformation_backend.update_stack(request)
        return ActionResult({"StackId": stack.stack_id})

    def delete_stack(self) -> ActionResult:
        self.cloudformation_backend.delete_stack(
            self._get_param("StackName"),
            tuple(self._get_param("RetainResources", [])),
            self._get_param("ClientRequestToken"),
            caller_of(self),
            self._get_param("RoleARN"),
        )
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        backend = self.cloudformation_backend
        stacks = [backend.find_stack(name)] if name else list(backend.stacks.values())
        return ActionResult({"Stacks": [shapes.stack(stack) for stack in stacks]})

    def list_stacks(self) -> ActionResult:
        stacks = self.cloudformation_backend.list_all_stacks(self._get_param("StackStatusFilter", []))
        return ActionResult({"StackSummaries": [shapes.stack(s) for s in stacks]})

    def describe_stack_events(self) -> ActionResult:
        return ActionResult({"StackEvents": self._stack().events[::-1]})

    def describe_stack_resource(self) -> ActionResult:
        stack = self._stack()
        record = stack.resources.get(self._get_param("LogicalResourceId"))
        if record is None:
            raise ValidationError(
                f"Resource {self._get_param('LogicalResourceId')} does not exist for stack "
                f"{self._get_param('StackName')}"
            )
        return ActionResult({"StackResourceDetail": shapes.resource(stack, record)})

    def describe_stack_resources(self) -> ActionResult:
        logical_id = self._get_param("LogicalResourceId")
        physical_id = self._get_param("PhysicalResourceId")
        stack = self._stack() if not physical_id else self._stack_of(physical_id)
        records = [
            shapes.resource(stack, record)
            for record in stack.resources.values()
            if logical_id in (None, record.logical_id)
        ]
        return ActionResult({"StackResources": records})

    def list_stack_resources(self) -> ActionResult:
        stack = self._stack()
        records = [shapes.resource(stack, record) for record in stack.resources.values()]
        return ActionResult({"StackResourceSummaries": records})

    def get_template(self) -> ActionResult:
        name, change_set_name = self._get_param("StackName"), self._get_param("ChangeSetName")
        if change_set_name:
            change_set = self.cloudformation_backend.find_change_set(change_set_name, name)
            definition = change_set.definition
        else:
            found = self._stack().definition
            if found is None:
                return ActionResult({"TemplateBody": "", "StagesAvailable": ["Original"]})
            definition = found
        body = definition.template.text
        if self._get_param("TemplateStage") == "Processed" and definition.template.transforms:
            body = json.dumps(definition.processed.body, indent=2)
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        template = self._template_in_question()
        summary = shapes.template_summary(template, required_capabilities(template))
        return ActionResult(summary)

    def validate_template(self) -> ActionResult:
        return self.get_template_summary()

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        stack.termination_protection = self._flag("EnableTerminationProtection")
        return ActionResult({"StackId": stack.stack_id})

    def get_stack_policy(self) -> ActionResult:
        return ActionResult({"StackPolicyBody": self._stack().policy_body})

    # Change sets

    def create_change_set(self) -> ActionResult:
        request = self._stack_request()
        kind = self._get_param("ChangeSetType") or "UPDATE"
        if kind not in ("CREATE", "UPDATE"):
            raise ValidationError(f"localstage does not support change sets of type {kind}")
        self._check_one_template(request)
        change_set = self.cloudformation_backend.create_change_set(
            request,
            self._get_param("ChangeSetName"),
            kind,
            self._get_param("Description"),
            self._get_param("OnStackFailure"),
        )
        return ActionResult({"Id": change_set.change_set_id, "StackId": change_set.stack_id})

    def describe_change_set(self) -> ActionResult:
        return ActionResult(shapes.change_set(self._change_set()))

    def execute_change_set(self) -> ActionResult:
        self.cloudformation_backend.execute_change_set(
            self._get_param("ChangeSetName"),
            self._get_param("StackName"),
            self._flag("DisableRollback"),
            self._get_param("ClientRequestToken"),
            caller_of(self),
            self._flag("RetainExceptOnCreate"),
        )
        return EmptyResult()

    def delete_change_set(self) -> ActionResult:
        self.cloudformation_backend.delete_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return EmptyResult()

    def list_change_sets(self) -> ActionResult:
        stack = self._stack()
        summaries = [
            change_set
            for change_set in self.cloudformation_backend.change_sets.values()
            if change_set.stack_id == stack.stack_id
        ]
        return ActionResult({"Summaries": summaries})

    # Drift

    def detect_stack_drift(self) -> ActionResult:
        detection = self.cloudformation_backend.detect_drift(self._get_param("StackName"))
        return ActionResult({"StackDriftDetectionId": detection.stack_drift_detection_id})

    def detect_stack_resource_drift(self) -> ActionResult:
        stack, logical_id = self._stack(), self._get_param("LogicalResourceId")
        backend = self.cloudformation_backend
        found = detect(stack, backend.apis, backend.registry, logical_id).get(logical_id)
        if found is None:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        return ActionResult({"StackResourceDrift": shapes.resource_drift(stack, found)})

    def describe_stack_drift_detection_status(self) -> ActionResult:
        wanted = self._get_param("StackDriftDetectionId")
        return ActionResult(self.cloudformation_backend.find_drift_detection(wanted))

    def describe_stack_resource_drifts(self) -> ActionResult:
        stack, statuses = self._stack(), self._get_param("StackResourceDriftStatusFilters", [])
        found = stack.drift.resources.values() if stack.drift else ()
        drifts = [
            shapes.resource_drift(stack, drift)
            for drift in found
            if drift.status in (statuses or ("IN_SYNC", "MODIFIED", "DELETED"))
        ]
        return ActionResult({"StackResourceDrifts": drifts})

    # Exports

    def list_exports(self) -> ActionResult:
        exports = [
            {"ExportingStackId": stack.stack_id, "Name": output.export_name, "Value": output.output_value}
            for stack, output in self.cloudformation_backend.account_exports.all()
        ]
        return ActionResult({"Exports": exports})

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        importers = self.cloudformation_backend.account_exports.importers(name)
        if not importers:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": [stack.name for stack in importers]})

    # What the operations share

    def _stack(self) -> Stack:
        name = self._get_param("StackName")
        if not name:
            raise ValidationError("StackName is required")
        return self.cloudformation_backend.find_stack(name)

    def _stack_of(self, physical_id: str) -> Stack:
        for stack in self.cloudformation_backend.stacks.values():
            if any(record.physical_id == physical_id for record in stack.resources.values()):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")

    def _change_set(self) -> Any:
        return self.cloudformation_backend.find_change_set(
            self._get_param("ChangeSetName"), self._get_param("StackName")
        )

    def _flag(self, name: str) -> bool:
        return bool(self._get_bool_param(name, False))

    def _stack_request(self) -> StackRequest:
        tags = self._get_param("Tags")
        return StackRequest(
            name=self._get_param("StackName"),
            template=self._template_text(),
            parameters=self._get_param("Parameters", []),
            tags=None if tags is None else {tag["Key"]: tag["Value"] for tag in tags},
            capabilities=list(self._get_param("Capabilities", [])),
            notification_arns=self._get_param("NotificationARNs"),
            role_arn=self._get_param("RoleARN"),
            token=self._get_param("ClientRequestToken"),
            access_key_id=caller_of(self),
            disable_rollback=self._flag("DisableRollback"),
            retain_except_on_create=self._flag("RetainExceptOnCreate"),
            on_failure=self._get_param("OnFailure") or "ROLLBACK",
            timeout_in_minutes=self._get_param("TimeoutInMinutes"),
            policy_body=self._get_param("StackPolicyBody"),
            termination_protection=self._flag("EnableTerminationProtection"),
        )

    def _template_text(self) -> str | None:
        body, url = self._get_param("TemplateBody"), self._get_param("TemplateURL")
        limit = MAX_TEMPLATE_BODY_BYTES
        if url:
            apis = self.cloudformation_backend.apis.acting(caller_of(self), None)
            body, limit = template_at(url, apis), MAX_TEMPLATE_URL_BYTES
        if body is not None and len(body.encode()) > limit:
            raise ValidationError(
                "1 validation error detected: Value at 'templateBody' failed to satisfy "
                f"constraint: Member must have length less than or equal to {limit}"
            )
        return body

    def _check_one_template(self, request: StackRequest) -> None:
        previous = self._flag("UsePreviousTemplate")
        if previous and request.template is not None:
            raise ValidationError("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
        if not previous and request.template is None:
            raise ValidationError(_NO_TEMPLATE)

    def _template_in_question(self) -> Template:
        name = self._get_param("StackName")
        text = self._template_text()
        if text is None and name:
            definition = self._stack().definition
            if definition is not None:
                return definition.template
        if text is None:
            raise ValidationError(_NO_TEMPLATE)
        return read_template(text)
