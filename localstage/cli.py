"""The command line ``localstage``: its commands put together, and what ``--help`` says first.

Bad input ends with one sentence on standard error and exit status 2. What a
command does is in ``commands/``.
"""

from __future__ import annotations

import click

from localstage import __version__
from localstage.commands import process

_EXAMPLES = """\b
Examples:
  localstage serve                       run it in this terminal until Ctrl-C
  localstage run -- python chat.py       a program with a localstage of its own
  eval "$(localstage env)"               lead this terminal's programs to it
  localstage status                      where it runs
  localstage stop                        end it
"""


@click.group(epilog=_EXAMPLES)
@click.version_option(__version__, message="localstage %(version)s")
def main() -> None:
    """localstage stands where AWS stands, for WebSocket APIs on your own machine."""


for command in (process.serve, process.run, process.env, process.status, process.stop):
    main.add_command(command)
