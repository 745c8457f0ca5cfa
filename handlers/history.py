"""What was said in a room: the rows of ChatHistory, numbered 1, 2, 3 in each room, without a gap.

The number is the order of the room, the same for everybody. It is given by one conditional put: number n + 1 is
written only by somebody who has seen number n, and only if nobody else has written it; whoever comes second
takes the next one. So a number that can be read has all smaller ones before it, which no clock and no counter
promises: with a counter, 7 may be readable before 6 is written, and who resumes after 7 never learns of 6.

A client that knows its last number therefore knows whether it has missed something: the next one is not
the next number. It asks for what comes `after` its last, and gets everything once.

With HISTORY_DAYS, messages expire. The newest one of a room never does: were it gone, the room would begin with 1
again, and whoever comes back with an old number would wait for messages that never come. So it is not before the
next message that a message is given its `expires_at`, which is one more write for each.
"""

import os
from itertools import count

from boto3.dynamodb.conditions import Key

PAGE = 50  # messages in one frame of history, at most
KEEP_DAYS = int(os.environ.get("HISTORY_DAYS", 0))  # 0 keeps messages for ever
RECENT = 10  # how many messages are looked through for one that comes twice


def store(table, row):
    """Put a message under its room's next number; return the row as stored.

    A message whose event is handled twice is found among the last RECENT and not stored again.
    """
    newest, _ = read(table, row["room_id"], limit=RECENT)
    for old in newest:
        if old["message_id"] == row["message_id"]:
            return old
    for number in count(int(newest[-1]["number"]) + 1 if newest else 1):
        numbered = {**row, "number": number}
        try:
            table.put_item(Item=numbered, ConditionExpression="attribute_not_exists(room_id)")
            break
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            pass  # somebody else has this number now: the next one is free, or is tried in turn
    if KEEP_DAYS and number > 1:
        let_expire(table, row["room_id"], number - 1, row["timestamp"] // 1_000_000 + KEEP_DAYS * 86_400)
    return numbered


def let_expire(table, room, number, expires_at):
    """Let DynamoDB delete a message that is not the newest any more, some time after `expires_at`, in seconds."""
    try:
        table.update_item(
            Key={"room_id": room, "number": number},
            UpdateExpression="SET expires_at = :at",
            ConditionExpression="attribute_exists(room_id)",  # or what is deleted would come back without its text
            ExpressionAttributeValues={":at": expires_at},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        pass


def read(table, room, before=None, after=None, limit=PAGE):
    """Return messages, oldest first, and whether there may be more: the first after a number, or the last before one.

    At most `limit` of them, or as many as make 1 MB, which is where DynamoDB ends a page.
    """
    key = Key("room_id").eq(room)
    if after is not None:
        key = key & Key("number").gt(after)
    elif before is not None:
        key = key & Key("number").lt(before)
    page = table.query(
        KeyConditionExpression=key,
        ScanIndexForward=after is not None,
        Limit=limit,
        ConsistentRead=True,  # who joins reads this first: nothing may lie between it and what is delivered later
    )
    rows = page["Items"] if after is not None else page["Items"][::-1]
    return rows, "LastEvaluatedKey" in page
