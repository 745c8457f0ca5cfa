"""Who is in which room: the rows of ChatMembers, one for each connection in each room.

So a connection can be in many rooms and a room have many connections. The table's key begins with the room: "who
is in it?" is a Query, which reads these rows and no others, and which can be consistent. "Where is this
connection?" is asked of the index by_connection. That order is no accident: an index follows its table a moment
later, and whoever has just joined must not miss a message.

$disconnect may never come. So a row whose connection must have ended is counted no more, and DynamoDB deletes it
some time after its `expires_at`.
"""

from boto3.dynamodb.conditions import Attr, Key

from presence import KEEP_S


def join(table, request, room, name):
    """Put the row of the event's connection in a room; joining again replaces it."""
    table.put_item(
        Item={
            "room_id": room,
            "connection_id": request["connectionId"],
            "name": name,
            "joined_at": request["requestTimeEpoch"],
            "expires_at": request["connectedAt"] // 1000 + KEEP_S,
        }
    )


def leave(table, room, connection_id):
    """Delete the row of a connection in a room; return it, or None if there was none."""
    key = {"room_id": room, "connection_id": connection_id}
    return table.delete_item(Key=key, ReturnValues="ALL_OLD").get("Attributes")


def members(table, request, room):
    """Return the rows of everybody in a room, without those who must have left by now."""
    query = {
        "KeyConditionExpression": Key("room_id").eq(room),
        "FilterExpression": Attr("expires_at").gt(request["requestTimeEpoch"] // 1000),
        "ConsistentRead": True,  # whoever has joined a moment ago must not miss this
    }
    return every_row(table, query)


def rooms_of(table, connection_id):
    """Return the rooms of a connection. The index may not know of the last second yet."""
    query = {"IndexName": "by_connection", "KeyConditionExpression": Key("connection_id").eq(connection_id)}
    return [row["room_id"] for row in every_row(table, query)]


def every_row(table, query):
    """Return the rows of all pages of a query."""
    page = table.query(**query)
    rows = page["Items"]
    while "LastEvaluatedKey" in page:
        page = table.query(**query, ExclusiveStartKey=page["LastEvaluatedKey"])
        rows += page["Items"]
    return rows
