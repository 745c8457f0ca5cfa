"""The types of CloudFormation that are known here: those of each room, and CloudFormation's own.

A room with types has a module ``resource_types`` with a tuple ``TYPES``.
"""

from __future__ import annotations

from localstage.services.apigatewayv2 import resource_types as apigatewayv2
from localstage.services.awslambda import resource_types as awslambda
from localstage.services.cognitoidp import resource_types as cognitoidp
from localstage.services.dynamodb import resource_types as dynamodb
from localstage.services.iam import resource_types as iam
from localstage.services.logs import resource_types as logs
from localstage.services.messaging import resource_types as messaging
from localstage.services.others import resource_types as others
from localstage.services.s3 import resource_types as s3
from localstage.stacks import resource_types as cloudformation
from localstage.stacks.resource_type import ResourceType

_ROOMS = (apigatewayv2, awslambda, cloudformation, cognitoidp, dynamodb, iam, logs, messaging, others, s3)
TYPES: tuple[ResourceType, ...] = tuple(known for room in _ROOMS for known in room.TYPES)
