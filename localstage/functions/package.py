"""Deployment packages on disk: unpacked once for each revision, removed with their last environment.

File work only; the unpacking itself runs in a thread. Knows nothing of
processes. A package may not write outside its own directory: what its table of
contents tells is refused when it is uploaded (``check``), and links that lead to
other links when it is unpacked.
"""

from __future__ import annotations

import asyncio
import io
import os
import posixpath
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
_LONGEST_LINK_BYTES = 4096
"""Linux: PATH_MAX."""


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
    except (OSError, ValueError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        # The last two are zipfile's for a member that is encrypted, or compressed in a way that it does not know.
        raise InvalidZipFile(f"The package of the function {definition.name} cannot be unpacked: {error}") from error


def check(archive: bytes) -> None:
    """Refuses a zip of which the table of contents says that it will not be unpacked.

    Raises as ``unpack`` does, and RuntimeError or NotImplementedError for links that are encrypted or
    compressed in a way that is not known.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        _room_left(opened, UNZIPPED_LIMIT_BYTES)
        for member in opened.infolist():
            name = _safe_name(member.filename)
            if _is_link(member):
                destination = _destination(opened, member)
                # With the links on the way out of sight: the name alone.
                _keep_inside(member.filename, destination, _safe_destination(name, destination))


def unpack(archive: bytes, directory: Path, limit_bytes: int) -> int:
    """Unpacks a zip into ``directory``, which is made; what is there already is overwritten.

    Returns how much of ``limit_bytes`` is left. Raises InvalidZipFile for a
    name or a link that leads out of the directory and for too large a package,
    zipfile.BadZipFile or ValueError for what is no zip.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        left = _room_left(opened, limit_bytes)
        for member in opened.infolist():
            _unpack_member(opened, member, directory)
    return left


def _room_left(opened: zipfile.ZipFile, limit_bytes: int) -> int:
    """zipfile reads no more of a member than its size says."""
    left = limit_bytes - sum(member.file_size for member in opened.infolist())
    if left < 0:
        raise InvalidZipFile(f"Unzipped size must be smaller than {UNZIPPED_LIMIT_BYTES} bytes")
    return left


def _unpack_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> None:
    target = directory / _safe_name(member.filename)
    if not _is_inside(target.parent, directory):
        raise InvalidZipFile(f"The package member {member.filename!r} leads out of the package")
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if _is_link(member):
        destination = _destination(opened, member)
        leads_in = not os.path.isabs(destination) and _is_inside(target.parent / destination, directory)
        _keep_inside(member.filename, destination, leads_in)
        target.symlink_to(destination)
        return
    with opened.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    if member.external_attr >> 16 & 0o111:
        target.chmod(0o755)


def _safe_name(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise InvalidZipFile(f"The package member {name!r} leads out of the package")
    return path


def _is_link(member: zipfile.ZipInfo) -> bool:
    return not member.is_dir() and stat.S_ISLNK(member.external_attr >> 16)


def _destination(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    with opened.open(member) as content:
        destination = content.read(_LONGEST_LINK_BYTES).decode()
    if "\0" in destination:
        raise zipfile.BadZipFile(f"{member.filename!r} is a link with a NUL")
    return destination


def _safe_destination(name: PurePosixPath, destination: str) -> bool:
    leads_to = posixpath.normpath(posixpath.join(name.parent, destination))
    return not posixpath.isabs(leads_to) and leads_to.partition("/")[0] != ".."


def _keep_inside(name: str, destination: str, leads_in: bool) -> None:
    if not leads_in:
        raise InvalidZipFile(f"The package member {name!r} links to {destination!r}, out of the package")


def _is_inside(path: Path, directory: Path) -> bool:
    return path.resolve().is_relative_to(directory.resolve())
