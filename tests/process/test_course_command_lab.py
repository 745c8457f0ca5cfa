"""What ``course.py lab`` starts, for real: JupyterLab beside localstage, and nothing left of either."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient

from installation.commands import FIRST_NOTEBOOK, beside_a_stage, lab_command
from tests.course.jupyterlab import end
from tests.late import import_path
from tests.process.functions_workbench import is_running
from tests.stage.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def places(tmp_path) -> dict[str, str]:
    """An environment whose Jupyter files and temporary files all lie in ``tmp_path``."""
    names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "TMPDIR")
    for name in names:
        (tmp_path / name).mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CHAT_", "JUPYTER_"))}
    return {**kept, **{name: str(tmp_path / name) for name in names}, "PYTHONPATH": import_path()}


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def address_in(lines) -> str:
    """The address with the token that JupyterLab prints, once it listens; none of our settings may be unknown to it."""
    for line in lines:
        assert "not recognized" not in line
        found = re.search(r"http://127\.0\.0\.1:(\d+)\S+", line)
        if found:
            port = int(found[1])
            eventually(lambda: listens(port), bool, "JupyterLab to listen, which it does after it printed its address")
            return found[0]
    raise AssertionError("JupyterLab ended without printing its address")


def kernel_says(address: str, places: dict[str, str], code: str) -> str:
    """Starts a kernel through JupyterLab's own API and returns what the code prints in it."""
    server, token = re.match(r"(http://[^/]+)/.*token=(\w+)", address).groups()
    request = urllib.request.Request(
        f"{server}/api/kernels", method="POST", data=b"{}", headers={"Authorization": f"token {token}"}
    )
    with DIRECT.open(request, timeout=90) as answer:
        kernel_id = re.search(rb'"id": "([^"]+)"', answer.read())[1].decode()
    client = BlockingKernelClient(connection_file=f"{places['JUPYTER_RUNTIME_DIR']}/kernel-{kernel_id}.json")
    client.load_connection_file()
    # Without the heartbeat: it gives a kernel up for dead that a busy machine keeps from answering for one second.
    client.start_channels(hb=False)
    said = []
    try:
        client.wait_for_ready(timeout=120)
        client.execute_interactive(
            code,
            timeout=180,
            store_history=False,
            output_hook=lambda m: said.append(m["content"].get("text", str(m["content"]))),
        )
    finally:
        client.stop_channels()
    return "".join(part for part in said if not part.startswith("{"))


def lab_on(port: int, places: dict[str, str]) -> subprocess.Popen[str]:
    """What ``course.py lab`` becomes."""
    python = Path(sys.executable)
    return subprocess.Popen(
        beside_a_stage(python, lab_command(python, port, browser=False)),
        cwd=ROOT,
        env=places,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_lab_when_it_runs_and_is_ended(places):
    """Lab opens with its token only, a kernel reaches the stage and its pages, and SIGTERM ends lab, kernel and stage."""
    port = free_port()
    with lab_on(port, places) as lab:
        try:
            address = address_in(lab.stderr)
            assert re.match(rf"http://127\.0\.0\.1:{port}/lab/tree/{FIRST_NOTEBOOK}\?token=\w{{40,}}$", address)
            with DIRECT.open(address, timeout=90) as page:
                assert page.status == 200 and b"JupyterLab" in page.read()
            with pytest.raises(urllib.error.HTTPError, match="403"):
                DIRECT.open(f"http://127.0.0.1:{port}/api/contents", timeout=120)
            code = (
                "import boto3, os; print(os.getpid(), os.environ['LOCALSTAGE_URL'], os.environ['LOCALSTAGE_PAGES_URL'], "
                "boto3.client('sts').get_caller_identity()['Account'])"
            )
            kernel, stage, pages, account = kernel_says(address, places, code).split()
            assert account == "123456789012"
            with DIRECT.open(pages, timeout=90) as page:
                assert b"<title>Serverless chat</title>" in page.read()
        finally:
            end(lab)  # Its output ends when nobody has it any more: lab, kernel and stage.
        assert lab.wait(120) == 128 + signal.SIGTERM
    eventually(lambda: is_running(int(kernel)), lambda runs: not runs, "the kernel to be gone")
    ports = (port, int(stage.rpartition(":")[2]))
    eventually(lambda: [number for number in ports if listens(number)], lambda found: not found, "nobody to listen")
    assert [path for path in Path(places["TMPDIR"]).iterdir() if path.name.startswith("localstage-")] == []


LESSON = """
import json, os, sys
from pathlib import Path
share, told, lesson = {arguments}
os.chdir(Path(lesson).parent)
cells = ["".join(cell["source"]) for cell in json.loads(Path(lesson).read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
for source in cells[:int(len(cells) * share)]:
    get_ipython().run_cell(source).raise_error()
facts = {{"kernel": os.getpid(), "lab": os.getppid(), "stage": int(os.environ["LOCALSTAGE_URL"].rpartition(":")[2])}}
Path(told).write_text(json.dumps(facts))
"""


@pytest.mark.weekly
def test_lab_when_it_is_killed_in_a_lesson(places, tmp_path):
    """SIGKILL of JupyterLab ends its kernel and its localstage, own files are whole, and the next lab does the lesson."""
    port, told, mine = free_port(), tmp_path / "told.json", tmp_path / "my_chat"
    places["CHAT_FOLDER"] = str(mine)
    lesson = str(ROOT / "notebooks" / "04-store-messages.ipynb")
    with lab_on(port, places) as lab:
        try:
            kernel_says(address_in(lab.stderr), places, LESSON.format(arguments=(0.5, str(told), lesson)))
            facts = json.loads(told.read_text())
            (mine / "of_mine.py").write_text("# mine\n")
            kept = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
            os.kill(facts["lab"], signal.SIGKILL)
            lab.stderr.read()
        finally:
            lab.send_signal(signal.SIGTERM)
        assert lab.wait(120) == 128 + signal.SIGKILL
    eventually(lambda: is_running(facts["kernel"]), lambda runs: not runs, "the kernel to notice that its lab has gone")
    ports = (port, facts["stage"])
    eventually(lambda: [number for number in ports if listens(number)], lambda found: not found, "nobody to listen")
    assert [path for path in Path(places["TMPDIR"]).iterdir() if path.name.startswith("localstage-")] == []
    assert {path: path.read_bytes() for path in kept} == kept
    told.unlink()
    with lab_on(port, places) as lab:
        try:
            said = kernel_says(address_in(lab.stderr), places, LESSON.format(arguments=(1, str(told), lesson)))
            assert told.exists(), said[-2000:]
        finally:
            end(lab)
    assert (mine / "of_mine.py").read_text() == "# mine\n"
