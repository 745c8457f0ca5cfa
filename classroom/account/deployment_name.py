"""The name of a template's deployment, which changes when its routes do.

A deployment is a snapshot of the routes (FIDELITY section 11). CloudFormation
makes a new one only for a new logical id, so the id holds a hash of everything
that a deployment captures. ``python -m classroom name-deployment FILE …`` writes
it into templates; ``stack.deploy`` does the same to what it sends. Knows text
only: a template's comments and layout stay as they are.
"""

from __future__ import annotations

import hashlib
import re

_NAME = re.compile(r"\bDeployment[0-9a-f]{8}\b")
_RESOURCE = re.compile(r"^  (?=[A-Za-z0-9]+:\s*$)", re.MULTILINE)
_CAPTURED = re.compile(
    r"^    Type: AWS::ApiGatewayV2::"
    r"(Api|Authorizer|Integration|IntegrationResponse|Model|Route|RouteResponse)\s*$",
    re.MULTILINE,
)


def stamped(template: str) -> str:
    """The YAML template with its deployment named after its routes; unchanged if no name ends in eight hex digits."""
    return _NAME.sub(f"Deployment{routes_hash(template)}", template)


def routes_hash(template: str) -> str:
    """Eight hex digits of the resources that a deployment captures, as written, whatever their order."""
    resources = template.partition("\nResources:\n")[2].partition("\nOutputs:\n")[0]
    captured = sorted(_essence(block) for block in _RESOURCE.split(resources) if _CAPTURED.search(block))
    return hashlib.sha256("\n".join(captured).encode()).hexdigest()[:8]


def _essence(block: str) -> str:
    """A resource's lines without comments and blank ones."""
    lines = (line.rstrip() for line in block.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))
