"""Rooms, coming and going: $connect, $disconnect, joinRoom, leaveRoom, listRooms, listMembers and throwOut."""

import os

import boto3

from delivery import answer, management_api
from directory import belongs_to_sender, exclude, open_room, page_of_rooms, room_row
from history_frames import history_frame
from log import log
from membership import membership, presence, take_out, tell_room
from received import Refused, read_body, read_name, read_number, read_room
from roll import join, leave, members, rooms_of

dynamodb = boto3.resource("dynamodb")
rooms = dynamodb.Table(os.environ["ROOMS_TABLE"])
memberships = dynamodb.Table(os.environ["MEMBERS_TABLE"])
history = dynamodb.Table(os.environ["HISTORY_TABLE"])


def lambda_handler(event, context):
    request = event["requestContext"]
    try:
        if request["routeKey"] == "$disconnect":
            for room in rooms_of(memberships, request["connectionId"]):
                take_out(request, context, memberships, room, request["connectionId"])
        elif request["routeKey"] != "$connect":  # who connects is in no room yet: there is nothing to remember
            ROUTES[request["routeKey"]](request, context, read_body(event))
    except Refused as refusal:
        log("refused", request, why=str(refusal))
        answer(request, context, {"type": "error", "message": str(refusal)})
        return {"statusCode": 400}
    log(request["routeKey"], request)
    return {"statusCode": 200}


def join_room(request, context, body):
    """Let a connection in; answer who is there and what was said: the newest, or all `after` the last one seen."""
    room, name, after = read_room(body), read_name(request, body), read_number(body, "after")
    refuse_who_was_thrown_out(open_room(rooms, request, room), name)
    before = {row["name"] for row in members(memberships, request, room)}
    join(memberships, request, room, name)  # before the history is read: nothing is said in between
    if name in room_row(rooms, room).get("thrown_out", ()):  # at this very moment
        leave(memberships, room, request["connectionId"])
        refuse_who_was_thrown_out(room_row(rooms, room), name)
    answer(request, context, {"type": "joined", "room": room, "name": name, "members": sorted(before | {name})})
    answer(request, context, history_frame(history, room, after=after))
    if name not in before:
        tell_room(request, context, memberships, room, presence(room, name, here=True), skip=request["connectionId"])


def refuse_who_was_thrown_out(row, name):
    if name in row.get("thrown_out", ()):
        raise Refused(f"You were thrown out of the room {row['room_id']}.")


def leave_room(request, context, body):
    room = read_room(body)
    name = take_out(request, context, memberships, room, request["connectionId"])
    if name:
        answer(request, context, presence(room, name, here=False))


def list_rooms(request, context, body):
    start = read_room({"room": body["from"]}) if body.get("from") else None
    found, further = page_of_rooms(rooms, start)
    yours = sorted(rooms_of(memberships, request["connectionId"]))
    answer(request, context, {"type": "rooms", "rooms": found, "yours": yours, "from": further})


def list_members(request, context, body):
    room = read_room(body)
    if not membership(memberships, request, room):
        raise Refused(f"You are not in the room {room}: join it first.")
    names = sorted({row["name"] for row in members(memberships, request, room)})
    answer(request, context, {"type": "members", "room": room, "members": names})


def throw_out(request, context, body):
    """Disconnect everybody of a name, and let the name join no more. Only whom the room belongs to may do this."""
    room, name = read_room(body), read_name({"connectionId": ""}, body)
    if not belongs_to_sender(request, room_row(rooms, room)):
        raise Refused(f"The room {room} is not yours.")
    exclude(rooms, room, name)
    for row in members(memberships, request, room):
        if row["name"] == name:
            take_out(request, context, memberships, room, row["connection_id"])
            management_api(request).call("DELETE", row["connection_id"])


ROUTES = {"joinRoom": join_room, "leaveRoom": leave_room, "listRooms": list_rooms, "listMembers": list_members}
ROUTES["throwOut"] = throw_out
