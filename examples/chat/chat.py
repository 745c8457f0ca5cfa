"""A chat of one function: who connects is remembered, what one says goes to all."""

import os

import boto3

people = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    place, body = event["requestContext"], event.get("body")
    if place["routeKey"] == "$connect":
        people.put_item(Item={"id": place["connectionId"]})
    elif place["routeKey"] == "$disconnect":
        people.delete_item(Key={"id": place["connectionId"]})
    else:
        address = f"https://{place['domainName']}/{place['stage']}"
        sockets = boto3.client("apigatewaymanagementapi", endpoint_url=address)
        for row in people.scan()["Items"]:
            sockets.post_to_connection(ConnectionId=row["id"], Data=body)
    return {"statusCode": 200}
