"""$disconnect: forgets the connection."""

from variants.connections import forget


def lambda_handler(event, context):
    forget(event["requestContext"])
    return {"statusCode": 200}
