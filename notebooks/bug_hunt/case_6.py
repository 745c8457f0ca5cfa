"""Case 6 of lesson 7b: "I cannot even connect."

Nothing is wrong in this file. What its function may do stands in case_6.yaml.
"""

import json
import os

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.resource("dynamodb")
connections = dynamodb.Table(os.environ["CONNECTIONS_TABLE"])
sessions = dynamodb.Table(os.environ["SESSIONS_TABLE"])


def lambda_handler(event, context):
    request = event["requestContext"]
    if request["routeKey"] != "$connect":
        return {"statusCode": 200}
    newcomer = request["connectionId"]
    try:
        connections.put_item(Item={"connection_id": newcomer})
        sessions.put_item(Item={"connection_id": newcomer, "source_ip": request["identity"]["sourceIp"]})
        tell_the_others(request, newcomer)
    except ClientError as error:
        print("refused:", error)
        return {"statusCode": 500}
    return {"statusCode": 200}


def tell_the_others(request, newcomer):
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    notice = json.dumps({"type": "notice", "message": "somebody joined"}).encode()
    for row in connections.scan(ConsistentRead=True)["Items"]:
        if row["connection_id"] != newcomer:
            try:
                api.post_to_connection(ConnectionId=row["connection_id"], Data=notice)
            except ClientError as error:
                print("not told:", error)
