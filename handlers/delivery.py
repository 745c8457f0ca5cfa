"""How a frame reaches one client, or all of them.

Four rules, each learned from a chat that lost its users:
- Only 410, Gone, means that a connection is gone. After any other failure the connection stays.
- 429, throttled, is a bad moment: of API Gateway, which has had too many calls, or of a client that
  does not read. It is tried again, after the others have been served, so nobody waits for it.
- A scan answers page by page. Reading only the first page leaves everybody else out.
- A connection that is still being opened answers Gone too. Its row is younger than OPENING_MS:
  leave it alone; if it is really gone, a later message finds out.
"""

import http.client
import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from log import log
from management import ManagementApi

WORKERS = 16  # posts under way at once
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # at most, before a throttled post is tried again
RESERVE_MS = 1_000  # what the rest of the function may need of its time
OPENING_MS = 5_000
FRAME_LIMIT = 128 * 1024  # bytes; API Gateway takes no more
OUTCOMES = {200: "delivered", 410: "gone", 429: "throttled"}

client_for = lru_cache(ManagementApi)  # one for each endpoint and execution environment


def management_api(request):
    """Return the client for the API and stage that an event came from."""
    return client_for(f"https://{request['domainName']}/{request['stage']}")


def encode(frame):
    """Return the bytes of a frame. Raises UnicodeEncodeError for text that holds half a surrogate pair."""
    return json.dumps(frame, ensure_ascii=False).encode()


def answer(request, context, frame):
    """Send a frame to the client that the event came from, and to nobody else; return the outcome."""
    [(_, outcome)] = deliver(request, context, [{"connection_id": request["connectionId"]}], frame)
    return outcome


def broadcast(request, context, connections, frame, skip=None):
    """Send a frame to every connection of the table, but `skip`; forget those that are gone."""
    pages = connections.meta.client.get_paginator("scan").paginate(
        TableName=connections.name,
        ProjectionExpression="connection_id, connected_at",
        ConsistentRead=True,  # whoever has connected a moment ago must not miss this
    )
    rows = (row for page in pages for row in page["Items"] if row["connection_id"] != skip)
    outcomes = deliver(request, context, rows, frame)
    for row, outcome in outcomes:
        if outcome == "gone" and not opening(request, row):
            connections.delete_item(Key={"connection_id": row["connection_id"]})
    log("broadcast", request, **Counter(outcome for _, outcome in outcomes))


def opening(request, row):
    """Say whether the connection is so young that its handshake may not have ended yet."""
    return request["requestTimeEpoch"] - row.get("connected_at", 0) < OPENING_MS


def deliver(request, context, rows, frame):
    """Send a frame to each row's connection; return (row, outcome) pairs: "delivered", "gone" or "failed"."""
    api = management_api(request)
    data = encode(frame)
    done, rows = [], list(rows)
    with ThreadPoolExecutor(WORKERS) as pool:
        for pause_s in (0, *PAUSES_S):
            if pause_s and context.get_remaining_time_in_millis() < RESERVE_MS + pause_s * 1000:
                break
            time.sleep(random.uniform(pause_s / 2, pause_s))  # or all who were throttled come back at once
            tried = list(zip(rows, pool.map(lambda row: post(api, request, row["connection_id"], data), rows)))
            done += [pair for pair in tried if pair[1] != "throttled"]
            rows = [row for row, outcome in tried if outcome == "throttled"]
            if not rows:
                return done
    for row in rows:
        log("delivery failed", request, to=row["connection_id"], error="429, each time it was tried")
    return done + [(row, "failed") for row in rows]


def post(api, request, connection_id, data):
    """Post once; return "delivered", "gone", "throttled" or "failed"."""
    try:
        status, body = api.call("POST", connection_id, data)
    except (OSError, http.client.HTTPException) as error:  # no answer: a time-out, a line that broke
        status, body = type(error).__name__, str(error).encode()
    outcome = OUTCOMES.get(status, "failed")
    if outcome == "gone":
        log("gone", request, to=connection_id)
    elif outcome == "failed":
        log("delivery failed", request, to=connection_id, error=f"{status} {body.decode(errors='replace')}".strip())
    return outcome
