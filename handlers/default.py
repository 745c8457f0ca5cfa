"""$default: answers whatever has no route of its own with how to chat, and who is asking.

It serves the route `ping` as well: a client's heartbeat, answered and never stored.
"""

import http.client
import json

from delivery import answer, management_api
from log import log

USAGE = (
    "The requested action is not recognized. To chat, send "
    '{"action": "sendMessage", "sender": "your name", "message": "your text"}.'
)


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] == "ping":
        answer(request, context, {"type": "pong"})
    else:
        log("not recognized", request)
        answer(request, context, {"type": "usage", "message": USAGE, "connection": connection_info(request)})
    return {"statusCode": 200}


def connection_info(request):
    """Return what API Gateway knows of the caller; only the connection id when it knows nothing any more."""
    info = {"connectionId": request["connectionId"]}
    try:
        status, body = management_api(request).call("GET", request["connectionId"])
    except (OSError, http.client.HTTPException) as error:
        status, body = type(error).__name__, str(error).encode()
    if status != 200:
        log("no connection info", request, error=f"{status} {body.decode(errors='replace')}".strip())
        return info
    known = json.loads(body)
    return info | {
        "connectedAt": known["connectedAt"],
        "lastActiveAt": known["lastActiveAt"],
        "sourceIp": known["identity"]["sourceIp"],
        "userAgent": known["identity"].get("userAgent"),
    }
