"""Who is here: the row of an open connection in ChatConnections, and how ChatSessions writes a time."""

from datetime import datetime, timezone

KEEP_S = 2 * 3600 + 600  # no connection lives longer than two hours


def remember(table, request):
    """Put the row of a connection. DynamoDB deletes it some time after `expires_at`, should nobody else do so."""
    table.put_item(
        Item={
            "connection_id": request["connectionId"],
            "connected_at": request["connectedAt"],
            "expires_at": request["connectedAt"] // 1000 + KEEP_S,
        }
    )


def utc(milliseconds):
    """Return an event's time as people read it: UTC, ISO 8601."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).isoformat(timespec="milliseconds")
