"""Rooms, what is said: sendMessage stores a message and sends it to everybody in its room; readHistory reads back.

The sender is the name under which the connection has joined, whatever a frame says.
"""

import os

import boto3

from delivery import answer
from history import store
from history_frames import history_frame, to_frame
from log import log
from membership import membership, tell_room
from messages import refuse_what_no_frame_holds
from received import Refused, read_body, read_number, read_room, read_text

dynamodb = boto3.resource("dynamodb")
memberships = dynamodb.Table(os.environ["MEMBERS_TABLE"])
history = dynamodb.Table(os.environ["HISTORY_TABLE"])


def lambda_handler(event, context):
    request = event["requestContext"]
    try:
        body = read_body(event)
        room = read_room(body)
        member = membership(memberships, request, room)
        if not member:
            raise Refused(f"You are not in the room {room}: join it first.")
        if request["routeKey"] == "readHistory":
            before, after = read_number(body, "before"), read_number(body, "after")
            answer(request, context, history_frame(history, room, before, after))
        else:
            row = store(history, read_row(request, room, member["name"], body))
            log("stored", request, messageId=row["message_id"], number=int(row["number"]))
            tell_room(request, context, memberships, room, to_frame(row))
    except Refused as refusal:
        log("refused", request, why=str(refusal))
        answer(request, context, {"type": "error", "message": str(refusal)})
        return {"statusCode": 400}
    return {"statusCode": 200}


def read_row(request, room, name, body):
    """Return the row for a message, which has no number yet. Raises Refused."""
    row = {
        "room_id": room,
        "message_id": request["messageId"],
        "connection_id": request["connectionId"],
        "sender": name,
        "message": read_text(body),
        "timestamp": request["requestTimeEpoch"] * 1000,
    }
    refuse_what_no_frame_holds({"type": "history", "messages": [to_frame({**row, "number": 2**53})], "more": False})
    return row
