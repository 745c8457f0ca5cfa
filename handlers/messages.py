"""What a chat message is: read from an event, kept in ChatMessages, sent to clients.

A message's key is its room and its timestamp, and the key must be lossless and ordered. A clock's
reading is not enough: two messages of one instant would be one row. So the timestamp counts
microseconds: the millisecond at which API Gateway received the message, then three digits drawn
from its messageId. If two messages still meet, the second takes the next microsecond.

Everything in a row comes from the event. An event that is handled twice therefore computes the
same row, finds it in place, and leaves one row. (Microseconds since 1970 have 16 digits: exact in
DynamoDB, which keeps 38, and in JavaScript, which keeps 53 bits. Nanoseconds would be rounded there.)
"""

from itertools import count
from zlib import crc32

from delivery import FRAME_LIMIT, encode
from received import Refused, read_body, verified_name

ROOM = "global"


def read_message(event):
    """Return the row for a sendMessage event. Raises Refused."""
    request = event["requestContext"]
    body = read_body(event)
    sender = verified_name(request) or body.get("sender") or request["connectionId"]
    message = body.get("message") or ""
    if not isinstance(sender, str) or not isinstance(message, str):
        raise Refused("The sender and the message must be text.")
    if not message.strip():
        raise Refused("The message is empty.")

    row = {
        "room_id": ROOM,
        "timestamp": request["requestTimeEpoch"] * 1000 + crc32(request["messageId"].encode()) % 1000,
        "message_id": request["messageId"],
        "connection_id": request["connectionId"],
        "sender": sender,
        "message": message,
    }
    refuse_what_no_frame_holds(to_frame(row))
    return row


def refuse_what_no_frame_holds(frame):
    """Raise Refused for a message that could be stored, but never be delivered."""
    try:
        size = len(encode(frame))
    except UnicodeEncodeError:
        raise Refused("The message holds half of a character.") from None
    if size > FRAME_LIMIT:
        raise Refused(f"The message is too long: {size} bytes with its name and time, of at most {FRAME_LIMIT}.")


def store_message(table, row):
    """Put the row under the first free timestamp from its own on; return the row as stored. Safe to repeat."""
    for timestamp in count(row["timestamp"]):
        try:
            table.put_item(
                Item={**row, "timestamp": timestamp},
                ConditionExpression="attribute_not_exists(room_id) OR message_id = :this",
                ExpressionAttributeValues={":this": row["message_id"]},
            )
            return {**row, "timestamp": timestamp}
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            pass  # another message has this microsecond: try the next one


def to_frame(row):
    """Return what clients receive for a row of ChatMessages."""
    return {
        "type": "message",
        "room": row["room_id"],
        "sender": row["sender"],
        "message": row["message"],
        "timestamp": int(row["timestamp"]),
        "message_id": row["message_id"],
    }
