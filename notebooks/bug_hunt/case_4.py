"""Case 4 of lesson 7b: "It gets slower every week."

The chat as it was on the day of the report. Copies of it are in use.
"""

import json
import os
import time

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.resource("dynamodb")
messages = dynamodb.Table(os.environ["MESSAGES_TABLE"])
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] == "$connect":
        connections.put_item(Item={"connection_id": request["connectionId"]})
    elif request["routeKey"] == "$disconnect":
        connections.delete_item(Key={"connection_id": request["connectionId"]})
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
        post(api, row["connection_id"], json.dumps(frame).encode())


def post(api, connection_id, data):
    try:
        api.post_to_connection(ConnectionId=connection_id, Data=data)
    except ClientError as error:
        if error.response["Error"]["Code"] == "410":
            connections.delete_item(Key={"connection_id": connection_id})
        else:
            print("not delivered to", connection_id, error)
