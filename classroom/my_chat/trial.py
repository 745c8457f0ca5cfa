"""A trial: a handler file runs on this machine, in a process of its own, with a pretended DynamoDB and pretended people.

Nothing of it touches AWS, so it takes milliseconds, and things can go wrong
that cannot be ordered from AWS: a connection is gone, throttled or slow, a scan
answers in small pages, two messages come in one instant.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from classroom.errors import OneSentence
from classroom.my_chat import trial_start

BEGAN_MS = 1_795_275_417_000
_HANDLED_WITHIN_S = 15.0
_STARTED_WITHIN_S = 60.0
DOMAIN = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"


class TrialFailed(OneSentence, RuntimeError):
    """A trial could not go on; the sentence says why."""


@dataclass(frozen=True)
class Outcome:
    """What became of one event: what the handler returned, or its ``error`` with the ``line``, and what it printed."""

    result: Any
    error: str
    line: str
    printed: str
    calls: tuple[str, ...] = field(default=(), repr=False)
    """What the handler asked of AWS, in order: ``PutItem``, ``Scan``, ``POST`` with the host it was sent to."""
    needs: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """What each call needed permission for: its action and the ARN of its resource."""
    denied: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Those of ``needs`` that were denied."""

    def __repr__(self) -> str:
        where = f" ({self.line})" if self.line else ""
        ended = f"raised {self.error}{where}" if self.error else f"returned {self.result!r}"
        return "\n".join([ended, *(f"printed {line}" for line in self.printed.splitlines())])


class Trial:
    """One execution environment with one handler, and the people who chat in it. Ends with ``close``, or by itself."""

    def __init__(self, files: dict[str, str], module: str, variables: dict[str, str] | None = None):
        self._answers: queue.Queue[str] = queue.Queue()
        self._process = trial_start.start(variables or {})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._people: dict[str, int] = {}
        self._faults: dict[str, str] = {}
        self._events = 0
        self._now_ms = BEGAN_MS
        self._clock_stands = False
        self._state: dict[str, Any] = {}
        self._tell({"files": files, "module": module}, _STARTED_WITHIN_S)

    # People

    def connect(self, *names: str) -> Outcome:
        """People connect, one after the other; the last one's outcome."""
        outcome = None
        for name in names:
            self._people[name] = self._tick()
            outcome = self.handle(self.event("$connect", name))
            self._tell({"set": {"received": {**self._received(), _id_of(name): []}}})
        if outcome is None:
            raise TrialFailed("connect needs the name of somebody who connects.")
        return outcome

    def connect_elsewhere(self, name: str) -> None:
        """Somebody connects, and another execution environment handles it: the row is there, this handler saw nothing."""
        self._people[name] = self._tick()
        self.put("ChatConnections", connection_id=_id_of(name))
        self._tell({"set": {"received": {**self._received(), _id_of(name): []}}})

    def put(self, table: str, **attributes: Any) -> None:
        """Put a row into a table, such as ``ChatSessions``, as something else would have done before."""
        tables = self._state["tables"]
        row = {key: TypeSerializer().serialize(value) for key, value in attributes.items()}
        self._tell({"set": {"tables": {**tables, table: [*tables[table], row]}}})

    def leave(self, name: str, code: int = 1001) -> Outcome:
        """Somebody leaves, and ``$disconnect`` is called with their close code, which is 1001 for a closed tab.

        AWS: FIDELITY sections 1 and 4.
        """
        event = self.event("$disconnect", name)
        event["requestContext"] |= {"disconnectStatusCode": code, "disconnectReason": ""}
        outcome = self.handle(event)
        self.vanish(name)
        return outcome

    def vanish(self, name: str) -> None:
        """Somebody is gone and no ``$disconnect`` is called: whoever posts to them now gets 410, GoneException."""
        self.fault(name, "gone")

    def fault(self, name: str, kind: str = "") -> None:
        """Make a connection ``gone`` (410), ``throttled`` (429) or ``slow``, or well again with ""."""
        if kind not in ("", "gone", "throttled", "slow"):
            raise TrialFailed(f"A connection can be gone, throttled or slow, not {kind!r}.")
        self._faults = {**self._faults, _id_of(name): kind}
        self._tell({"set": {"faults": {key: value for key, value in self._faults.items() if value}}})

    def send(self, name: str, text: Any) -> Outcome:
        """Somebody sends a chat message."""
        return self.send_body(name, {"action": "sendMessage", "sender": name, "message": text})

    def send_body(self, name: str, body: Any) -> Outcome:
        """Somebody sends this to the route ``sendMessage``: a text as it is, anything else as JSON."""
        return self.handle(self.event("sendMessage", name, body))

    def screen(self, name: str) -> list[Any]:
        """What somebody has received: frames of JSON as Python values, other frames as text."""
        frames = []
        for text in self._received().get(_id_of(name), []):
            try:
                frames.append(json.loads(text))
            except ValueError:
                frames.append(text)
        return frames

    # The pretended AWS

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, such as ``ChatMessages``, with plain values."""
        return [{key: _plain(value) for key, value in row.items()} for row in self._state["tables"][table]]

    def pages_of(self, size: int) -> None:
        """Let every scan and query answer in pages of so many rows."""
        self._tell({"set": {"page_size": size}})

    def break_tables(self) -> None:
        """Let DynamoDB answer everything with InternalServerError from now on."""
        self._tell({"set": {"tables_fail": True}})

    def permit(self, *statements: dict[str, Any]) -> None:
        """Let the handler do what these statements of a policy allow, and nothing else: without any, nothing."""
        self._tell({"set": {"permissions": list(statements)}})

    def deny(self, *actions: str) -> None:
        """Let the handler do everything but these actions, such as ``dynamodb:Scan``."""
        self.permit({"Effect": "Allow", "NotAction": list(actions), "Resource": "*"})

    def stop_the_clock(self, *, function_too: bool = False) -> None:
        """Let all further messages arrive in one and the same millisecond.

        With ``function_too``, ``time.time`` and ``time.time_ns`` stand still in the handler, too.
        """
        self._clock_stands = True
        if function_too:
            self._tell({"set": {"clock_stands": True}})

    @property
    def waited_for(self) -> list[str]:
        """The slow people for whom the others had to wait, at the last event."""
        names = {_id_of(name): name for name in self._people}
        return [names.get(one, one) for one in self._state["waited_for"]]

    def id_of(self, name: str) -> str:
        """The connection id of somebody."""
        return _id_of(name)

    # Events

    def event(self, route: str, name: str, body: Any = None) -> dict[str, Any]:
        """An event as API Gateway makes it. AWS: FIDELITY section 1."""
        self._events += 1
        now = self._now_ms if self._clock_stands else self._tick()
        kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
        request = {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": f"trial{self._events}=",
            "requestTime": "21/Nov/2026:12:16:57 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": self._people.get(name, BEGAN_MS),
            "requestTimeEpoch": now,
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": f"trial{self._events}=",
            "domainName": DOMAIN,
            "connectionId": _id_of(name),
            "apiId": DOMAIN.partition(".")[0],
        }
        if kind == "MESSAGE":
            request["messageId"] = f"message{self._events}="
        event: dict[str, Any] = {"requestContext": request, "isBase64Encoded": False}
        if kind == "MESSAGE":
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        if kind == "CONNECT":
            event |= {"headers": {"Host": DOMAIN}, "multiValueHeaders": {"Host": [DOMAIN]}}
        return event

    def handle(self, event: dict[str, Any]) -> Outcome:
        """Give the handler one event. Raises ``TrialFailed`` when it does not end."""
        found = self._tell({"event": event})
        return Outcome(
            found.get("result"),
            found.get("error", ""),
            found.get("line", ""),
            found["printed"],
            tuple(found["calls"]),
            tuple((action, resource) for action, resource, _ in found["needs"]),
            tuple((action, resource) for action, resource, allowed in found["needs"] if not allowed),
        )

    def close(self) -> None:
        """End the handler's process; harmless when it has ended."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._process.poll() is None:
            self.close()

    def __repr__(self) -> str:
        people = ", ".join(self._people) or "nobody yet"
        return f"<a trial of your handler, with {people}>"

    # Inside

    def _received(self) -> dict[str, list[str]]:
        return self._state["received"]

    def _tick(self) -> int:
        self._now_ms += 1_009
        return self._now_ms

    def _tell(self, command: dict[str, Any], within_s: float = _HANDLED_WITHIN_S) -> dict[str, Any]:
        try:
            self._process.stdin.write(json.dumps(command) + "\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
            line = self._answers.get(timeout=within_s)
        except queue.Empty:
            line = json.dumps({"endless": within_s})
        except OSError:
            line = ""
        if not line:
            raise TrialFailed("The process of your handler has ended: make a new trial.")
        found = json.loads(line)
        if "endless" in found:
            self.close()
            raise TrialFailed(
                f"Your handler was still running after {found['endless']:g} s and was stopped: "
                "is there a loop that never ends?"
            )
        self._state = found
        return found

    def _read(self) -> None:
        for line in self._process.stdout:  # type: ignore[union-attr]
            self._answers.put(line)
        self._answers.put("")


def _id_of(name: str) -> str:
    """A connection id that looks like AWS's and is the same for the same name."""
    return f"Trial{name.capitalize()}="


def _plain(value: dict[str, Any]) -> Any:
    [(kind, inner)] = value.items()
    if kind == "N":
        return int(inner) if inner.lstrip("-").isdigit() else float(inner)
    if kind == "M":
        return {key: _plain(one) for key, one in inner.items()}
    if kind == "L":
        return [_plain(one) for one in inner]
    return None if kind == "NULL" else inner
