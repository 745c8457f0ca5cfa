"""One function for every route: the event says which one it is."""

from variants import message  # first: it counts calls
from variants import connect, disconnect

ROUTES = {
    "$connect": connect.lambda_handler,
    "$disconnect": disconnect.lambda_handler,
    "sendMessage": message.lambda_handler,
}


def lambda_handler(event, context):
    return ROUTES[event["requestContext"]["routeKey"]](event, context)
