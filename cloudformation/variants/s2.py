"""The third write-up's chat as it is published: four functions; connections, sessions and messages in a table each.

The tutorial says what each function may do (step 2) and which expression selects routes (step 3.2); the functions
are in its repository. What it does wrong:
- `connect` reads who is there, to tell them who comes. The tutorial's list lets it write and nothing else, so it
  fails, and a `$connect` that fails lets nobody in. The rows that it has written by then stay.
- The expression `request.body.action` has no `$`: it selects the same route for every message, and there is none.
- A message `ping` is taken for a heartbeat: whoever writes "ping" is heard by nobody.
- One answer of the scan is read, so one page of connections.
- A post that fails is printed, and the row of a connection that is gone stays for ever.
- A new random id for each try: an event that is handled twice is two rows.
- The frame is written in ASCII, so a letter such as ε takes six bytes: a long message becomes too long to be posted.
"""

import json
import os
from datetime import datetime, timezone
from uuid import uuid4

import boto3

dynamodb = boto3.resource("dynamodb")
SECONDS = "%Y-%m-%dT%H:%M:%SZ"


def table(variable):
    """Return the table that a variable names; None in a function that has none of that kind."""
    return dynamodb.Table(os.environ[variable]) if variable in os.environ else None


active = table("WEBSOCKET_TABLE")
sessions = table("SESSIONS_TABLE")
history = table("MESSAGES_TABLE")


def connect(event, context):
    request = event["requestContext"]
    connection_id = request["connectionId"]
    try:
        active.put_item(Item={"connection_id": connection_id})
        sessions.put_item(
            Item={
                "connection_id": connection_id,
                "source_ip": request["identity"]["sourceIp"],
                "connected_at": utc().strftime(SECONDS),
            }
        )
        tell(request, f"{connection_id} has come.", skip=connection_id)
    except Exception:
        return {"statusCode": 500}
    return {"statusCode": 200}


def disconnect(event, context):
    request = event["requestContext"]
    connection_id = request["connectionId"]
    left_at = utc().replace(microsecond=0)
    duration = None
    with printing_errors():
        session = sessions.get_item(Key={"connection_id": connection_id}).get("Item", {})
        if "connected_at" in session:
            came_at = datetime.strptime(session["connected_at"], SECONDS).replace(tzinfo=timezone.utc)
            duration = int((left_at - came_at).total_seconds())
    with printing_errors():
        sessions.update_item(
            Key={"connection_id": connection_id},
            UpdateExpression="SET disconnected_at = :left, duration_seconds = :duration",
            ExpressionAttributeValues={":left": left_at.strftime(SECONDS), ":duration": duration},
        )
    with printing_errors():
        tell(request, f"{connection_id} has left.", skip=connection_id)
    with printing_errors():
        active.delete_item(Key={"connection_id": connection_id})
    return {"statusCode": 200}


def message(event, context):
    request = event["requestContext"]
    text = json.loads(event.get("body", "{}")).get("message", "")
    if text == "ping":
        return {"statusCode": 200, "body": json.dumps({"message": "pong"})}
    if not text:
        return {"statusCode": 400, "body": "The message is empty."}
    said_at = utc().strftime(SECONDS)
    with printing_errors():
        history.put_item(
            Item={
                "message_id": str(uuid4()),
                "connection_id": request["connectionId"],
                "timestamp": said_at,
                "message": text,
            }
        )
    tell(request, f"[{said_at} - UTC]\n {request['connectionId']}  {text}\n")
    return {"statusCode": 200}


def default(event, context):
    request = event["requestContext"]
    unknown = {"error": "Unknown action", "message": "The requested action is not recognized."}
    post(management_api(request), request["connectionId"], unknown)
    return {"statusCode": 200}


def tell(request, text, skip=None):
    everybody = active.scan()["Items"]
    api = management_api(request)
    for row in everybody:
        if row["connection_id"] != skip:
            post(api, row["connection_id"], {"message": text})


def post(api, connection_id, frame):
    with printing_errors():
        api.post_to_connection(ConnectionId=connection_id, Data=json.dumps(frame))


def management_api(request):
    return boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")


def utc():
    return datetime.now(timezone.utc)


class printing_errors:
    """Whatever goes wrong in the block is printed, and the function goes on."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error:
            print("error:", error)
        return isinstance(error, Exception)
