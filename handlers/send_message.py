"""sendMessage: stores a message, then sends it to everyone who is connected."""

import os

import boto3

from delivery import answer, broadcast
from log import log
from messages import Refused, read_message, store_message, to_frame

dynamodb = boto3.resource("dynamodb")
messages = dynamodb.Table(os.environ["MESSAGES_TABLE"])
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])
deliver_to_sender = os.environ.get("DELIVER_TO_SENDER", "true") == "true"


def lambda_handler(event, context):
    request = event["requestContext"]
    try:
        row = read_message(event)
    except Refused as refusal:
        log("refused", request, why=str(refusal))
        answer(request, context, {"type": "error", "message": str(refusal)})
        return {"statusCode": 400}

    row = store_message(messages, row)
    log("stored", request, messageId=row["message_id"], timestamp=row["timestamp"])
    skip = None if deliver_to_sender else request["connectionId"]
    broadcast(request, context, connections, to_frame(row), skip=skip)
    return {"statusCode": 200}
