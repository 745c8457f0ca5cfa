"""The course's own delivery: what ``handlers/delivery.py`` makes of the same chat."""

import os

import boto3
import delivery

connections = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, lambda_context):
    context = event["requestContext"]
    if context["eventType"] == "CONNECT":
        connections.put_item(Item={"connection_id": context["connectionId"]})
    elif context["eventType"] == "DISCONNECT":
        connections.delete_item(Key={"connection_id": context["connectionId"]})
    else:
        delivery.broadcast(context, lambda_context, connections, event["body"])
    return {"statusCode": 200}
