"""logs: what happens on a running localstage, line by line: functions' output, and with ``--events`` served events.

``deploy`` follows the same feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import click

from localstage.commands.words import complain, port_option, show, the_running_one
from localstage.hints import hint_for
from localstage.state import ask

_PLATFORM = re.compile(r"(START|END|REPORT) RequestId:|INIT_(START|REPORT) |\[WARNING\]\s.*LAMBDA_WARNING:")
_WIDTH = 18
_LONG_S = 20.0


@click.command(short_help="Show what functions print.")
@click.argument("function", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--events", is_flag=True, help="Show the events that stages served as well.")
@click.option("--platform", is_flag=True, help="Show Lambda's own lines as well: START, END, REPORT.")
@port_option
def logs(function: str | None, follow: bool, events: bool, platform: bool, port: int | None) -> None:
    """Show what functions have printed lately: all, or those with FUNCTION in their names.

    These are the newest 2,000 lines of all functions together. CloudWatch Logs
    has more: aws logs tail /aws/lambda/NAME.
    """
    url = the_running_one(port).access.url
    feed = Feed(url)
    try:
        entries = feed.entries()
        if function is not None:
            _check_name(url, function, [entry.get("function", "") for entry in entries])
        lines = list(lines_of(entries, function, events=events, platform=platform))
        if not lines:
            click.echo(f"Nothing was printed yet.{'' if events else ' --events shows what stages served.'}", err=True)
        while True:
            for line in lines:
                show(line)
            if not follow:
                return
            lines = list(lines_of(feed.entries(_LONG_S), function, events=events, platform=platform))
    except OSError as error:
        complain(f"localstage at {url} does not answer any more: {error}", 1)
    except KeyboardInterrupt:
        return


def _check_name(url: str, function: str, printed: list[str]) -> None:
    """Ends the program where no function has this in its name."""
    targets = {route["target"] for stage in ask(url, "overview")["stages"] for route in stage["routes"]}
    known = sorted({name for name in {*printed, *targets} if name})
    if not any(function.lower() in name.lower() for name in known):
        complain(
            f"No function with {function!r} in its name has printed anything; there are: {', '.join(known) or 'none'}."
        )


def hints_of(entries: Iterable[dict[str, Any]], given: set[str]) -> Iterator[str]:
    """The likely causes of the errors among the entries, each once as long as ``given`` is kept."""
    for entry in entries:
        hint = hint_for(entry["text"]) if entry["kind"] == "line" else _hint_for_event(entry)
        if hint is not None and hint not in given:
            given.add(hint)
            yield click.style(f"  likely cause: {hint}", fg="yellow")


def _hint_for_event(entry: dict[str, Any]) -> str | None:
    if entry["kind"] == "event" and (entry["route"], entry["status"]) == ("-", 403):
        return (
            "No route of the deployed API fits the message, and there is no $default; it is no matter of permissions."
        )
    return None


class Feed:
    """The entries of one localstage, each once, beginning with the oldest that it still has."""

    def __init__(self, url: str):
        self._url = url
        self._last = 0
        self._pid: int | None = None

    def entries(self, wait_s: float = 0.0) -> list[dict[str, Any]]:
        """What is new, oldest first; waits so long if nothing is. Raises OSError once localstage has ended."""
        found = ask(self._url, f"activity?after={self._last}&wait={wait_s:g}", wait_s + 10)
        if self._pid not in (None, found["pid"]):
            raise OSError("it has been started anew, and what it held is gone")
        self._pid, self._last = found["pid"], found["last"]
        return found["entries"]

    def skip(self) -> None:
        """Passes over what has happened so far."""
        self.entries()


def lines_of(
    entries: Iterable[dict[str, Any]], functions: str | None = None, *, events: bool = True, platform: bool = True
) -> Iterator[str]:
    """The entries as lines; with ``functions`` only those of functions with this in their names.

    ``platform`` are the lines that Lambda itself writes around each invocation.
    """
    for entry in entries:
        at = datetime.fromtimestamp(entry["at_ms"] / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        if entry["kind"] == "line":
            is_wanted = functions is None or functions.lower() in entry["function"].lower()
            if is_wanted and (platform or not _PLATFORM.match(entry["text"])):
                yield _line(at, entry["function"], entry["text"])
        elif entry["kind"] == "event" and events:
            yield _event(at, entry)


def _line(at: str, function: str, text: str) -> str:
    who = click.style(short(function).ljust(_WIDTH), fg="cyan")
    what = click.style(text, dim=True) if _PLATFORM.match(text) else text.replace("\n", f"\n{' ' * (_WIDTH + 14)}")
    return f"{click.style(at, dim=True)}  {who}  {what}"


def _event(at: str, event: dict[str, Any]) -> str:
    good = event["status"] < 400
    latency = "" if event["latency_ms"] is None else f"  {event['latency_ms']} ms"
    error = f"  {event['error']}" if event["error"] else ""
    who = click.style(event["route"].ljust(_WIDTH), fg="green" if good else "red", bold=True)
    return f"{click.style(at, dim=True)}  {who}  {event['status']}{latency}  {event['connection_id']}{error}"


def short(function: str) -> str:
    """A function's name without what CloudFormation put around it: chat-Connect-1A2B3C4D5E6F is Connect."""
    parts = function.split("-")
    random = len(parts[-1]) >= 12 and parts[-1].isalnum() and parts[-1].isupper()
    return parts[-2] if random and len(parts) > 2 else function  # A logical id has no hyphen, a stack's name may have.
