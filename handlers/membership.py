"""How a frame reaches everybody in a room, and what that tells of who is gone.

One invocation has one processor and ten seconds, and the sender's answer waits for it. So a room of more than PART
people is divided, and each part is given to an invocation of its own of fan_out.py, of the type Event: Lambda takes
the event, and nobody waits. Parts are cut from one list, so nobody is in two of them, and nobody in none.
"""

import json
import os
from collections import Counter
from functools import lru_cache

import boto3

from delivery import deliver
from log import log
from roll import leave, members

PART = int(os.environ.get("FAN_OUT_PART", 500))  # connections: about a second of posts at 256 MB

lambda_client = lru_cache(lambda: boto3.client("lambda"))  # made when the first large room needs it


def membership(table, request, room):
    """Return the row of the event's connection in a room, or None."""
    key = {"room_id": room, "connection_id": request["connectionId"]}
    return table.get_item(Key=key, ConsistentRead=True).get("Item")


def tell_room(request, context, table, room, frame, skip=None):
    """Send a frame to everybody in a room, but the connection `skip`: here, or in parts elsewhere if they are many."""
    rows = [row for row in members(table, request, room) if row["connection_id"] != skip]
    function = os.environ.get("FAN_OUT_FUNCTION")
    if len(rows) <= PART or not function:
        deliver_and_forget(request, context, table, room, rows, frame)
        return
    for start in range(0, len(rows), PART):
        tell_part(function, request, room, rows[start : start + PART], frame)
    log("divided a room", request, connections=len(rows))


def tell_part(function, request, room, rows, frame):
    """Give one part of a room to fan_out.py."""
    rows = [{"connection_id": row["connection_id"]} for row in rows]  # what is sent, and the event stays small
    event = {"request": request, "room": room, "rows": rows, "frame": frame}
    payload = json.dumps(event, ensure_ascii=False)
    lambda_client().invoke(FunctionName=function, InvocationType="Event", Payload=payload)


def deliver_and_forget(request, context, table, room, rows, frame):
    """Send a frame to each row's connection; forget who is gone, and tell the others of the room."""
    outcomes = deliver(request, context, rows, frame)
    log("told a room", request, **Counter(outcome for _, outcome in outcomes))
    gone = [leave(table, room, row["connection_id"]) for row, outcome in outcomes if outcome == "gone"]
    if gone:
        stay = members(table, request, room)
        for name in {row["name"] for row in gone if row} - {row["name"] for row in stay}:
            tell_room(request, context, table, room, presence(room, name, here=False))


def take_out(request, context, table, room, connection_id):
    """End a membership, and tell the room unless the name is still there; return the name, or None if it was not in."""
    row = leave(table, room, connection_id)
    if row and row["name"] not in {other["name"] for other in members(table, request, room)}:
        tell_room(request, context, table, room, presence(room, row["name"], here=False))
    return row and row["name"]


def presence(room, name, here):
    """Return the frame that says that somebody has come into a room, or has left it."""
    return {"type": "presence", "room": room, "name": name, "here": here}
