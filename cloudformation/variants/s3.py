"""The fourth write-up's chat as it is published: four functions and one table; everybody but the sender hears a message.

The write-up is in words; the system that it documents is the one of AWS's tutorial "Create a WebSocket chat app with
a WebSocket API, Lambda and DynamoDB". What it does wrong:
- A failed delivery is logged and nothing else ("Send Message Handler"): the row of a connection that is gone stays.
- "Fetches all active connections" with one scan, so one page of them.
- No message is kept, and an empty one is sent like any other.
"""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["WEBSOCKET_TABLE"]) if "WEBSOCKET_TABLE" in os.environ else None
HOW_TO_CHAT = 'To chat, send {"action": "sendMessage", "sender": "your name", "message": "your text"}.'


def connect(event, context):
    table.put_item(Item={"connectionId": event["requestContext"]["connectionId"]})
    return {"statusCode": 200}


def disconnect(event, context):
    table.delete_item(Key={"connectionId": event["requestContext"]["connectionId"]})
    return {"statusCode": 200}


def message(event, context):
    request = event["requestContext"]
    said = json.loads(event["body"])
    frame = {"sender": said.get("sender"), "message": said.get("message")}
    api = management_api(request)
    for row in table.scan()["Items"]:
        if row["connectionId"] != request["connectionId"]:
            try:
                api.post_to_connection(ConnectionId=row["connectionId"], Data=encoded(frame))
            except Exception as error:
                print("not delivered", row["connectionId"], error)
    return {"statusCode": 200}


def default(event, context):
    request = event["requestContext"]
    api = management_api(request)
    known = api.get_connection(ConnectionId=request["connectionId"])
    connection = {
        "connectionId": request["connectionId"],
        "connectedAt": known["ConnectedAt"].isoformat(),
        "lastActiveAt": known["LastActiveAt"].isoformat(),
        "sourceIp": known["Identity"]["SourceIp"],
        "userAgent": known["Identity"].get("UserAgent"),
    }
    answer = {"message": f"The requested action is not recognized. {HOW_TO_CHAT}", "connection": connection}
    api.post_to_connection(ConnectionId=request["connectionId"], Data=encoded(answer))
    return {"statusCode": 200}


def management_api(request):
    return boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")


def encoded(frame):
    return json.dumps(frame, ensure_ascii=False).encode()  # as JSON.stringify writes it
