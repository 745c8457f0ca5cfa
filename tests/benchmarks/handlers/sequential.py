"""The plain chat handler: it scans the connections and posts to one after the other with boto3.

The same file runs in every subject. ``MANAGEMENT_URL`` is where the subject
takes posts; its braces are filled from the event's ``requestContext``.
"""

import os
from contextlib import suppress

import boto3

connections = boto3.resource("dynamodb").Table(os.environ["TABLE"])
clients = {}


def client_for(context):
    url = os.environ["MANAGEMENT_URL"].format(**context)
    if url not in clients:
        clients[url] = boto3.client("apigatewaymanagementapi", endpoint_url=url)
    return clients[url]


def handler(event, _):
    context = event["requestContext"]
    if context["eventType"] == "CONNECT":
        connections.put_item(Item={"connection_id": context["connectionId"]})
    elif context["eventType"] == "DISCONNECT":
        connections.delete_item(Key={"connection_id": context["connectionId"]})
    else:
        client = client_for(context)
        for row in connections.scan()["Items"]:
            with suppress(client.exceptions.GoneException):  # It leaves; its row goes with its $disconnect.
                client.post_to_connection(ConnectionId=row["connection_id"], Data=event["body"].encode())
    return {"statusCode": 200}
