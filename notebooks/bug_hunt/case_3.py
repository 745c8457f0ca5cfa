"""Case 3 of lesson 7b: "Since somebody left, I get no messages any more."

The chat as it was on the day of the report. Copies of it are in use.
"""

import json
import os
import time

import boto3

dynamodb = boto3.resource("dynamodb")
messages = dynamodb.Table(os.environ["MESSAGES_TABLE"])
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] == "$connect":
        connections.put_item(Item={"connection_id": request["connectionId"]})
    elif request["routeKey"] == "$disconnect":
        forget(request)
    else:
        say(request, json.loads(event["body"]))
    print("handled", request["routeKey"])
    return {"statusCode": 200}


def say(request, body):
    save(request, body)
    send_to_all(request, {"type": "message", "sender": body["sender"], "message": body["message"]})


def save(request, body):
    row = {"room_id": "global", "timestamp": time.time_ns(), "message_id": request["messageId"]}
    messages.put_item(Item={**row, "sender": body["sender"], "message": body["message"]})


def send_to_all(request, frame):
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    for row in connections.scan(ConsistentRead=True)["Items"]:
        try:
            api.post_to_connection(ConnectionId=row["connection_id"], Data=json.dumps(frame).encode())
        except api.exceptions.GoneException:
            print("gone:", row["connection_id"])
            forget(request)


def forget(request):
    connections.delete_item(Key={"connection_id": request["connectionId"]})
