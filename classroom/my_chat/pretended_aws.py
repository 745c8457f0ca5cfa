"""A pretended DynamoDB and a pretended API Gateway, for one handler in a process of its own.

Every HTTP request of botocore ends here instead of at AWS: nothing leaves the
process. Tables hold rows; connections receive what is posted to them, or fail
as they are told. Only what a chat handler calls is pretended; anything else is
refused by name. Shapes as on the wire: DynamoDB's JSON, ``{"S": "text"}``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

ACCOUNT_ID = "123456789012"
PREFIX = "trial-"
"""What the names of the pretended tables begin with, as a learner's prefix does."""
KEYS = {
    "ChatMessages": {"room_id": "S", "timestamp": "N"},
    "ChatConnections": {"connection_id": "S"},
    "ChatSessions": {"connection_id": "S"},
    "ChatMembers": {"room_id": "S", "connection_id": "S"},
    "ChatHistory": {"room_id": "S", "number": "N"},
}
PATIENCE_S = 1.0
"""How long a slow connection waits for the others to be served, before it says that they had to wait for it."""
Row = dict[str, dict[str, Any]]


class Refused(Exception):
    """An answer of AWS that is an error: its status, its code and its message."""

    def __init__(self, status: int, code: str, message: str = ""):
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


class PretendedAws:
    """The tables and the connections. Thread-safe: a handler may post from many threads."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {name: [] for name in KEYS}
        self.tables_fail = False
        self.received: dict[str, list[str]] = {}
        self.faults: dict[str, str] = {}
        """What is wrong with a connection: gone, throttled or slow."""
        self.page_size: int | None = None
        self.clock_stands = False
        self.permissions: list[dict[str, Any]] | None = None
        """The statements that say what the handler may do; None lets it do everything."""
        self.calls: list[str] = []
        self.needs: list[tuple[str, str, bool]] = []
        """What each call needed permission for: its action, its resource, and whether it was allowed."""
        self.waited_for: list[str] = []
        """Slow connections that made the others wait."""
        self._changed = threading.Condition()

    def send(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        """Answer one HTTP request of botocore: status, headers, body."""
        try:
            target = request.headers.get("X-Amz-Target", b"")
            target = target.decode() if isinstance(target, bytes) else target
            if "/@connections/" in request.url:
                return self._connections(request)
            if target.startswith("DynamoDB_"):
                return 200, {}, json.dumps(self._dynamodb(target.rpartition(".")[2], json.loads(request.body))).encode()
            raise Refused(400, "NotPretended", f"{urlsplit(request.url).hostname} is not pretended here")
        except Refused as refused:
            body = {"__type": f"com.amazonaws#{refused.code}", "message": refused.message}
            return refused.status, {"x-amzn-errortype": refused.code}, json.dumps(body).encode()

    def _need(self, action: str, service: str, rest: str, status: int) -> None:
        """Note what a call needs permission for. Raises ``Refused`` with this status if the handler may not do it."""
        resource = f"arn:aws:{service}:us-east-1:{ACCOUNT_ID}:{rest}"
        refusal = None
        if self.permissions is not None:
            from classroom.my_chat.pretended_iam import refusal_of  # here, because few trials need it

            refusal = refusal_of(self.permissions, action, resource)
        self.needs.append((action, resource, refusal is None))
        if refusal:
            raise Refused(status, "AccessDeniedException", refusal)

    # @connections

    def _connections(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        connection_id = unquote(request.url.rpartition("/")[2])
        api, _, place = request.url.partition("/@connections/")[0].partition("://")[2].partition("/")
        self.calls.append(f"{request.method} {request.url.partition('/@connections/')[0]}")
        self._need(
            "execute-api:ManageConnections",
            "execute-api",
            f"{api.partition('.')[0]}/{place}/{request.method}/@connections/{connection_id}",
            403,
        )
        fault = self.faults.get(connection_id, "" if connection_id in self.received else "gone")
        if fault == "gone":
            raise Refused(410, "GoneException")
        if fault == "throttled":
            raise Refused(429, "LimitExceededException", "Rate exceeded")
        data = request.body if isinstance(request.body, bytes) else bytes(request.body or b"")
        if len(data) > 128 * 1024:
            raise Refused(413, "PayloadTooLargeException")
        with self._changed:
            if fault == "slow" and not self._changed.wait_for(self._others_are_served, PATIENCE_S):
                self.waited_for.append(connection_id)
            if request.method == "POST":
                self.received[connection_id].append(data.decode())
            self._changed.notify_all()
        return 200, {}, b""

    def _others_are_served(self) -> bool:
        served = {len(frames) for one, frames in self.received.items() if one not in self.faults}
        return len(served) <= 1 and served != {self._before}

    _before = 0

    def begin_event(self) -> None:
        """Note what everybody has received so far, so that a slow connection knows what the others are waiting for."""
        self._before = max((len(frames) for one, frames in self.received.items() if one not in self.faults), default=0)
        self.calls.clear()
        self.needs.clear()
        self.waited_for.clear()

    # DynamoDB

    def _dynamodb(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        act: Callable[..., dict[str, Any]] | None = getattr(self, f"_{operation}", None)
        if act is None:
            raise Refused(400, "UnknownOperationException", f"{operation} is not pretended here")
        asked = given.get("TableName", "")
        self._need(f"dynamodb:{operation}", "dynamodb", f"table/{asked}", 400)
        name = asked.removeprefix(PREFIX)
        if not asked.startswith(PREFIX) or name not in self.tables:
            raise Refused(400, "ResourceNotFoundException", f"Requested resource not found: Table: {asked} not found")
        if self.tables_fail:
            raise Refused(500, "InternalServerError", "Internal server error")
        kinds = {attribute: kind for attribute, value in given.get("Key", {}).items() for kind in value}
        if "Key" in given and kinds != KEYS[name]:  # AWS's words, as boto3's issue 1270 shows them
            raise Refused(400, "ValidationException", "The provided key element does not match the schema")
        with self._changed:
            return act(name, self.tables[name], given)

    def _PutItem(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        item = given["Item"]
        old = _row_at(name, rows, item)
        _meet(given, old or {})
        return self._replace(name, rows, old, item)

    def _UpdateItem(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        old = _row_at(name, rows, given["Key"])
        _meet(given, old or {})
        return self._replace(name, rows, old, {**(old or given["Key"]), **_assigned(name, given, old or {})})

    def _replace(self, name: str, rows: list[Row], old: Row | None, new: Row) -> dict[str, Any]:
        if old is not None:
            rows.remove(old)
        rows.append(new)
        rows.sort(key=lambda row: [_plain(row[one]) for one in KEYS[name]])
        return {}

    def _GetItem(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        found = _row_at(name, rows, given["Key"])
        return {"Item": found} if found is not None else {}

    def _DeleteItem(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        old = _row_at(name, rows, given["Key"])
        _meet(given, old or {})
        if old is not None:
            rows.remove(old)
        return {"Attributes": old} if old is not None and given.get("ReturnValues") == "ALL_OLD" else {}

    def _Scan(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        return self._page(name, rows, given)

    def _Query(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        key = next(iter(KEYS[name]))
        values = given.get("ExpressionAttributeValues", {})
        expression = given.get("KeyConditionExpression")
        if expression:
            found = [row for row in rows if _Condition(expression, given, row).holds()]
        else:  # KeyConditions, which came before expressions
            found = [row for row in rows if row[key] in values.values()]
        answer = self._page(name, found if given.get("ScanIndexForward", True) else found[::-1], given)
        if given.get("FilterExpression"):  # what is left out was read, and a page may end with nothing on it
            rest = [row for row in answer["Items"] if _Condition(given["FilterExpression"], given, row).holds()]
            answer |= {"Items": rest, "Count": len(rest)}
        return answer

    def _page(self, name: str, rows: list[Row], given: dict[str, Any]) -> dict[str, Any]:
        start = given.get("ExclusiveStartKey")
        keys = [_key(name, row) for row in rows]
        first = keys.index(_key(name, start)) + 1 if start and _key(name, start) in keys else 0
        size = min(given.get("Limit") or len(rows) or 1, self.page_size or len(rows) or 1)
        page = rows[first : first + size]
        answer: dict[str, Any] = {"Items": page, "Count": len(page), "ScannedCount": len(page)}
        if page and first + size < len(rows):
            answer["LastEvaluatedKey"] = {one: page[-1][one] for one in KEYS[name]}
        return answer


def _key(name: str, item: Row) -> tuple[str, ...]:
    """The key of an item. Raises what DynamoDB answers when a part is missing, or of another type."""
    for attribute, kind in KEYS[name].items():
        if attribute not in item:
            raise Refused(
                400,
                "ValidationException",
                f"One or more parameter values were invalid: Missing the key {attribute} in the item",
            )
        [found] = item[attribute]
        if found != kind:
            raise Refused(
                400,
                "ValidationException",
                "One or more parameter values were invalid: "
                f"Type mismatch for key {attribute} expected: {kind} actual: {found}",
            )
    return tuple(str(_plain(item[attribute])) for attribute in KEYS[name])


def _row_at(name: str, rows: list[Row], key: Row) -> Row | None:
    """The row with the key of ``key``, which may have more than its key; None if there is none."""
    wanted = _key(name, key)
    return next((row for row in rows if _key(name, row) == wanted), None)


_SET = re.compile(r"\s*([#\w]+)\s*=\s*(?:if_not_exists\s*\(\s*([#\w]+)\s*,\s*)?([:#]?\w+)\s*\)?\s*(?:,|$)")


def _assigned(name: str, given: dict[str, Any], row: Row) -> Row:
    """What an update expression makes of its attributes. Pretended: SET with values, attributes and if_not_exists."""
    words = given["UpdateExpression"].strip()
    if not re.match(r"(?i)set\s", words):
        raise Refused(400, "NotPretended", f"an UpdateExpression that does not begin with SET: {words}")
    rest, changed = words[3:], {}
    while rest.strip():
        found = _SET.match(rest)
        if not found:
            raise Refused(400, "NotPretended", f"this part of an UpdateExpression: {rest.strip()}")
        target, unless, value = found.groups()
        kept = _value_of(unless, given, row, "UpdateExpression") if unless else None
        new = kept or _value_of(value, given, row, "UpdateExpression")
        attribute = given.get("ExpressionAttributeNames", {}).get(target, target)
        _refuse_reserved(target, "UpdateExpression")
        if attribute in KEYS[name]:
            raise Refused(
                400,
                "ValidationException",
                "One or more parameter values were invalid: "
                f"Cannot update attribute {attribute}. This attribute is part of the key",
            )
        if new is None:
            raise Refused(
                400,
                "ValidationException",
                "Invalid UpdateExpression: An expression attribute value used in expression is not defined; "
                f"attribute value: {value}",
            )
        changed[attribute] = new
        rest = rest[found.end() :]
    return changed


_TERM = re.compile(r"\s*(\(|\)|,|<>|<=|>=|=|<|>|[:#]?\w+)")


def _meet(given: dict[str, Any], old: Row) -> None:
    """Raise the refusal of a conditional write whose condition the row in place does not meet."""
    expression = given.get("ConditionExpression")
    if expression and not _Condition(expression, given, old).holds():
        raise Refused(400, "ConditionalCheckFailedException", "The conditional request failed")


class _Condition:
    """A condition expression: comparisons, attribute_exists, attribute_not_exists, NOT, AND, OR and parentheses."""

    def __init__(self, expression: str, given: dict[str, Any], row: Row):
        self._terms = _TERM.findall(expression)
        self._given = given
        self._row = row

    def holds(self) -> bool:
        return self._either()

    def _either(self) -> bool:
        result = self._both()
        while self._is("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._not()
        while self._is("AND"):
            result = self._not() and result
        return result

    def _not(self) -> bool:
        if self._is("NOT"):
            return not self._not()
        if self._is("("):
            result = self._either()
            self._is(")")
            return result
        term = self._terms.pop(0)
        if term.lower() in ("attribute_exists", "attribute_not_exists"):
            self._is("(")
            there = self._value(self._terms.pop(0)) is not None
            self._is(")")
            return there == (term.lower() == "attribute_exists")
        compare = self._terms.pop(0)
        one, other = self._value(term), self._value(self._terms.pop(0))
        if compare in ("=", "<>"):
            return (one == other) == (compare == "=")
        if one is None or other is None:
            return False
        a, b = _plain(one), _plain(other)
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[compare]

    def _is(self, word: str) -> bool:
        if self._terms and self._terms[0].upper() == word:
            self._terms.pop(0)
            return True
        return False

    def _value(self, term: str) -> dict[str, Any] | None:
        return _value_of(term, self._given, self._row, "ConditionExpression")


def _value_of(term: str, given: dict[str, Any], row: Row, expression: str) -> dict[str, Any] | None:
    """What a term of an expression stands for: a value of the call, or an attribute of the row; None if there is none."""
    if term.startswith(":"):
        return given.get("ExpressionAttributeValues", {}).get(term)
    _refuse_reserved(term, expression)
    name = given.get("ExpressionAttributeNames", {}).get(term) if term.startswith("#") else term
    return row.get(name or "")


def _refuse_reserved(term: str, expression: str) -> None:
    """DynamoDB wants an alias such as #name for some words. Those that a chat comes to are refused here, too."""
    if term.lower() in ("timestamp", "name", "connection", "user", "duration"):
        raise Refused(400, "ValidationException", f"Invalid {expression}: Attribute name is a reserved keyword: {term}")


def _plain(value: dict[str, Any]) -> Any:
    [(kind, inner)] = value.items()
    return float(inner) if kind == "N" else inner


class RawAnswer(BytesIO):
    """The body of an answer as botocore reads it from a connection."""

    def stream(self, amount: int = 65536, decode_content: bool = False) -> Any:
        while chunk := self.read(amount):
            yield chunk
