"""$connect: opens a session. The client waits for this; a status that is not 2xx refuses it."""

import os
from datetime import datetime, timezone

import boto3

from delivery import broadcast
from log import log

KEEP_S = 2 * 3600 + 600  # no connection lives longer than two hours

dynamodb = boto3.resource("dynamodb")
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])
sessions = dynamodb.Table(os.environ["SESSIONS_TABLE"])
notices = os.environ.get("NOTICES", "false") == "true"


def lambda_handler(event, context):
    request = event["requestContext"]
    connection_id = request["connectionId"]
    connections.put_item(
        Item={
            "connection_id": connection_id,
            "connected_at": request["connectedAt"],
            "expires_at": request["connectedAt"] // 1000 + KEEP_S,  # DynamoDB deletes the row some time after this
        }
    )
    sessions.put_item(
        Item={
            "connection_id": connection_id,
            "source_ip": request["identity"]["sourceIp"],
            "connected_at": utc(request["connectedAt"]),
        }
    )
    log("connected", request)
    if notices:  # to the others: this client cannot receive anything before its handshake has ended
        broadcast(request, connections, {"type": "notice", "message": f"{connection_id} joined"}, skip=connection_id)
    return {"statusCode": 200}


def utc(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).isoformat(timespec="milliseconds")
