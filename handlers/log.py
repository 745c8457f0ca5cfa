"""One line of JSON for each thing worth knowing: CloudWatch Logs Insights can query its fields.

Never log what people write, nor anything secret: logs are read by more people than chats are.
"""

import json


def log(what, request, **facts):
    """Print one line; `request` is the event's requestContext, whose ids tie the lines of one event together."""
    ids = {"requestId": request["requestId"], "connectionId": request["connectionId"]}
    print(json.dumps({"what": what, **ids, **facts}))
