"""The table of open connections, as each write-up calls it: the name and the key come from the environment.

Without WEBSOCKET_TABLE nobody is remembered and nothing is delivered: module 1 of the first write-up.
"""

import os

import boto3

from delivery import broadcast
from log import log

KEEP_S = 2 * 3600 + 600  # no connection lives longer than two hours

name = os.environ.get("WEBSOCKET_TABLE")
table = boto3.resource("dynamodb").Table(name) if name else None
key = os.environ["CONNECTION_KEY"]
deliver_to_sender = os.environ.get("DELIVER_TO_SENDER", "true") == "true"


def remember(request):
    if table:
        row = {"connected_at": request["connectedAt"], "expires_at": request["connectedAt"] // 1000 + KEEP_S}
        table.put_item(Item={key: request["connectionId"], **row})
    log("connected", request)


def forget(request):
    if table:
        table.delete_item(Key={key: request["connectionId"]})
    log("disconnected", request)


def tell(request, frame):
    """Send a frame to everyone, the sender included or not."""
    if table:
        skip = None if deliver_to_sender else request["connectionId"]
        broadcast(request, table, frame, skip=skip, key=key)
