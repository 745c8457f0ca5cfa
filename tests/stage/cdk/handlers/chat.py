"""The functions of a small chat that the CDK deploys; names and messages are those of its template."""

import json
import os

import boto3

_table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
_sockets = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ.get("CALLBACK_URL"))


def connect(event, context):
    place = event["requestContext"]
    _table.put_item(Item={"connectionId": place["connectionId"], "name": place["authorizer"]["name"]})
    return {"statusCode": 200}


def disconnect(event, context):
    _table.delete_item(Key={"connectionId": event["requestContext"]["connectionId"]})
    return {"statusCode": 200}


def send_message(event, context):
    sender = event["requestContext"]["authorizer"]["name"]
    text = json.dumps({"from": sender, "text": json.loads(event["body"])["text"]})
    for row in _table.scan(ProjectionExpression="connectionId")["Items"]:
        try:
            _sockets.post_to_connection(ConnectionId=row["connectionId"], Data=text)
        except _sockets.exceptions.GoneException:
            _table.delete_item(Key=row)
    return {"statusCode": 200}


def help_(event, context):
    return {"statusCode": 200, "body": "Send action sendmessage with a text."}
