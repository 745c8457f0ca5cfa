"""The words after course.py: its commands and their options, and one sentence for what is not one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

TARGETS = ("moto", "live")
PREFIX = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")
PREFIX_RULE = "it must be 1 to 20 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen"


class _Words(argparse.ArgumentParser):
    """An argument parser that complains in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"course.py: {message}; see: python3 course.py --help\n")


def read_words(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options and, for ``test`` and ``bench``, what is meant for those. Ends the process with status 2 on bad input."""
    parser = _Words(prog="course.py", description="Makes .venv, installs the course's packages, starts the course.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab, with localstage", allow_abbrev=False)
    test = commands.add_parser("test", help="run the whole test suite; other words go to pytest", allow_abbrev=False)
    bench = commands.add_parser(
        "bench", help="measure localstage's speed and memory; other words go to the benchmark", add_help=False
    )
    live = commands.add_parser(
        "live", help="look whether AWS is ready for a class, then open the notebooks on it", allow_abbrev=False
    )
    clean = commands.add_parser(
        "clean", help="delete what the course has made, and prove that nothing is left", allow_abbrev=False
    )
    progress = commands.add_parser(
        "progress", help="show which exercises are done, yours or a class's", allow_abbrev=False
    )
    progress.add_argument(
        "--class", dest="folder", metavar="FOLDER", help="one table of the progress files in a folder"
    )
    progress.add_argument("--json", action="store_true", help="print JSON")
    progress.add_argument("--junit", action="store_true", help="print JUnit's XML")
    live.add_argument("--check", action="store_true", help="look only: credentials, permissions, quotas, costs")
    live.set_defaults(target="live")
    for command in (lab, clean):
        command.add_argument("--target", help="moto (localstage) or live (AWS); default: CHAT_TARGET, else moto")
    for command in (lab, live):
        command.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
        command.add_argument("--port", type=int, help="JupyterLab's port (default: 8888, or the next free one)")
    for command in (live, clean):
        command.add_argument("--yes", action="store_true", help="agree beforehand to what would be asked")
        command.add_argument(
            "--prefix", type=_prefix, help="what the names of your things begin with; default: CHAT_PREFIX"
        )
    for command in (lab, test, bench, live, clean, progress):
        command.add_argument("--fresh", action="store_true", help="make .venv again from nothing")
    options, more = parser.parse_known_args(words)
    if more and options.command not in ("test", "bench"):
        parser.error(f"unknown argument: {more[0]}")
    return options, more


def _prefix(word: str) -> str:
    """The word itself; an empty one, such as an unset variable of the shell, is refused and not taken for the default."""
    if not word.strip():
        raise argparse.ArgumentTypeError("it is empty: leave it out for the usual one")
    if not PREFIX.fullmatch(word):
        raise argparse.ArgumentTypeError(f"it is {word!r}; {PREFIX_RULE}")
    return word
