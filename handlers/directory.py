"""Which rooms there are, whose they are, and who may not come in: the rows of ChatRooms."""

from received import verified_name


def open_room(table, request, room):
    """Return the row of a room. It is made when somebody joins it for the first time, and then belongs to them.

    It belongs to a name that a token has verified; where there are no tokens, to nobody.
    """
    made = {"created_at": request["requestTimeEpoch"], "owned_by": verified_name(request) or "nobody"}
    return table.update_item(
        Key={"room_id": room},
        UpdateExpression="SET " + ", ".join(f"{one} = if_not_exists({one}, :{one})" for one in made),
        ExpressionAttributeValues={f":{one}": value for one, value in made.items()},
        ReturnValues="ALL_NEW",
    )["Attributes"]


def room_row(table, room):
    """Return the row of a room as it is now; an empty one if there is no such room."""
    return table.get_item(Key={"room_id": room}, ConsistentRead=True).get("Item", {})


def belongs_to_sender(request, row):
    """Say whether a room is its sender's, by a name that nobody can claim without its token."""
    return verified_name(request) is not None and row.get("owned_by") == verified_name(request)


def exclude(table, room, name):
    """Let a name join a room no more."""
    table.update_item(
        Key={"room_id": room},
        UpdateExpression="ADD thrown_out :names",
        ExpressionAttributeValues={":names": {name}},
    )


def page_of_rooms(table, start, limit=100):
    """Return up to `limit` names of rooms, in no order, and where to go on: None at the end."""
    further = {"ExclusiveStartKey": {"room_id": start}} if start else {}
    page = table.scan(Limit=limit, ProjectionExpression="room_id", **further)
    return [row["room_id"] for row in page["Items"]], page.get("LastEvaluatedKey", {}).get("room_id")
