"""$disconnect: closes a session. The client has left already: nothing can be sent to it.

API Gateway does its best to call this, without a guarantee. A connection that was missed is
dropped by the next broadcast, or by the table's time to live.
"""

import os
from decimal import Decimal

import boto3

from delivery import broadcast
from log import log
from presence import utc

dynamodb = boto3.resource("dynamodb")
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])
sessions = dynamodb.Table(os.environ["SESSIONS_TABLE"])
notices = os.environ.get("NOTICES", "false") == "true"


def lambda_handler(event, context):
    request = event["requestContext"]
    connection_id = request["connectionId"]
    connections.delete_item(Key={"connection_id": connection_id})

    duration_ms = request["requestTimeEpoch"] - request["connectedAt"]
    sessions.update_item(
        Key={"connection_id": connection_id},
        UpdateExpression="SET connected_at = :connected, disconnected_at = :disconnected, duration_seconds = :duration",
        ExpressionAttributeValues={
            ":connected": utc(request["connectedAt"]),  # the same as $connect wrote, if it did
            ":disconnected": utc(request["requestTimeEpoch"]),
            ":duration": Decimal(duration_ms) / 1000,  # boto3 takes no float: a float is not exact
        },
    )
    log("disconnected", request, code=request.get("disconnectStatusCode"), durationMs=duration_ms)
    if notices:
        broadcast(request, context, connections, {"type": "notice", "message": f"{connection_id} left"})
    return {"statusCode": 200}
