"""What the exercises that ask for a handler have in common: looking at one event's outcome in a trial."""

from __future__ import annotations

from typing import Any

from classroom.exercises.checks import CheckFailed, check
from classroom.my_chat.trial import Outcome, Trial

RETURNS = 'what lambda_handler returns at its end: {"statusCode": 200}, for every route'


def check_answered(what: str, outcome: Outcome, status: int = 200, *, look: str = "", error_look: str = "") -> None:
    """The handler returned a result with this status and did not raise."""
    check_not_raised(what, outcome, look=error_look or look)
    found = outcome.result.get("statusCode") if isinstance(outcome.result, dict) else None
    if found is None:
        raise CheckFailed(
            f"{what}. Your handler returned {outcome.result!r}, which is no answer: API Gateway wants a dict with a "
            f"statusCode. Look at: {look if status != 200 and look else RETURNS}."
        )
    check(what, found, status, look=look or RETURNS)


def check_not_raised(what: str, outcome: Outcome, *, look: str = "") -> None:
    """The handler did not raise; silent when it did not."""
    if outcome.error:
        hint = f" Look at: {look_for(outcome.error) or look}." if look_for(outcome.error) or look else ""
        where = f" ({outcome.line})" if outcome.line else ""
        raise CheckFailed(f"{what}. Your handler raised {outcome.error}{where}.{hint}")


def look_for(error: str) -> str:
    """The first place to look for the errors that everybody meets once; "" for others."""
    for sign, look in _KNOWN:
        if sign in error:
            return look
    return ""


_CONNECTION_ID = "the name connection_id, in the tables of connections and sessions; the event spells it connectionId"
_KNOWN = (
    ("KeyError: 'routeKey'", 'event["requestContext"]: the route key is in there'),
    ("KeyError: 'body'", "the route: only the event of a message has a body"),
    (
        "must be str, bytes or bytearray, not dict",
        'event, which is a dict already: what the client sent is event["body"]',
    ),
    ("name 'ClientError' is not defined", "from botocore.exceptions import ClientError, at the top of the file"),
    ("NameError", "the spelling of this name, and the lines at the top of the file: is its import there?"),
    ("string indices must be integers", 'event["body"], which is text: json.loads makes a dict of it'),
    ("'str' object has no attribute 'get'", 'event["body"], which is text: json.loads makes a dict of it'),
    ("Float types are not supported", "the timestamp: DynamoDB takes no float; the event's requestTimeEpoch is an int"),
    ("_TABLE'", "os.environ: the function's variables are MESSAGES_TABLE and CONNECTIONS_TABLE"),
    (
        "ResourceNotFoundException",
        'the name of the table: it begins with your prefix, and os.environ["MESSAGES_TABLE"] has it',
    ),
    ("Missing the key connection_id", _CONNECTION_ID),
    ("Missing the key", "the row: it needs room_id and timestamp, the two keys of the table"),
    ("key element does not match the schema", f"Key, the whole key of the row and nothing else; {_CONNECTION_ID}"),
    ("Type mismatch for key", 'the row: put_item of a Table takes plain values, "global" and not {"S": "global"}'),
    ("PostToConnection operation", "endpoint_url, the connection id, and the except around post_to_connection"),
    ("NoRegionError", "boto3.resource and boto3.client: the region is in the environment already"),
    ("has no attribute 'lambda_handler'", "the name of your function: Lambda calls lambda_handler"),
    ("missing 1 required positional argument", "the parameters: Lambda calls lambda_handler(event, context)"),
    ("takes 1 positional argument but 2", "the parameters: Lambda calls lambda_handler(event, context)"),
)


def only_row(trial: Trial, table: str, *, look: str) -> dict[str, Any]:
    """The one row of a table."""
    rows = trial.rows(table)
    if len(rows) != 1:
        raise CheckFailed(f"one message is one row. {len(rows)} rows are in {table}. Look at: {look}.")
    return rows[0]
