"""$default of the third write-up: says in JSON that there is no such action. The route ping is its heartbeat."""

from delivery import answer
from log import log

UNKNOWN = {"error": "Unknown action", "message": "The requested action is not recognized."}


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] != "ping":
        log("not recognized", request)
        answer(request, UNKNOWN)
    return {"statusCode": 200}
