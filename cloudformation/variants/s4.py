"""The fifth write-up's chat as it is published: three functions; each message is kept under a UUID.

The write-up prints `connect` (step 3), and leaves `disconnect` and `message` to its readers: a handler with
try/except and proper status codes. Whoever looks for one finds AWS's sample "simple-websockets-chat-app", which has
the same three functions, and mends what keeps its branch for a gone connection from being reached. Then it is this:
- A connection that is gone costs the *sender's* row, and its own stays: the key in that branch is the event's.
- One answer of the scan is read, so one page of connections.
- Any other failure makes the function return 500, which no client of a one-way route can see.
- A new random id for each try: an event that is handled twice is two rows.
- The frame is written in ASCII, so a letter such as ε takes six bytes: a long message becomes too long to be posted.
"""

import json
import os
from uuid import uuid4

import boto3

dynamodb = boto3.client("dynamodb")


def connect(event, context):
    row = {"connectionId": {"S": event["requestContext"]["connectionId"]}}
    dynamodb.put_item(TableName=os.environ["WEBSOCKET_TABLE"], Item=row)
    return {"statusCode": 200}


def disconnect(event, context):
    forget(event["requestContext"])
    return {"statusCode": 200}


def forget(request):
    dynamodb.delete_item(
        TableName=os.environ["WEBSOCKET_TABLE"], Key={"connectionId": {"S": request["connectionId"]}}
    )


def message(event, context):
    request = event["requestContext"]
    try:
        frame = {key: json.loads(event["body"]).get(key, "") for key in ("sender", "message")}
        save(request, frame)
        everybody = dynamodb.scan(TableName=os.environ["WEBSOCKET_TABLE"])["Items"]
        outcomes = [post(request, row["connectionId"]["S"], json.dumps(frame).encode()) for row in everybody]
    except Exception as error:
        print("error:", error)
        return {"statusCode": 500}
    return {"statusCode": 200 if all(outcomes) else 500}


def post(request, connection_id, data):
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    try:
        api.post_to_connection(ConnectionId=connection_id, Data=data)
        return True
    except api.exceptions.GoneException:
        forget(request)
        return True
    except Exception as error:
        print("not delivered", connection_id, error)
        return False


def save(request, frame):
    row = {"messageId": str(uuid4()), "connectionId": request["connectionId"], **frame}
    dynamodb.put_item(
        TableName=os.environ["MESSAGES_TABLE"], Item={name: {"S": value} for name, value in row.items()}
    )
