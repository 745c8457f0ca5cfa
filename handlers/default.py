"""$default: answers whatever has no route of its own with how to chat, and who is asking.

It serves the route `ping` as well: a client's heartbeat, answered and never stored.
"""

from botocore.exceptions import ClientError

from delivery import answer, management_api
from log import log

USAGE = (
    "The requested action is not recognized. To chat, send "
    '{"action": "sendMessage", "sender": "your name", "message": "your text"}.'
)


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] == "ping":
        answer(request, {"type": "pong"})
    else:
        log("not recognized", request)
        answer(request, {"type": "usage", "message": USAGE, "connection": connection_info(request)})
    return {"statusCode": 200}


def connection_info(request):
    """Return what API Gateway knows of the caller; only the connection id when it knows nothing any more."""
    info = {"connectionId": request["connectionId"]}
    try:
        known = management_api(request).get_connection(ConnectionId=request["connectionId"])
    except ClientError as error:
        log("no connection info", request, error=str(error))
        return info
    return info | {
        "connectedAt": known["ConnectedAt"].isoformat(),
        "lastActiveAt": known["LastActiveAt"].isoformat(),
        "sourceIp": known["Identity"]["SourceIp"],
        "userAgent": known["Identity"].get("UserAgent"),
    }
