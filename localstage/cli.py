"""The command line ``localstage``: its commands put together, and what ``--help`` says first.

Bad input ends with one sentence on standard error and exit status 2. What a
command does is in ``commands/``.
"""

from __future__ import annotations

import click

from localstage import __version__
from localstage.commands import process
from localstage.commands.connect import connect
from localstage.commands.deploy import deploy
from localstage.commands.install import install
from localstage.commands.logs import logs

_EXAMPLES = """\b
Examples:
  localstage deploy template.yaml --watch    deploy it, and again as it changes
  localstage connect --as alice              talk to it from this terminal
  localstage run -- python -m pytest         a program with a stage of its own
  localstage serve                           a stage for all programs
  eval "$(localstage env)"                   lead this terminal's programs there
"""


@click.group(epilog=_EXAMPLES)
@click.version_option(__version__, message="localstage %(version)s")
def main() -> None:
    """localstage stands where AWS stands, for WebSocket APIs on your own machine."""


for command in (process.serve, process.run, process.env, process.status, process.stop, deploy, logs, connect, install):
    main.add_command(command)
