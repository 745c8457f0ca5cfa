"""What clients receive of a room's history: one message, or as many of a page as fit into a frame."""

from delivery import FRAME_LIMIT, encode
from history import read


def to_frame(row):
    """Return what clients receive for a message."""
    return {
        "type": "message",
        "room": row["room_id"],
        "number": int(row["number"]),
        "sender": row["sender"],
        "message": row["message"],
        "timestamp": int(row["timestamp"]),
        "message_id": row["message_id"],
    }


def history_frame(table, room, before=None, after=None):
    """Return a frame with as many messages as fit. Its `more` says whether to ask for further ones."""
    rows, more = read(table, room, before, after)
    messages = [to_frame(row) for row in rows]
    asked = {key: number for key, number in (("before", before), ("after", after)) if number is not None}
    frame = {"type": "history", "room": room, **asked, "messages": messages, "more": more}
    while len(encode(frame)) > FRAME_LIMIT:
        messages.pop(0 if after is None else -1)  # what does not fit is left out at the far end
        frame["more"] = True
    return frame
