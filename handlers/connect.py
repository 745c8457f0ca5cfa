"""$connect: opens a session. The client waits for this; a status that is not 2xx refuses it."""

import os

import boto3

from delivery import broadcast
from log import log
from presence import remember, utc

dynamodb = boto3.resource("dynamodb")
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])
sessions = dynamodb.Table(os.environ["SESSIONS_TABLE"])
notices = os.environ.get("NOTICES", "false") == "true"


def lambda_handler(event, context):
    request = event["requestContext"]
    connection_id = request["connectionId"]
    remember(connections, request)
    sessions.put_item(
        Item={
            "connection_id": connection_id,
            "source_ip": request["identity"]["sourceIp"],
            "connected_at": utc(request["connectedAt"]),
        }
    )
    log("connected", request)
    if notices:  # to the others: this client cannot receive anything before its handshake has ended
        notice = {"type": "notice", "message": f"{connection_id} joined"}
        broadcast(request, context, connections, notice, skip=connection_id)
    return {"statusCode": 200}
