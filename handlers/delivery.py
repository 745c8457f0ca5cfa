"""How a frame reaches one client, or all of them.

Three rules, each learned from a chat that lost its users:
- Only GoneException means that a connection is gone. Any other failure is logged and the
  connection stays. GoneException is a ClientError, so it must be caught first.
- A scan answers page by page. Reading only the first page leaves everybody else out.
- A connection that is still being opened answers Gone too. Its row is younger than OPENING_MS:
  leave it alone; if it is really gone, a later message finds out.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from log import log

WORKERS = 16
OPENING_MS = 5_000
FRAME_LIMIT = 128 * 1024  # bytes; API Gateway takes no more


@lru_cache
def client_for(endpoint_url):
    """Return the management client of one API's stage, made once for each execution environment."""
    config = Config(
        max_pool_connections=WORKERS,  # one for each worker, or they wait for each other
        connect_timeout=2,
        read_timeout=5,  # seconds: one slow answer must not use up the function's time
        retries={"total_max_attempts": 2},
    )
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint_url, config=config)


def management_api(request):
    """Return the client for the API and stage that an event came from."""
    return client_for(f"https://{request['domainName']}/{request['stage']}")


def encode(frame):
    """Return the bytes of a frame. Raises UnicodeEncodeError for text that holds half a surrogate pair."""
    return json.dumps(frame, ensure_ascii=False).encode()


def answer(request, frame):
    """Send a frame to the client that the event came from, and to nobody else."""
    return post(management_api(request), request, request["connectionId"], encode(frame))


def broadcast(request, connections, frame, skip=None):
    """Send a frame to every connection of the table, but `skip`; forget those that are gone."""
    api = management_api(request)  # before the workers start: making a client is not safe in threads, using it is
    data = encode(frame)
    pages = connections.meta.client.get_paginator("scan").paginate(
        TableName=connections.name,
        ProjectionExpression="connection_id, connected_at",
        ConsistentRead=True,  # whoever has connected a moment ago must not miss this
    )
    outcomes = Counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        for page in pages:
            rows = [row for row in page["Items"] if row["connection_id"] != skip]
            posts = pool.map(lambda row: post(api, request, row["connection_id"], data), rows)
            for row, outcome in zip(rows, posts):
                outcomes[outcome] += 1
                if outcome == "gone" and not opening(request, row):
                    connections.delete_item(Key={"connection_id": row["connection_id"]})
    log("broadcast", request, **outcomes)


def opening(request, row):
    """Say whether the connection is so young that its handshake may not have ended yet."""
    return request["requestTimeEpoch"] - row.get("connected_at", 0) < OPENING_MS


def post(api, request, connection_id, data):
    """Send bytes to one connection; return "delivered", "gone" or "failed"."""
    try:
        api.post_to_connection(ConnectionId=connection_id, Data=data)
        return "delivered"
    except api.exceptions.GoneException:
        log("gone", request, to=connection_id)
        return "gone"
    except (ClientError, BotoCoreError) as error:
        log("delivery failed", request, to=connection_id, error=str(error))
        return "failed"
