"""Bug 3, to be mended in lesson 7b: when somebody is gone, the wrong row is deleted."""

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
        connections.delete_item(Key={"connection_id": request["connectionId"]})
    else:
        say(request, json.loads(event["body"]))
    print("handled", request["routeKey"])
    return {"statusCode": 200}


def say(request, body):
    store(request, body)
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    data = json.dumps({"sender": body["sender"], "message": body["message"]}).encode()
    for row in connections.scan(ConsistentRead=True)["Items"]:
        deliver(api, connections, request, row, data)


def deliver(api, table, request, row, data):
    try:
        api.post_to_connection(ConnectionId=row["connection_id"], Data=data)
    except api.exceptions.GoneException:
        table.delete_item(Key={"connection_id": request["connectionId"]})


def store(request, body):
    row = {"room_id": "global", "timestamp": time.time_ns(), "message_id": request["messageId"]}
    messages.put_item(Item={**row, "sender": body["sender"], "message": body["message"]})
