"""npm, asked for what a Node.js function needs: its package's dependencies, and the SDK that Lambda's runtime has.

What is installed for a package is kept by the hash of its package.json and lock
file in the user's cache, as for ``requirements.txt``.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from localstage.functions.runtimes import Node, node_version
from localstage.project.packaging import Built, CannotPackage, LocalCode, files_below, installed_once

SDK = tuple(
    f"@aws-sdk/{name}"
    for name in (
        *("client-apigatewaymanagementapi", "client-apigatewayv2", "client-cloudformation", "client-cloudwatch-logs"),
        *("client-cognito-identity-provider", "client-dynamodb", "client-eventbridge", "client-iam", "client-lambda"),
        *("client-s3", "client-secrets-manager", "client-sfn", "client-sns", "client-sqs", "client-ssm", "client-sts"),
        *("lib-dynamodb", "util-dynamodb"),
    )
)
"""What ``install_sdk`` installs: the clients of the services that a chat meets. Lambda's runtime has all."""
_OLDEST_NODE_OF_THE_SDK = 20
_IN_THE_RUNTIME = ("@aws-sdk/", "@smithy/")
_LOCK = "package-lock.json"
_NO_SENTENCE = ("", "code", "errno", "syscall", "path", "dest", "A")
"""How lines of npm's errors begin that say nothing by themselves."""


class NpmFailed(Exception):
    """npm is not there or has not done it; the text is one sentence."""


class Dependencies:
    """Gives the folder with the ``node_modules`` of a function's package. ``say`` is told before npm starts."""

    def __init__(
        self, say: Callable[[str], None] = lambda sentence: None, cache: Path | None = None, sdk: Path | None = None
    ):
        self._say = say
        self._cache = cache or platformdirs.user_cache_path("localstage", appauthor=False) / "node-modules"
        self._sdk = sdk or Node().sdk

    def build(self, code: LocalCode) -> Built | None:
        """The folder, None where nothing is wanted that is not there. Raises CannotPackage."""
        file = code.path / "package.json"
        if not file.is_file() or (code.path / "node_modules").is_dir():
            return None
        package = _read(file)
        wanted = self._wanted(package)
        if not wanted:
            return None
        files, local = _what_npm_reads(code.path, package)
        key = _digest(files, local)

        def install(folder: Path) -> None:
            self._say(f"npm installs what {file} names: {', '.join(wanted)}")
            for name, content in files.items():
                (folder / name).write_bytes(content)
            npm("ci" if _LOCK in files else "install", "--omit=dev", "--install-links", folder=folder)
            for name in ("package.json", _LOCK):
                (folder / name).unlink(missing_ok=True)

        try:
            return Built(installed_once(self._cache, key, install))
        except (NpmFailed, OSError) as error:
            raise CannotPackage(f"{file}: {error}") from None

    def _wanted(self, package: Mapping[str, Any]) -> list[str]:
        """The dependencies that are not in the SDK's folder."""
        there = self._sdk / "node_modules"
        names = package.get("dependencies") or {}
        return [name for name in names if not (name.startswith(_IN_THE_RUNTIME) and (there / name).is_dir())]


def _read(file: Path) -> dict[str, Any]:
    try:
        package = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise CannotPackage(f"{file} is no JSON: {error}.") from None
    if not isinstance(package, dict):
        raise CannotPackage(f"{file} is no package.json: it has no object.")
    if not isinstance(package.get("dependencies") or {}, dict):
        raise CannotPackage(f"{file} is no package.json: its dependencies are no object.")
    return package


def _what_npm_reads(folder: Path, package: dict[str, Any]) -> tuple[dict[str, bytes], list[Path]]:
    """The files that npm is given in a folder of its own, and the local packages that they name.

    A local package is named by its place then; what the lock file says of it would not fit.
    """
    lock = folder / _LOCK
    local: list[Path] = []
    dependencies = dict(package.get("dependencies") or {})
    for name, wanted in dependencies.items():
        if isinstance(wanted, str) and wanted.startswith(("file:", ".", "/")):
            place = (folder / wanted.removeprefix("file:")).resolve()
            local.append(place)
            dependencies[name] = f"file:{place.as_posix()}"
    if lock.is_file() and not local:
        return {"package.json": json.dumps(package).encode(), _LOCK: lock.read_bytes()}, local
    # Without a lock file npm would look up what is left out, too.
    kept = {name: value for name, value in package.items() if name != "devDependencies"}
    return {"package.json": json.dumps({**kept, "dependencies": dependencies}).encode()}, local


def _digest(files: Mapping[str, bytes], local: list[Path]) -> str:
    """What the installed folder depends on."""
    digest = hashlib.sha256(f"{node_version()} {sys.platform} {platform.machine()}".encode())
    for content in files.values():
        digest.update(content + b"\0")
    for place in local:
        for file in sorted(files_below(place)) if place.is_dir() else [place] if place.is_file() else []:
            digest.update(f"{file}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:32]


def install_sdk(folder: Path) -> None:
    """Fills a folder with the SDK, or fills it anew; until it is done, what was there stays. Raises NpmFailed."""
    node = node_version()
    if node is None or node < (_OLDEST_NODE_OF_THE_SDK, 0):
        raise NpmFailed(f"The AWS SDK needs Node.js {_OLDEST_NODE_OF_THE_SDK} or newer as node on the path.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise NpmFailed(f"{folder} cannot be written: {error.strerror}.") from None
    old = draft.with_name(f"{draft.name}.old")
    try:
        (draft / "package.json").write_text('{"private": true}\n', "utf-8")
        npm("install", *SDK, folder=draft, quietly=False)
        if folder.exists():
            os.replace(folder, old)
        os.replace(draft, folder)
    except OSError as error:
        raise NpmFailed(f"{folder} cannot be written: {error.strerror}.") from None
    finally:
        for rest in (draft, old):
            shutil.rmtree(rest, ignore_errors=True)


def npm(*words: str, folder: Path, quietly: bool = True) -> None:
    """Runs npm in a folder; not ``quietly``, it shows its own progress. Raises NpmFailed."""
    program = shutil.which("npm")
    if program is None:
        raise NpmFailed("npm is not on the path; it comes with Node.js.")
    options = ["--no-audit", "--no-fund", *(["--loglevel=error"] if quietly else ["--progress=true"])]
    done = subprocess.run(
        [program, *words, *options], cwd=folder, capture_output=quietly, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = (
            line.removeprefix("npm error").strip() for line in (done.stderr or "").splitlines() if "npm error" in line
        )
        why = next((line for line in said if line.partition(" ")[0] not in _NO_SENTENCE), "")
        raise NpmFailed(f"npm {words[0]} failed{f': {why}' if why else ', and has said why above.'}")
