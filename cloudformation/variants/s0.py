"""The first write-up's chat as it is published: one function for all routes, every line in one place.

Without WEBSOCKET_TABLE it is module 1, which stores messages and shows nothing; with it, module 2.
What it does wrong, in the code of its two modules:
- The sort key is the clock's whole second (both modules, `timestamp`): the second message of a second takes the
  place of the first.
- Whatever fails in a post deletes the connection's row (module 2, the `except` without a name).
- One answer of the scan is read, so one page of connections (module 2).
- The frame is written in ASCII, so a letter such as ε takes six bytes: a long message becomes too long to be posted.
"""

import json
import os
import time

import boto3

dynamodb = boto3.resource("dynamodb")
messages = dynamodb.Table(os.environ["MESSAGES_TABLE"])
connections = dynamodb.Table(os.environ["WEBSOCKET_TABLE"]) if os.environ.get("WEBSOCKET_TABLE") else None


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] == "sendMessage":
        send_message(request, json.loads(event.get("body", "{}")))
    elif connections and request["routeKey"] == "$connect":
        connections.put_item(Item={"connection_id": request["connectionId"]})
    elif connections and request["routeKey"] == "$disconnect":
        connections.delete_item(Key={"connection_id": request["connectionId"]})
    return {"statusCode": 200}


def send_message(request, said):
    frame = {"sender": said.get("sender"), "message": said.get("message")}
    messages.put_item(Item={"room_id": "global", "timestamp": int(time.time()), **frame})
    if connections:
        api = boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}"
        )
        for row in connections.scan()["Items"]:
            post(api, row["connection_id"], json.dumps(frame).encode())


def post(api, connection_id, data):
    try:
        api.post_to_connection(ConnectionId=connection_id, Data=data)
    except Exception:
        connections.delete_item(Key={"connection_id": connection_id})
