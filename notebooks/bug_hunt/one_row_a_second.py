"""Bug 1, to be mended in lesson 7b: a message is stored under the second in which it came."""

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
    save(messages, request, body)
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    data = json.dumps({"sender": body["sender"], "message": body["message"]}).encode()
    for row in connections.scan(ConsistentRead=True)["Items"]:
        deliver(api, row["connection_id"], data)


def save(table, request, body):
    table.put_item(
        Item={
            "room_id": "global",
            "timestamp": int(time.time()),
            "message_id": request["messageId"],
            "message": body["message"],
        }
    )


def deliver(api, connection_id, data):
    try:
        api.post_to_connection(ConnectionId=connection_id, Data=data)
    except api.exceptions.GoneException:
        print("gone", connection_id)
