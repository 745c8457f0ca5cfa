"""A stage that serves a folder's pages: the files of that folder, to a browser of this machine, and nothing else."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localstage import LocalStage

PAGES = "/_localstage/pages/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pages, and beside it a file that must not be read."""
    folder = tmp_path_factory.mktemp("site") / "pages"
    for name, text in {
        "index.html": "<h1>start</h1>",
        "a b.js": "1;",
        "style.css": "",
        "sub/index.html": "below",
        "sub/data.bin": "\x00",
        ".hidden": "no",
        "../outside.txt": "secret",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if os.name == "posix":
        (folder / "escape.txt").symlink_to(folder.parent / "outside.txt")
        (folder / "inside.css").symlink_to(folder / "style.css")
    return folder


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[LocalStage]:
    with LocalStage(pages=folder) as running:
        yield running


def ask(
    stage: LocalStage, path: str, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body of one request, sent exactly as given; ``Host`` is the stage's unless given."""
    address = stage.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=90)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": address, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("", b"<h1>start</h1>", "text/html; charset=utf-8"),
        ("index.html?api=x", b"<h1>start</h1>", "text/html; charset=utf-8"),
        ("a%20b.js", b"1;", "text/javascript; charset=utf-8"),
        ("style.css", b"", "text/css; charset=utf-8"),
        ("sub/", b"below", "text/html; charset=utf-8"),
        ("sub/data.bin", b"\x00", "application/octet-stream"),
    ],
)
def test_page_when_it_is_in_the_folder(stage, path: str, body: bytes, content_type: str):
    """A file is answered with its type, and nothing of it is kept, guessed or framed by others."""
    status, headers, found = ask(stage, PAGES + path)
    assert (status, found, headers["Content-Type"]) == (200, body, content_type)
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert "Access-Control-Allow-Origin" not in headers
    assert ask(stage, PAGES + path, "HEAD")[::2] == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "nothing.html",
        "sub",
        "sub/nothing",
        "index.html/",
        "../outside.txt",
        "sub/../../outside.txt",
        "%2e%2e/outside.txt",
        "..%2foutside.txt",
        "%2e%2e%2foutside.txt",
        "..%5coutside.txt",
        "sub%2findex.html",
        ".hidden",
        "./index.html",
        "//etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "C:%5cWindows%5cwin.ini",
        "index.html%00.css",
        "escape.txt",
        "%ff%fe",
    ],
)
def test_page_when_the_path_names_no_file_of_the_folder(stage, path: str):
    """Whatever leads out of the folder, to a hidden file or to a folder is not there; no listing is given."""
    status, _, body = ask(stage, PAGES + path)
    assert (status, body) == (404, f"There is no page {PAGES + path}.\n".encode())


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_page_when_it_is_a_link_within_the_folder(stage):
    """A symbolic link that stays in the folder is followed."""
    assert ask(stage, PAGES + "inside.css")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_page_when_it_is_not_only_read(stage, method: str):
    """Every method but GET and HEAD is refused, preflights included."""
    status, headers, body = ask(stage, PAGES, method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert body == f"Pages are read with GET or HEAD, not {method}.\n".encode()


@pytest.mark.parametrize("headers", [{}, {"Upgrade": "websocket", "Connection": "Upgrade"}])
def test_page_when_the_host_is_another(stage, headers: dict[str, str]):
    """A name that was made to lead here, as in DNS rebinding, is refused, whatever the request claims to be."""
    assert ask(stage, PAGES, Host="evil.example", **headers)[0] == 421


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}),
        ("GET", "/v2/apis", {}),
        ("POST", "/moto-api/reset", {}),
        ("GET", "/moto-api/data.json", {}),
        ("PUT", "/bucket", {}),
        ("GET", "/2018-06-01/runtime/invocation/next", {}),
    ],
)
def test_page_when_it_turns_to_its_own_origin(stage, method: str, path: str, headers: dict[str, str]):
    """Pages share their origin with the AWS calls, which refuse what no known key has signed: a page is told no key."""
    origin = {"Origin": stage.url, "Referer": stage.pages_url, "Sec-Fetch-Site": "same-origin", "Content-Length": "0"}
    status, _, body = ask(stage, path, method, **origin, **headers)
    assert status in (400, 403) and (b"Token" in body or b"AccessDenied" in body), (status, body)


def test_pages_when_any_host_is_expected(folder: Path):
    """Behind a proxy with a name of its own the pages are served, and the AWS calls and the status still are not."""
    with LocalStage(pages=folder, pages_for_any_host=True) as stage:
        assert ask(stage, PAGES, Host="hub.example")[0] == 200
        assert [ask(stage, path, Host="hub.example")[0] for path in ("/", "/_localstage/status")] == [421, 421]


def test_pages_when_no_folder_is_given():
    """Without --pages there are none: the answer says how to have some, and no variable names any."""
    with LocalStage() as stage:
        status, _, body = ask(stage, PAGES)
        assert (status, body) == (404, b"localstage serves no pages; start it with --pages FOLDER.\n")
        assert stage.pages_url == "" and "LOCALSTAGE_PAGES_URL" not in stage.environment()


def test_pages_when_a_program_runs_beside_them(folder: Path):
    """``localstage run --pages`` tells the program where its pages are, in place of what an outer stage said."""
    program = (
        "import os, urllib.request; print(urllib.request.urlopen(os.environ['LOCALSTAGE_PAGES_URL'] + 'sub/').read())"
    )
    run = [sys.executable, "-m", "localstage", "run"]
    outer = {**os.environ, "LOCALSTAGE_PAGES_URL": "http://127.0.0.1:9/"}
    done = subprocess.run(
        [*run, "--pages", str(folder), "--", sys.executable, "-c", program],
        env=outer,
        text=True,
        capture_output=True,
        timeout=180,
    )
    assert (done.stdout, done.returncode) == ("b'below'\n", 0), done.stderr
    program = "import os; print('LOCALSTAGE_PAGES_URL' in os.environ)"
    done = subprocess.run(
        [*run, "--", sys.executable, "-c", program], env=outer, text=True, capture_output=True, timeout=180
    )
    assert done.stdout == "False\n", done.stderr


def test_pages_when_the_folder_is_not_there():
    """A folder that does not exist is one sentence and exit status 2."""
    done = subprocess.run(
        [sys.executable, "-m", "localstage", "serve", "--pages", "no-such-folder"],
        text=True,
        capture_output=True,
        timeout=180,
    )
    assert done.returncode == 2 and "no-such-folder" in done.stderr and "Traceback" not in done.stderr


def test_pages_when_there_is_a_second_folder(folder: Path, tmp_path: Path):
    """A second folder may be made later, appears under its own name, and shows pages only."""
    more = tmp_path / "my_chat"
    with LocalStage(pages=folder, more_pages=more) as stage:
        assert ask(stage, f"{PAGES}my_chat/page.html")[0] == 404
        more.mkdir()
        for name in ("page.html", "progress.json", ".hidden.html"):
            (more / name).write_text("mine")
        answers = {
            path: ask(stage, f"{PAGES}my_chat/{path}")[0]
            for path in ("page.html", "progress.json", ".hidden.html", "../index.html", "%2e%2e/index.html", "")
        }
        assert answers == {**dict.fromkeys(answers, 404), "page.html": 200}
        assert ask(stage, f"{PAGES}index.html")[0] == 200
