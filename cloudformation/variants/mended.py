"""The five write-ups' chats as mended: what each does differently stays, what each does wrong is put right once.

The templates say what differs, in environment variables: WEBSOCKET_TABLE and CONNECTION_KEY for the connections
(module 1 of s0 has none), MESSAGES_TABLE and MESSAGE_KEY for the messages (s1 and s3 keep none), FRAME for what
clients receive, and DELIVER_TO_SENDER. The mends, by the names that lesson 8b uses:
- key: `room_id` and a lossless timestamp, as the course's messages.py makes it, or one id computed from the event,
  so that an event that is handled twice is one row.
- gone: a row is deleted if, and only if, its own connection is gone (the course's delivery.py).
- pages: every page of the connections is read.
- bytes: a frame is UTF-8, and a message that is too long or empty is refused, with the reason, to its sender.
- expiry: a connection whose `$disconnect` never came expires after the longest life of a connection.
The two others, list and expression, stand in the templates: what a function may do, and what selects a route.
"""

import os
from uuid import NAMESPACE_URL, uuid5

import boto3

from delivery import answer, deliver, opening
from log import log
from messages import Refused, read_message, store_message
from presence import KEEP_S, utc

dynamodb = boto3.resource("dynamodb")
connections = dynamodb.Table(os.environ["WEBSOCKET_TABLE"]) if os.environ.get("WEBSOCKET_TABLE") else None
connection_key = os.environ.get("CONNECTION_KEY", "connection_id")
messages = dynamodb.Table(os.environ["MESSAGES_TABLE"]) if os.environ.get("MESSAGES_TABLE") else None
message_key = os.environ.get("MESSAGE_KEY", "room_id")
prefixed = os.environ.get("FRAME", "sender") == "prefix"
deliver_to_sender = os.environ.get("DELIVER_TO_SENDER", "true") == "true"


def chat_handler(event, context):
    """The function of s0, for all routes."""
    routes = {"$connect": connect, "$disconnect": disconnect, "sendMessage": message}
    return routes[event["requestContext"]["routeKey"]](event, context)


def connect(event, context):
    request = event["requestContext"]
    if connections:
        expires_at = request["connectedAt"] // 1000 + KEEP_S
        row = {"connected_at": request["connectedAt"], "expires_at": expires_at}
        connections.put_item(Item={connection_key: request["connectionId"], **row})
    log("connected", request)
    return {"statusCode": 200}


def disconnect(event, context):
    request = event["requestContext"]
    if connections:
        connections.delete_item(Key={connection_key: request["connectionId"]})
    log("disconnected", request)
    return {"statusCode": 200}


def message(event, context):
    request = event["requestContext"]
    try:
        row = read_message(event)
    except Refused as refusal:
        log("refused", request, why=str(refusal))
        if connections:
            answer(request, context, {"error": "Refused", "message": str(refusal)})
        return {"statusCode": 400}
    if messages and message_key == "room_id":
        store_message(messages, row)
    elif messages:
        messages.put_item(Item=under_one_id(row, request))
    if connections:
        send_to_all(request, context, frame_of(row, request))
    return {"statusCode": 200}


def default(event, context):
    """$default of s2, and its route ping: a heartbeat, which nobody answers."""
    request = event["requestContext"]
    if request["routeKey"] != "ping":
        log("not recognized", request)
        answer(request, context, {"error": "Unknown action", "message": "The requested action is not recognized."})
    return {"statusCode": 200}


def send_to_all(request, context, frame):
    pages = connections.meta.client.get_paginator("scan").paginate(TableName=connections.name, ConsistentRead=True)
    rows = ({**row, "connection_id": row[connection_key]} for page in pages for row in page["Items"])
    others = (row for row in rows if deliver_to_sender or row["connection_id"] != request["connectionId"])
    for row, outcome in deliver(request, context, others, frame):
        if outcome == "gone" and not opening(request, row):
            connections.delete_item(Key={connection_key: row["connection_id"]})


def under_one_id(row, request):
    """Return the row under a single id, which is the same however often the event is handled."""
    item = {
        message_key: str(uuid5(NAMESPACE_URL, row["message_id"])),
        connection_key: row["connection_id"],
        "message": row["message"],
        "timestamp": utc(request["requestTimeEpoch"]),
    }
    return item if prefixed else {**item, "sender": row["sender"]}


def frame_of(row, request):
    """Return what clients receive: the sender and the text, or the text after the time and the connection id."""
    if prefixed:
        return {"message": f"[{utc(request['requestTimeEpoch'])}] {row['connection_id']}: {row['message']}"}
    return {"sender": row["sender"], "message": row["message"]}
