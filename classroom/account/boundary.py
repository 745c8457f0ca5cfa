"""The permissions boundary that an account's instructor demands of every role: ``CHAT_BOUNDARY``, an ARN.

``cloudformation/instructor.yaml`` makes such boundaries, and roles for learners
who can make no role without one. Without ``CHAT_BOUNDARY`` nothing here changes
anything. Knows the variable; makes no call.
"""

from __future__ import annotations

import os
import re

_PARAMETER = "  PermissionsBoundary:\n    Type: String\n    Default: "
_ROLE = re.compile(
    r"^(?P<indent> *)Type: AWS::IAM::Role\n(?P=indent)Properties:\n(?! +PermissionsBoundary:)", re.MULTILINE
)


def boundary() -> str:
    """The ARN of the boundary; "" where none is demanded."""
    return os.environ.get("CHAT_BOUNDARY", "").strip()


def of_role() -> dict[str, str]:
    """The argument of ``create_role`` that sets the boundary, if there is one."""
    return {"PermissionsBoundary": boundary()} if boundary() else {}


def in_template(template: str) -> str:
    """A YAML template whose parameter PermissionsBoundary has the boundary as its default; roles without that
    parameter get the boundary itself. The same text where none is demanded."""
    if not boundary():
        return template
    if _PARAMETER in template:
        return template.replace(f'{_PARAMETER}""', f"{_PARAMETER}{boundary()}")
    return _ROLE.sub(lambda match: f"{match[0]}{match['indent']}  PermissionsBoundary: {boundary()}\n", template)
