"""Who is in which room: the rows of ChatMembers, and how a frame reaches everybody in a room.

A row is one connection in one room, so a connection can be in many rooms and a room have many connections.
The table's key begins with the room: "who is in it?" is a Query, which reads these rows and no others, and
which can be consistent. "Where is this connection?" is asked of the index by_connection. That order is no
accident: an index follows its table a moment later, and whoever has just joined must not miss a message.

$disconnect may never come. So a row whose connection must have ended is counted no more, DynamoDB deletes it
some time after its `expires_at`, and a delivery that is answered with Gone deletes it at once.
"""

from collections import Counter

from boto3.dynamodb.conditions import Attr, Key

from delivery import deliver
from log import log
from presence import KEEP_S


def join(table, request, room, name):
    """Put the row of a connection in a room; joining again replaces it."""
    row = {
        "room_id": room,
        "connection_id": request["connectionId"],
        "name": name,
        "joined_at": request["requestTimeEpoch"],
        "expires_at": request["connectedAt"] // 1000 + KEEP_S,
    }
    table.put_item(Item=row)
    return row


def leave(table, room, connection_id):
    """Delete the row of a connection in a room; return it, or None if there was none."""
    key = {"room_id": room, "connection_id": connection_id}
    return table.delete_item(Key=key, ReturnValues="ALL_OLD").get("Attributes")


def membership(table, request, room):
    """Return the row of the event's connection in a room, or None."""
    key = {"room_id": room, "connection_id": request["connectionId"]}
    return table.get_item(Key=key, ConsistentRead=True).get("Item")


def members(table, request, room):
    """Return the rows of everybody in a room, in the order of their connection ids."""
    query = {
        "KeyConditionExpression": Key("room_id").eq(room),
        "FilterExpression": Attr("expires_at").gt(request["requestTimeEpoch"] // 1000),
        "ConsistentRead": True,  # whoever has joined a moment ago must not miss this
    }
    return list(every_row(table, query))


def rooms_of(table, connection_id):
    """Return the rooms of a connection. The index may not know of the last second yet."""
    query = {"IndexName": "by_connection", "KeyConditionExpression": Key("connection_id").eq(connection_id)}
    return [row["room_id"] for row in every_row(table, query)]


def every_row(table, query):
    """Return the rows of all pages of a query, one by one."""
    while True:
        page = table.query(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query = {**query, "ExclusiveStartKey": page["LastEvaluatedKey"]}


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


def presence(room, name, here):
    """Return the frame that says that somebody has come into a room, or has left it."""
    return {"type": "presence", "room": room, "name": name, "here": here}
