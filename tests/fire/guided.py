"""Input that looks for new branches by itself, with atheris: ``python -m tests.fire.guided frames --seconds 60``.

atheris has wheels for Linux and some Pythons only, so nothing here needs it but this command:
``pip install atheris``. It leaves what it has tried in the folder ``corpus-…``, from which the next run goes on, and
what fell as ``crash-…``, which belongs into a test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import click

Target = Callable[[bytes], None]


def frames() -> Target:
    """Bytes on a WebSocket's line: an end at most, and every message is text."""
    from tests.pure.test_rfc6455_cases import verdict

    def attack(data: bytes) -> None:
        if not data:
            return
        messages, _, _, endings = verdict(data)
        assert len(endings) == 1 and all(isinstance(message, str) for message in messages)

    return attack


def heads() -> Target:
    """Heads of HTTP requests: read, or left to the other server."""
    from localstage.port.wire import read_head

    def attack(data: bytes) -> None:
        request = read_head(data)
        assert request is None or (request.length >= 0 and request.target.startswith("/"))

    return attack


def selection() -> Target:
    """A route selection expression, a line end, and a message: a route that there is."""
    from localstage.core.selection import select_route

    routes = frozenset({"$default", "sendMessage"})

    def attack(data: bytes) -> None:
        expression, _, body = data.decode("utf-8", "replace").partition("\n")
        assert select_route(expression, body, routes) in routes

    return attack


def templates() -> Target:
    """Templates: read, or refused in CloudFormation's way."""
    from localstage.stacks.errors import CloudFormationError
    from localstage.stacks.template import read_template

    def attack(data: bytes) -> None:
        with suppress(CloudFormationError):
            read_template(data.decode("utf-8", "replace"))

    return attack


SEEDS = {
    "frames": (
        b"\x81\x85\0\0\0\0hello",
        b"\x01\x81\0\0\0\0a\x80\x81\0\0\0\0b",
        b"\x89\x80\0\0\0\0",
        b"\x88\x82\0\0\0\0\x03\xe8",
    ),
    "heads": (
        b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5",
    ),
    "selection": (b'$request.body.action\n{"action": "sendMessage"}', b"${request.body.a.b}x\n{}", b"$default\n"),
    "templates": (
        b"Resources: {T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Sub '${T}'}}}",
        b'{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}',
    ),
}
TARGETS = {one.__name__: one for one in (frames, heads, selection, templates)}


@click.command()
@click.argument("name", type=click.Choice(list(TARGETS)))
@click.option("--seconds", type=int, default=60, show_default=True)
def main(name: str, seconds: int) -> None:
    """Attack one reader for so long; ends with a status other than 0 if it fell, or took ten seconds for one input."""
    if not find_spec("atheris"):
        raise click.ClickException("atheris is not installed: pip install atheris (Linux, Python 3.11 to 3.13).")
    import atheris

    with atheris.instrument_imports(include=["localstage", "yaml", "websockets"]):
        attack = TARGETS[name]()
    # 70,000 bytes: more than a frame may have, and more than a template that is read without a pause.
    limits = [
        f"-max_total_time={seconds}",
        "-timeout=10",
        "-rss_limit_mb=2000",
        "-max_len=70000",
        "-print_final_stats=1",
    ]
    corpus = Path(f"corpus-{name}")
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *limits, str(corpus)], attack)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
