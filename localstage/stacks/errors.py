"""What CloudFormation answers when it refuses, and how a resource's failure is told.

Call errors end a request at once; ``ResourceFailure`` ends the work on one
resource and becomes a stack event.
"""

from __future__ import annotations

from collections.abc import Iterable

from moto.core.exceptions import ServiceException

NO_UPDATES = "No updates are to be performed."
"""AWS: how UpdateStack refuses when there is nothing to change."""


class CloudFormationError(ServiceException):
    """A refusal that moto's server puts on the wire by its code and message."""


class ValidationError(CloudFormationError):
    """The request or its template is not valid. ``message`` is AWS's sentence where it is known."""

    code = "ValidationError"


class StackNotFound(ValidationError):
    """No stack has the name or id."""

    def __init__(self, name_or_id: str):
        super().__init__(f"Stack with id {name_or_id} does not exist")


class NoSuchAttribute(ValidationError):
    """``Fn::GetAtt`` asks for what a resource's type does not have."""

    def __init__(self, logical_id: str, attribute: str):
        super().__init__(
            f"Template error: resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
        )


class UnresolvedDependencies(ValidationError):
    """A block of the template names what the template does not define."""

    def __init__(self, names: Iterable[str], block: str):
        super().__init__(
            f"Template format error: Unresolved resource dependencies [{', '.join(names)}] in the {block} block of "
            "the template"
        )


class AlreadyExists(CloudFormationError):
    """The name is in use by another stack or change set."""

    code = "AlreadyExistsException"


class InsufficientCapabilities(CloudFormationError):
    """The caller has not acknowledged what the template creates."""

    code = "InsufficientCapabilitiesException"

    def __init__(self, *capabilities: str):
        super().__init__(f"Requires capabilities : [{', '.join(capabilities)}]")


class ChangeSetNotFound(CloudFormationError):
    """No change set has the name or id."""

    code = "ChangeSetNotFound"

    def __init__(self, name: str):
        super().__init__(f"ChangeSet [{name}] does not exist")


class InvalidChangeSetStatus(CloudFormationError):
    """The change set cannot be executed in its state."""

    code = "InvalidChangeSetStatus"


class NoCustomAttribute(ValidationError):
    """``Fn::GetAtt`` asks for what a custom resource's function has not told."""

    def __init__(self, stack_id: str, logical_id: str, attribute: str):
        # AWS: the text as in aws/aws-cdk#29949.
        super().__init__(
            f"CustomResource attribute error: Vendor response doesn't contain {attribute} attribute in object "
            f"{stack_id}|{logical_id}"
        )


class CustomResourceFailed(Exception):
    """The function of a custom resource has failed at it, perhaps half way; its text is the event's reason."""

    def __init__(self, reason: str, physical_id: str = ""):
        super().__init__(reason)
        self.physical_id = physical_id
        """What the function calls the resource, "" if it has not told."""


class ResourceFailure(Exception):
    """A resource could not be created, updated or deleted; its text is the event's reason."""
