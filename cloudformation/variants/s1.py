"""The second write-up's chat as it is published: three functions and one table; no message is kept.

Its README tells what the functions do; how, its repository shows, in JavaScript. What it does wrong:
- One answer of the scan is read, so one page of connections (`onmessage.js`).
- A message that is empty, or no text at all, goes to everybody (`onmessage.js`).
- A connection whose `$disconnect` never came keeps its row until somebody posts to it (`onconnect.js`: no expiry).
That only GoneException costs a row, and that all are posted to at once, it has right.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import boto3

table = boto3.resource("dynamodb").Table(os.environ["WEBSOCKET_TABLE"])


def connect(event, context):
    table.put_item(Item={"connectionId": event["requestContext"]["connectionId"], "connectedAt": now()})
    return {"statusCode": 200, "body": "connected"}


def disconnect(event, context):
    table.delete_item(Key={"connectionId": event["requestContext"]["connectionId"]})
    return {"statusCode": 200, "body": "disconnected"}


def message(event, context):
    request = event["requestContext"]
    try:
        said = json.loads(event["body"])
    except ValueError:
        print("not JSON")
        return {"statusCode": 400}
    frame = {
        "from": request["connectionId"],
        "message": said.get("message") or "",
        "type": said.get("type") or "chat",
        "timestamp": now(),
    }
    data = json.dumps(frame, ensure_ascii=False).encode()  # as JSON.stringify writes it
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    with ThreadPoolExecutor() as pool:
        for row in table.scan()["Items"]:
            pool.submit(post, api, row["connectionId"], data)
    return {"statusCode": 200}


def post(api, connection_id, data):
    try:
        api.post_to_connection(ConnectionId=connection_id, Data=data)
    except api.exceptions.GoneException:
        table.delete_item(Key={"connectionId": connection_id})
    except Exception as error:
        print("not delivered", connection_id, error)


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
