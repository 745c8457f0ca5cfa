"""A chat message: kept, if the write-up keeps messages, then sent to everyone."""

from variants import metering  # first: it must know of every client that is made

from delivery import answer
from log import log
from messages import Refused, read_message
from variants import connections, history


def lambda_handler(event, context):
    request = event["requestContext"]
    metering.begin()
    try:
        row = read_message(event)
    except Refused as refusal:
        log("refused", request, why=str(refusal))
        if connections.table:
            answer(request, {"error": "Refused", "message": str(refusal)})
        return {"statusCode": 400}

    history.keep(row, request)
    connections.tell(request, history.to_frame(row, request))
    log("metered", request, **metering.reading())
    return {"statusCode": 200}
