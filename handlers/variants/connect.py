"""$connect: remembers the connection."""

from variants.connections import remember


def lambda_handler(event, context):
    remember(event["requestContext"])
    return {"statusCode": 200}
