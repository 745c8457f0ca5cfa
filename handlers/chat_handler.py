"""The chat in one function, for the routes $connect, $disconnect and sendMessage.

Module 1: with MESSAGES_TABLE alone it stores what people send. Nobody receives anything.
Module 2: with CONNECTIONS_TABLE too it remembers who is connected, and sends each message to all of them.
"""

import os

import boto3

from delivery import answer, broadcast
from log import log
from messages import Refused, read_message, store_message, to_frame
from presence import remember

dynamodb = boto3.resource("dynamodb")
messages = dynamodb.Table(os.environ["MESSAGES_TABLE"])
broadcasting = bool(os.environ.get("CONNECTIONS_TABLE"))
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"]) if broadcasting else None
deliver_to_sender = os.environ.get("DELIVER_TO_SENDER", "true") == "true"


def lambda_handler(event, context):
    route = event["requestContext"]["routeKey"]
    if route == "sendMessage":
        return send_message(event, context)
    if broadcasting and route == "$connect":
        connect(event["requestContext"])
    elif broadcasting and route == "$disconnect":
        disconnect(event["requestContext"])
    return {"statusCode": 200}


def send_message(event, context):
    request = event["requestContext"]
    try:
        row = read_message(event)
    except Refused as refusal:
        log("refused", request, why=str(refusal))
        if broadcasting:
            answer(request, context, {"type": "error", "message": str(refusal)})
        return {"statusCode": 400}

    row = store_message(messages, row)
    log("stored", request, messageId=row["message_id"], timestamp=row["timestamp"])
    if broadcasting:
        skip = None if deliver_to_sender else request["connectionId"]
        broadcast(request, context, connections, to_frame(row), skip=skip)
    return {"statusCode": 200}


def connect(request):
    remember(connections, request)
    log("connected", request)


def disconnect(request):
    connections.delete_item(Key={"connection_id": request["connectionId"]})
    log("disconnected", request)
