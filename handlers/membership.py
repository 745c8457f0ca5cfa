"""How a frame reaches everybody in a room, and what that tells of who is gone."""

from collections import Counter

from delivery import deliver
from log import log
from roll import leave, members


def membership(table, request, room):
    """Return the row of the event's connection in a room, or None."""
    key = {"room_id": room, "connection_id": request["connectionId"]}
    return table.get_item(Key=key, ConsistentRead=True).get("Item")


def tell_room(request, context, table, room, frame, skip=None):
    """Send a frame to everybody in a room, but the connection `skip`; forget who is gone, and tell the others."""
    here = members(table, request, room)
    outcomes = deliver(request, context, [row for row in here if row["connection_id"] != skip], frame)
    log("told a room", request, **Counter(outcome for _, outcome in outcomes))
    gone = [row for row, outcome in outcomes if outcome == "gone"]
    for row in gone:
        leave(table, room, row["connection_id"])
    stay = [row for row in here if row not in gone]
    for name in {row["name"] for row in gone} - {row["name"] for row in stay}:
        deliver(request, context, stay, presence(room, name, here=False))


def take_out(request, context, table, room, connection_id):
    """End a membership, and tell the room unless the name is still there; return the name, or None if it was not in."""
    row = leave(table, room, connection_id)
    if row and row["name"] not in {other["name"] for other in members(table, request, room)}:
        tell_room(request, context, table, room, presence(room, row["name"], here=False))
    return row and row["name"]


def presence(room, name, here):
    """Return the frame that says that somebody has come into a room, or has left it."""
    return {"type": "presence", "room": room, "name": name, "here": here}
