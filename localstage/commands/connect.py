"""connect: a WebSocket client in the terminal, and in a pipe.

Lines of standard input are sent, frames are printed on standard output, and
everything else is said on standard error.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode, urlsplit

import click

from localstage.commands.words import Duration, complain, meant, port_option, show
from localstage.state import ask

if TYPE_CHECKING:  # The other commands, such as serve, start without websockets.
    from websockets.sync.client import ClientConnection

CLOSE_CODES = {
    1000: "The connection was closed in order.",
    1001: "API Gateway closes after ten minutes without a message, after two hours in any case, and when it ends.",
    1003: "A binary frame was sent: API Gateway takes text only.",
    1005: "The connection was closed without a code.",
    1006: "The connection was cut without a close frame.",
    1008: "The server refused what was sent.",
    1009: "The message was too long: a frame may have 32 KB, a message 128 KB.",
    1011: "The server failed.",
}
"""What a close code means on API Gateway. AWS: FIDELITY section 4."""

REFUSALS = {
    400: "The handshake was malformed.",
    401: "An authorizer found no identity, or $connect answered 401.",
    403: "There is no such stage, or an authorizer, an API key or the $connect route refused.",
    410: "The API has gone.",
    421: "localstage answers for this machine and AWS's hosts.",
    429: "The stage's throttle has no place for another connection now.",
    500: "API Gateway may not call the function of $connect, or that returned 500; see: localstage logs --events",
    502: "The function of $connect raised, or returned no valid answer; see: localstage logs --events",
}
"""What the status of a refused handshake means. AWS: FIDELITY section 3."""


@click.command(short_help="Talk to a WebSocket API from the terminal.")
@click.argument("url", required=False)
@click.option("--as", "name", metavar="NAME", help="Add ?name=NAME, which many chats read in $connect.")
@click.option("--query", "-q", multiple=True, metavar="KEY=VALUE", help="Add to the query string.")
@click.option("--header", "-H", multiple=True, metavar="NAME:VALUE", help="Send a header with the handshake.")
@click.option(
    "--wait", type=Duration(), default="2s", show_default=True, help="In a pipe: end after so long without a frame."
)
@click.option("--frames", type=click.IntRange(1), default=None, help="End after so many frames.")
@port_option
def connect(
    url: str | None,
    name: str | None,
    query: tuple[str, ...],
    header: tuple[str, ...],
    wait: float,
    frames: int | None,
    port: int | None,
) -> None:
    """Connect to URL, send each line that is typed or piped in, and print each frame that comes.

    URL is the stage's, ws:// or wss://; it may be left out if one stage is served. Ctrl-D closes.
    """
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
    from websockets.sync.client import connect as open_connection

    pairs = [_pair(word, "=") for word in query] + ([("name", name)] if name is not None else [])
    place = _with_query(_by_the_port(url, port), pairs)
    try:
        with open_connection(
            place, additional_headers=[_pair(word, ":") for word in header], proxy=None, max_size=None, compression=None
        ) as connection:
            _note(f"Connected to {place}.{' Ctrl-D closes.' if sys.stdin.isatty() else ''}")
            status = _Talk(connection, wait, frames).run()
    except InvalidStatus as refused:
        code = refused.response.status_code
        body = refused.response.body.decode("utf-8", "replace").strip() if refused.response.body else ""
        complain(f"The handshake was refused with {code} {body}. {REFUSALS.get(code, '')}".rstrip(), 1)
    except InvalidURI:
        _complain_of_url(place)
    except ValueError as error:  # A port that is none, a name that IDNA does not know, a header of two lines.
        complain(f"{place!r} cannot be asked for: {error}.")
    except (OSError, InvalidHandshake) as error:
        complain(f"{place} cannot be reached: {error}.", 1)
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


class _Talk:
    """Lines to the connection and frames from it, each in a thread, until one side has enough."""

    def __init__(self, connection: ClientConnection, wait_s: float, frames: int | None):
        self._connection = connection
        self._wait_s = wait_s
        self._frames = frames
        self._received = Event()
        self._enough = Event()

    def run(self) -> int:
        """The exit status: 0 if we closed, or the other side did in order."""
        reader = Thread(target=self._print_frames, daemon=True)
        reader.start()
        Thread(target=self._send_lines, daemon=True).start()
        self._enough.wait()
        from websockets.protocol import State

        protocol = self._connection.protocol
        by_them = protocol.state is not State.OPEN
        self._connection.close()
        reader.join()
        if not by_them:
            return 0
        code = protocol.close_code or 1006
        reason = f" {protocol.close_reason!r}" if protocol.close_reason else ""
        _note(f"Closed with {code}{reason}. {CLOSE_CODES.get(code, '')}")
        return 0 if code in (1000, 1005) else 1

    def _print_frames(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            for number, frame in enumerate(self._connection, 1):
                show(frame if isinstance(frame, str) else repr(frame))
                self._received.set()
                if number == self._frames:
                    self._enough.set()
        self._enough.set()

    def _send_lines(self) -> None:
        """Sends each line; at the end of a pipe waits until no frame has come for so long."""
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            for line in sys.stdin:
                self._connection.send(line.rstrip("\r\n"))
            while not sys.stdin.isatty() and self._received.wait(self._wait_s):
                self._received.clear()
        self._enough.set()


def _by_the_port(url: str | None, port: int | None) -> str:
    """The address to connect to: AWS's own name of a stage becomes that by localstage's port."""
    try:
        host = urlsplit(url).hostname or "" if url else ""
    except ValueError:
        _complain_of_url(url)
    if url and ".execute-api." not in host:
        return url
    found = [stage for one in meant(port) for stage in _stages(one.access.url)]
    if url:
        wanted = url.partition("?")[0].rstrip("/")
        local = next((stage["local_url"] for stage in found if stage["url"] == wanted), None)
        if local is None:
            complain(f"No running localstage serves {wanted}; it serves: {_listed(found, 'url')}.", 1)
        return local + (f"?{urlsplit(url).query}" if urlsplit(url).query else "")
    if not found:
        complain("No running localstage serves a stage; deploy one, or name the URL.", 1)
    if len(found) > 1:
        complain(f"Say which stage is meant: {_listed(found, 'local_url')}.")
    return found[0]["local_url"]


def _complain_of_url(url: str | None) -> NoReturn:
    complain(f"{url!r} is no WebSocket URL; it begins with ws:// or wss://.")


def _stages(url: str) -> list[dict]:
    try:
        return ask(url, "overview")["stages"]
    except OSError:
        return []


def _listed(stages: list[dict], key: str) -> str:
    return ", ".join(stage[key] for stage in stages) or "none"


def _with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


def _pair(word: str, sign: str) -> tuple[str, str]:
    name, found, value = word.partition(sign)
    if not found or not name:
        complain(f"{word!r} is not a name and a value with {sign!r} between them.")
    return name, value.strip()


def _note(sentence: str) -> None:
    click.secho(sentence, dim=True, err=True)
