"""A JupyterLab of its own with copies of some notebooks, and a real Chromium to look at it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from installation.commands import SAVED_NOTEBOOKS
from tests.course.nbval_runs import ROOT, clean_environment

READY_WITHIN_S = 180
ARTEFACTS = ROOT / "test-artefacts"
NO_BROWSER = "there is no Chromium or Chrome; to run these install the package chromium"
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_QUIET = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # All cells are in the page, seen or not.
}
_STILL = """document.addEventListener("DOMContentLoaded", () => {
    const still = document.createElement("style");
    still.textContent = "*, *::before, *::after { animation: none !important; transition: none !important; }";
    document.head.append(still);
});"""
"""Nothing moves by itself: each picture of a spinner is drawn by the processor, as long as a cell runs."""


def chromium_path() -> str:
    """Where Chromium is. Without one the test is skipped, and fails where CI promises one."""
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail("CI is true and there is no Chromium: install Debian's package chromium.")
    pytest.skip(NO_BROWSER)


@contextmanager
def jupyterlab(work_dir: Path, *notebooks: Path) -> Iterator[str]:
    """Runs JupyterLab on copies of the notebooks; gives the address of a page, to be completed with a file's name."""
    places = work_dir / "course" / "notebooks"
    places.mkdir(parents=True)
    for folder in ("handlers", "html"):  # which lessons show
        shutil.copytree(ROOT / folder, work_dir / "course" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for notebook in notebooks:
        shutil.copy(notebook, places)
    settings = work_dir / "settings"
    for name, content in _QUIET.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
    environment = clean_environment(
        work_dir, JUPYTERLAB_SETTINGS_DIR=str(settings), JUPYTERLAB_WORKSPACES_DIR=str(work_dir / "ws")
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    with (work_dir / "jupyterlab.log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={token}",
                f"--ServerApp.root_dir={work_dir / 'course'}",
                SAVED_NOTEBOOKS,
            ],
            cwd=work_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(process, port, token, work_dir / "jupyterlab.log")
            yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{{}}?token={token}"
        finally:
            end(process)


def end(server: subprocess.Popen[Any]) -> None:
    """Asks a Jupyter server to end until it has, and nobody has its output any more.

    A signal that comes while it writes a line of its log is lost: its handler writes another one first, which fails.
    """
    for _ in range(3):
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.communicate(timeout=60)
            return
    server.kill()
    raise AssertionError("The Jupyter server has not ended, though it was asked three times.")


def open_and_run(page: Any, address: str) -> None:
    """Open a notebook's page and have JupyterLab run all of its cells; returns when they begin to run."""
    page.add_init_script(_STILL)
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def _wait_until_ready(process: subprocess.Popen, port: int, token: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token={token}", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            Event().wait(0.1)
    raise AssertionError(f"JupyterLab was not ready within {READY_WITHIN_S} s:\n{log.read_text()[-3000:]}")
