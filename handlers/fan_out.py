"""Delivers one frame to one part of a room: asked for by membership.py, without anybody waiting for it.

No route leads here. The event is what tell_part made of a message in a large room; Lambda keeps it in a queue, and
gives it to this function once. If an invocation ends in the middle, Lambda gives the same event again, so a few
people get a frame twice: they know it by its number.
"""

import os

import boto3

from membership import deliver_and_forget

memberships = boto3.resource("dynamodb").Table(os.environ["MEMBERS_TABLE"])


def lambda_handler(event, context):
    deliver_and_forget(event["request"], context, memberships, event["room"], event["rows"], event["frame"])
