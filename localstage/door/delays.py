"""How long everything takes at AWS's pace, in one place.

AWS promises none of these times. Here they are about a tenth of what is
usually seen there, so that a class is rehearsed in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Delays:
    """Times in seconds. Guess: all of them; the README says so."""

    table_s: float = 1.0
    """A table is CREATING, UPDATING or DELETING."""
    time_to_live_s: float = 2.0
    """A table's time to live is ENABLING or DISABLING; AWS: UpdateTimeToLive, up to an hour."""
    stale_read_s: float = 0.5
    """A read that is not consistent shows the table as it was so long ago."""
    function_s: float = 1.0
    """A function is Pending, or its last update InProgress."""
    role_s: float = 2.0
    """Lambda cannot assume a new role yet; AWS: IAM, changes are not always immediately visible."""
    policy_s: float = 1.0
    """A changed policy or permission is not in effect yet."""
    stack_step_s: float = 0.05
    """CloudFormation's time for one half of the work on one resource. AWS works on many at the same time."""
    change_set_s: float = 0.5
    """A change set is CREATE_PENDING for so long, and then CREATE_IN_PROGRESS."""
    stage_s: float = 1.0
    """API Gateway serves what a stage was before: nothing (403) or the old deployment."""
    deployment_s: float = 1.0
    """The least time between two CreateDeployment calls; AWS: FIDELITY section 5, five seconds."""
    log_lines_s: float = 1.0
    """A line that a function has written is not in CloudWatch Logs yet."""

    def times(self, factor: float) -> Delays:
        """All delays, ``factor`` times as long."""
        return Delays(**{field.name: getattr(self, field.name) * factor for field in fields(self)})
