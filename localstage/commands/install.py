"""install: what localstage can use and does not bring."""

from __future__ import annotations

import time

import click

from localstage.commands.words import complain


@click.command(short_help="Install what localstage can use and does not bring: node-sdk.")
@click.argument("what", type=click.Choice(["node-sdk"]))
def install(what: str) -> None:
    """Install the AWS SDK for JavaScript (node-sdk) for Node.js functions, which have it on Lambda.

    npm fetches it, about 40 MB, into a folder of your own; every localstage of
    yours finds it there. Again, it brings the newest version.
    """
    from localstage.functions.runtimes import Node
    from localstage.project.npm import SDK, NpmFailed, install_sdk

    folder = Node().sdk
    click.echo(f"npm installs {len(SDK)} packages of the AWS SDK into {folder}")
    began = time.monotonic()
    try:
        install_sdk(folder)
    except NpmFailed as error:
        complain(str(error), 1)
    size_mb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    click.echo(
        f"Installed in {time.monotonic() - began:.0f} s, {size_mb:.0f} MB; Node.js functions have it from now on."
    )
