"""logs: what functions print, and with ``--events`` what stages served."""

from __future__ import annotations

import click

from localstage.commands.feed import Feed, lines_of
from localstage.commands.words import complain, port_option, the_running_one
from localstage.state import ask

_LONG_S = 20.0


@click.command(short_help="Show what functions print.")
@click.argument("function", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--events", is_flag=True, help="Show the events that stages served as well.")
@port_option
def logs(function: str | None, follow: bool, events: bool, port: int | None) -> None:
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
        _show(entries, function, events)
        while follow:
            _show(feed.entries(_LONG_S), function, events)
    except OSError as error:
        complain(f"localstage at {url} does not answer any more: {error}", 1)
    except KeyboardInterrupt:
        return


def _show(entries: list[dict], function: str | None, events: bool) -> None:
    for line in lines_of(entries, function, events=events):
        click.echo(line)


def _check_name(url: str, function: str, printed: list[str]) -> None:
    """Ends the program where no function has this in its name."""
    targets = {route["target"] for stage in ask(url, "overview")["stages"] for route in stage["routes"]}
    known = sorted({name for name in {*printed, *targets} if name})
    if not any(function.lower() in name.lower() for name in known):
        complain(
            f"No function with {function!r} in its name has printed anything; there are: {', '.join(known) or 'none'}."
        )
