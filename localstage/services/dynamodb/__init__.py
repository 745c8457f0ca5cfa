"""DynamoDB: moto's, whose tables have keys that AWS takes.

- ``responses``: the operation that differs from moto's
- ``needs``: which permissions DynamoDB's operations need
- ``pace``: tables that are CREATING, UPDATING or DELETING for some time
- ``eventual_reads``: reads that see a table as it was a moment ago, and the room's pace as a whole
- ``resource_types``: the types of CloudFormation
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this room. Idempotent. Must be called before the first request to moto's server."""
    from localstage.door import seams
    from localstage.services.dynamodb.responses import ItemSerializer, LocalDynamoHandler

    seams.add("moto.dynamodb.urls:url_paths", {"{0}/": LocalDynamoHandler.dispatch})
    seams.add("moto.core.serialize:SERVICE_SPECIFIC_SERIALIZERS", {"dynamodb": {"json": ItemSerializer}})
