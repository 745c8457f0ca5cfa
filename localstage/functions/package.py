"""Deployment packages on disk: unpacked once for each revision, removed with their last environment.

File work only; the unpacking itself runs in a thread. Knows nothing of
processes. A package may not write outside its own directory.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import stat
import zipfile
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvalidZipFile

UNZIPPED_LIMIT_BYTES = 262_144_000
"""Code and layers together, unzipped. AWS: Lambda quotas, 250 MB."""
_FILES_LOOKED_AT = 500


@dataclass(frozen=True)
class Package:
    """Where one revision's code (``/var/task`` on Lambda) and layers (``/opt``) are."""

    revision: str
    task_root: Path
    layers_root: Path


@dataclass
class _Entry:
    package: Package
    unpacked: asyncio.Task[list[Path]]
    users: int = field(default=0)

    @property
    def is_damaged(self) -> bool:
        """Whether a handler has removed some of it. AWS: the files of a package are read-only."""
        if not self.unpacked.done() or self.unpacked.cancelled() or self.unpacked.exception():
            return False
        return not all(map(os.path.lexists, self.unpacked.result()))


class PackageStore:
    """Owns the unpacked packages below ``directory``. Each ``acquire`` needs one ``release``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._entries: dict[Path, _Entry] = {}
        self._newest: dict[str, _Entry] = {}
        self._unpackings = 0

    async def acquire(self, definition: FunctionDefinition) -> Package:
        """The unpacked package of the definition. Raises InvalidZipFile; then nothing is to be released."""
        entry = self._newest.get(definition.revision)
        if entry is None or entry.is_damaged:
            self._unpackings += 1  # a directory that is being removed is never used again
            root = self._directory / f"{definition.revision[:16]}-{self._unpackings}"
            package = Package(definition.revision, root / "task", root / "opt")
            unpacked = asyncio.ensure_future(asyncio.to_thread(_unpack_all, definition, package))
            entry = self._newest[definition.revision] = self._entries[root] = _Entry(package, unpacked)
        entry.users += 1
        try:
            await asyncio.shield(entry.unpacked)
        except BaseException:
            await self.release(entry.package)
            raise
        return entry.package

    async def release(self, package: Package) -> None:
        """One environment uses the package no longer; the last one removes it."""
        root = package.task_root.parent
        entry = self._entries[root]
        entry.users -= 1
        if entry.users == 0:
            del self._entries[root]
            if self._newest.get(package.revision) is entry:
                del self._newest[package.revision]
            await asyncio.gather(entry.unpacked, return_exceptions=True)
            await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)


def _unpack_all(definition: FunctionDefinition, package: Package) -> list[Path]:
    """Unpacks code and layers; the first files of the code, by which it is seen whether all are there."""
    try:
        left = unpack(definition.code_zip, package.task_root, UNZIPPED_LIMIT_BYTES)
        package.layers_root.mkdir(parents=True, exist_ok=True)
        for layer in definition.layer_zips:
            left = unpack(layer, package.layers_root, left)
        return list(islice((path for path in package.task_root.rglob("*") if not path.is_dir()), _FILES_LOOKED_AT))
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        # The last two are zipfile's for a member that is encrypted, or compressed in a way that it does not know.
        raise InvalidZipFile(f"The package of the function {definition.name} cannot be unpacked: {error}") from error


def unpack(archive: bytes, directory: Path, limit_bytes: int) -> int:
    """Unpacks a zip into ``directory``, which is made; what is there already is overwritten.

    Returns how much of ``limit_bytes`` is left. Raises InvalidZipFile for a
    name or a link that leads out of the directory and for too large a package,
    zipfile.BadZipFile for what is no zip.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = opened.infolist()
        left = limit_bytes - sum(member.file_size for member in members)
        if left < 0:
            raise InvalidZipFile(f"Unzipped size must be smaller than {UNZIPPED_LIMIT_BYTES} bytes")
        for member in members:
            _unpack_member(opened, member, directory)
    return left


def _unpack_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> None:
    target = directory / _safe_name(member.filename)
    if not _is_inside(target.parent, directory):
        raise InvalidZipFile(f"The package member {member.filename!r} leads out of the package")
    mode = member.external_attr >> 16
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if stat.S_ISLNK(mode):
        _link(target, opened.read(member).decode(), directory)
        return
    with opened.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    if mode & 0o111:
        target.chmod(0o755)


def _safe_name(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise InvalidZipFile(f"The package member {name!r} leads out of the package")
    return path


def _is_inside(path: Path, directory: Path) -> bool:
    return path.resolve().is_relative_to(directory.resolve())


def _link(target: Path, destination: str, directory: Path) -> None:
    if os.path.isabs(destination) or not _is_inside(target.parent / destination, directory):
        raise InvalidZipFile(f"The package member {target.name!r} links to {destination!r}, out of the package")
    target.symlink_to(destination)
