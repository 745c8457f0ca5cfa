"""``aws`` in the lab's terminals: installs the AWS command line when it is first used, then is it.

Few learners need it, and it is large. ``.venv/bin/aws`` starts this module until
pip has put its own script there.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from installation.commands import become
from installation.pins import TESTS, read_pins
from installation.progress import reason_in

PACKAGES = ("awscli", "colorama", "docutils", "pyasn1", "rsa")
"""The AWS command line, and what it needs that a learner does not have already, on some system at least."""
_ROOT = Path(__file__).resolve().parent.parent


def main(words: list[str]) -> int:
    """Runs the AWS command line with these words; returns its exit status, or 2 when it cannot be installed."""
    if importlib.util.find_spec("awscli") is None:
        print("Installing the AWS command line (about a minute, this once)", file=sys.stderr, flush=True)
        if reason := _install():
            sys.stderr.write(f"aws: {reason}\n")
            return 2
    return become([sys.executable, "-P", "-m", "awscli", *words], dict(os.environ))


def _install() -> str:
    """Installs the pinned version and what it needs; why that failed, or an empty text."""
    pins = [pin for pin in read_pins(_ROOT, sys.platform, TESTS).requirements if pin.partition("==")[0] in PACKAGES]
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--no-deps", "--no-compile", *pins],
        env=_outside(dict(os.environ)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode == 0:
        return ""
    return reason_in(done.stdout) or f"pip could not install it; its words are: {done.stdout.strip()[-500:]}"


def _outside(variables: dict[str, str]) -> dict[str, str]:
    """The variables without a proxy that leads to localstage, which reaches nothing outside this machine."""
    inside = variables.get("LOCALSTAGE_URL")
    if inside and variables.get("HTTPS_PROXY") == inside:
        for name in ("HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            variables.pop(name, None)
    return variables


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
