"""A chat that tells everybody something in one of four ways, and logs what that took.

| way | who posts | how |
|---|---|---|
| `sequential` | boto3 | one after the other, as published chats do |
| `concurrent` | boto3 | side by side |
| `cheap` | management.py, which takes a third of the processor time | side by side |
| `sharded` | as cheap, but each part of the crowd in an invocation of its own | side by side |

How they go through the crowd is in ways.py, which the learner writes. Nobody is forgotten here: the crowd is well
behaved, and what is measured is the way out.
"""

import json
import os
import time
from functools import lru_cache

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config

from log import log
from management import ManagementApi
from ways import in_parts, one_after_the_other, side_by_side

ROOM = "crowd"
table = boto3.resource("dynamodb").Table(os.environ["CROWD_TABLE"])
lambda_client = lru_cache(lambda: boto3.client("lambda"))
cheap_api = lru_cache(ManagementApi)  # one for each execution environment, whose connections stay open


@lru_cache
def boto3_api(endpoint_url):
    config = Config(max_pool_connections=16)  # one for each worker; without it boto3 keeps ten open
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint_url, config=config)


def lambda_handler(event, context):
    if "part" in event:
        post, tell = posting(event["request"], "cheap", event["frame"])
        tell(post, event["part"])
        log("told a part", event["request"], posts=len(event["part"]))
        return {}
    request = event["requestContext"]
    key = {"room_id": ROOM, "connection_id": request["connectionId"]}
    if request["routeKey"] == "$connect":
        table.put_item(Item=key)
    elif request["routeKey"] == "$disconnect":
        table.delete_item(Key=key)
        log("left", request, connectedSeconds=(request["requestTimeEpoch"] - request["connectedAt"]) / 1000)
    else:
        tell_the_crowd(request, json.loads(event["body"]))
    return {"statusCode": 200}


def tell_the_crowd(request, body):
    way = body.get("way", "cheap")
    said = {"sender": body["sender"], "message": body["message"], "timestamp": time.time_ns() // 1000}
    frame = json.dumps({"type": "message", "room": ROOM, **said}, ensure_ascii=False)
    connections, read_units = everybody()
    if way == "sharded":
        event = {"request": request, "frame": frame}
        in_parts(lambda part: give({**event, "part": part}), connections)
        posts = 0  # they are posted, and counted, elsewhere
    else:
        post, tell = posting(request, way, frame)
        tell(post, connections)
        posts = len(connections)
    log("told", request, way=way, crowd=len(connections), posts=posts, readUnits=read_units)


def everybody():
    """Return the connection ids of the crowd, and the read units that they took."""
    query = {"KeyConditionExpression": Key("room_id").eq(ROOM), "ConsistentRead": True}
    found, units = [], 0
    while True:
        page = table.query(**query, ReturnConsumedCapacity="TOTAL")
        found += [row["connection_id"] for row in page["Items"]]
        units += float(page["ConsumedCapacity"]["CapacityUnits"])
        if "LastEvaluatedKey" not in page:
            return found, units
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def posting(request, way, frame):
    """Return what posts the frame to one connection id, and the function of ways.py that calls it for all."""
    endpoint_url, data = f"https://{request['domainName']}/{request['stage']}", frame.encode()
    if way == "cheap":
        api = cheap_api(endpoint_url)
        return lambda connection_id: api.call("POST", connection_id, data), side_by_side
    api = boto3_api(endpoint_url)
    tell = {"sequential": one_after_the_other, "concurrent": side_by_side}[way]
    return lambda connection_id: api.post_to_connection(ConnectionId=connection_id, Data=data), tell


def give(event):
    """Give a part of the crowd to another invocation of this function, without waiting for it."""
    payload = json.dumps(event, ensure_ascii=False)
    lambda_client().invoke(FunctionName=os.environ["CROWD_FUNCTION"], InvocationType="Event", Payload=payload)
