"""Counts what one invocation asks of AWS: its calls, and the request units that DynamoDB says they took.

It listens to boto3's default session, so it must be imported before any client is made.
"""

from collections import Counter
from threading import Lock

import boto3

counted = Counter()
turn = Lock()  # deliveries run in several threads


def begin():
    """Start from zero: an execution environment serves one invocation after the other."""
    counted.clear()


def reading():
    """Return the counts since `begin`."""
    return {name: counted[name] for name in ("managementCalls", "tableCalls", "readUnits", "writeUnits")}


def ask_for_units(params, **event):
    params["ReturnConsumedCapacity"] = "TOTAL"


def note_table_call(parsed, model, **event):
    kind = "readUnits" if model.name in ("GetItem", "Query", "Scan") else "writeUnits"
    with turn:
        counted["tableCalls"] += 1
        counted[kind] += parsed.get("ConsumedCapacity", {}).get("CapacityUnits", 0)


def note_management_call(**event):
    with turn:
        counted["managementCalls"] += 1


boto3.setup_default_session()
events = boto3.DEFAULT_SESSION.events
events.register("provide-client-params.dynamodb", ask_for_units)
events.register("after-call.dynamodb", note_table_call)
events.register("before-call.apigatewaymanagementapi", note_management_call)
