import json
import os

import boto3


def handler(event, context):
    place = event["requestContext"]
    sockets = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{place['domainName']}/{place['stage']}")
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
    for row in table.scan()["Items"]:
        sockets.post_to_connection(ConnectionId=row["connectionId"], Data=json.loads(event["body"])["data"].upper())
    return {"statusCode": 200}
