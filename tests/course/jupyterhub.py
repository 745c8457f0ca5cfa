"""A JupyterHub of its own, over https, whose people each have a copy of the course; jupyterhub and its proxy are fetched."""

from __future__ import annotations

import json
import site
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import trustme

from tests.course.jupyterlab import end
from tests.course.nbval_runs import clean_environment, copy_for_a_learner
from tests.course.page_browser import HUB, need_npm

READY_WITHIN_S = 120
INSTALL_WITHIN_S = 600
PACKAGES = {"pip": "jupyterhub==6.1.1", "npm": "configurable-http-proxy@5.3.0"}
PASSWORD = "a shared one, for tests"

_CONFIG = """
import os, shutil
work = {work!r}
c.JupyterHub.bind_url = "https://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = {key!r}, {cert!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.pid_file = os.path.join(work, "proxy.pid")
c.JupyterHub.db_url = "sqlite:///" + os.path.join(work, "hub.sqlite")
c.JupyterHub.cookie_secret_file = os.path.join(work, "cookie_secret")
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"teacher"}}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(work, "homes", "{{username}}")
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.start_timeout = c.Spawner.http_timeout = {within}
c.Spawner.environment = {environment!r}

def give_a_copy(spawner):
    own = os.path.join(work, "homes", spawner.user.name, "course")
    if not os.path.isdir(own):
        shutil.copytree({course!r}, own)
    spawner.notebook_dir = own
    spawner.environment = {{**spawner.environment, "PYTHONPATH": own}}

c.Spawner.pre_spawn_hook = give_a_copy
"""


@dataclass(frozen=True)
class Hub:
    """A running hub: where it is, and where its people's homes are."""

    origin: str
    homes: Path

    def log_in(self, context: Any, name: str) -> Any:
        """Log somebody in and wait for their server; gives the page, which shows JupyterLab."""
        page = context.new_page()
        page.set_default_timeout(READY_WITHIN_S * 1000)
        page.goto(f"{self.origin}/hub/login")
        page.locator("#username_input").fill(name)
        page.locator("#password_input").fill(PASSWORD)
        page.locator("#login_submit").click()
        page.wait_for_url(f"{self.origin}/user/{name}/**")
        return page


@contextmanager
def jupyterhub(work_dir: Path) -> Iterator[Hub]:
    """Runs a hub, each of whose people has a copy of the course; ends it and everybody's servers."""
    python = _with_jupyterhub(work_dir / "environment")
    proxy = _proxy(work_dir / "proxy")
    config, course = work_dir / "jupyterhub_config.py", work_dir / "course"
    copy_for_a_learner(course)
    ports = dict(zip(("port", "hub_port", "api_port"), _free_ports(3), strict=True))
    key, cert = _certificate(work_dir)
    config.write_text(
        _CONFIG.format(
            work=str(work_dir), key=key, cert=cert, proxy=str(proxy), python=str(python), password=PASSWORD,
            within=READY_WITHIN_S, environment=_environment(work_dir), course=str(course), **ports,
        )
    )  # fmt: skip
    log = work_dir / "hub.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(python), "-m", "jupyterhub", "-f", str(config)],
            cwd=work_dir,
            env=clean_environment(work_dir),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(process, f"https://127.0.0.1:{ports['port']}/hub/api", log)
            yield Hub(f"https://{HUB}:{ports['port']}", work_dir / "homes")
        finally:
            end(process)


def _with_jupyterhub(folder: Path) -> Path:
    """An environment with jupyterhub beside the course's packages, which stay where they are; gives its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = Path(
        subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True).strip()
    )
    (packages / "course.pth").write_text(f"import site; site.addsitedir({site.getsitepackages()[0]!r})\n")
    subprocess.run([python, "-m", "pip", "install", "-q", PACKAGES["pip"]], check=True, timeout=INSTALL_WITHIN_S)
    return python


def _proxy(folder: Path) -> Path:
    need_npm("JupyterHub's proxy")
    folder.mkdir()
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", PACKAGES["npm"]]
    subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_WITHIN_S)
    return folder / "node_modules" / ".bin" / "configurable-http-proxy"


def _environment(work_dir: Path) -> dict[str, str]:
    """What a learner's server has: the course's packages are of another environment than its own, as on many hubs."""
    share = Path(sys.prefix) / "share" / "jupyter"
    others = {name: value for name, value in clean_environment(work_dir).items() if name != "CHAT_FOLDER"}
    return {
        **others,
        "JUPYTER_PATH": str(share),
        "JUPYTERLAB_DIR": str(share / "lab"),
        "JUPYTER_CONFIG_PATH": str(Path(sys.prefix) / "etc" / "jupyter"),
    }


def _certificate(work_dir: Path) -> tuple[str, str]:
    issued = trustme.CA().issue_cert(HUB)
    key, cert = work_dir / "hub.key", work_dir / "hub.pem"
    issued.private_key_pem.write_to_path(str(key))
    for pem in issued.cert_chain_pems:
        pem.write_to_path(str(cert), append=True)
    return str(key), str(cert)


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait_until_ready(process: subprocess.Popen, address: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    anybody = ssl._create_unverified_context()  # It is asked whether it listens, and told nothing.
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5, context=anybody) as answer:
                assert json.load(answer)["version"]
                return
        except (urllib.error.URLError, OSError):
            Event().wait(0.2)
    raise AssertionError(f"JupyterHub was not ready within {READY_WITHIN_S} s:\n{log.read_text()[-3000:]}")
