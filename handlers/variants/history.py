"""What a message is on the wire and in the table of messages, as each write-up says.

MESSAGE_KEY chooses the row. `room_id`: one partition for each room, ordered by the timestamp, which
is lossless (messages.py says how). Any other key: one row under one id, which is computed from the
event, so that an event that is handled twice leaves one row. FRAME chooses what clients receive.
"""

import os
from datetime import datetime, timezone
from uuid import NAMESPACE_URL, uuid5

import boto3

from messages import store_message

name = os.environ.get("MESSAGES_TABLE")
table = boto3.resource("dynamodb").Table(name) if name else None
key = os.environ.get("MESSAGE_KEY", "room_id")
prefixed = os.environ.get("FRAME", "sender") == "prefix"


def keep(row, request):
    """Store a message, if there is a table for it."""
    if table and key == "room_id":
        store_message(table, row)
    elif table:
        table.put_item(Item=to_item(row, request))


def to_item(row, request):
    """Return the row under a single id."""
    item = {
        key: str(uuid5(NAMESPACE_URL, row["message_id"])),
        os.environ["CONNECTION_KEY"]: row["connection_id"],
        "message": row["message"],
        "timestamp": utc(request),
    }
    return item if prefixed else {**item, "sender": row["sender"]}


def to_frame(row, request):
    """Return what clients receive: the sender and the text, or the text after the time and the connection id."""
    if prefixed:
        return {"message": f"[{utc(request)}] {row['connection_id']}: {row['message']}"}
    return {"sender": row["sender"], "message": row["message"]}


def utc(request):
    return datetime.fromtimestamp(request["requestTimeEpoch"] / 1000, timezone.utc).isoformat(timespec="milliseconds")
