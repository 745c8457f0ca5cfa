"""Unpacking deployment packages: nothing leaves its directory, nothing is kept too long."""

import asyncio
import io
import os
import stat
import sys
import zipfile

import pytest

from localstage.functions.invocation import InvalidZipFile
from localstage.functions.package import PackageStore, unpack
from tests.process.functions_workbench import function, zipped

LIMIT = 1000


def with_mode(name: str, content: str, mode: int) -> bytes:
    """A package of one member that has Unix permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, content)
    return buffer.getvalue()


def test_package_is_unpacked_with_its_directories(tmp_path):
    """Files and empty directories arrive, and what is left of the limit is told."""
    archive = zipped({"app.py": "x = 1\n", "lib/part/a.txt": "a", "empty/": ""})
    assert unpack(archive, tmp_path / "task", LIMIT) == LIMIT - 7
    assert (tmp_path / "task/app.py").read_text() == "x = 1\n"
    assert (tmp_path / "task/lib/part/a.txt").read_text() == "a"
    assert (tmp_path / "task/empty").is_dir()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:/evil"])
def test_member_that_leads_out_is_refused(name, tmp_path):
    """A name that leads out of the package is refused and nothing is written outside."""
    with pytest.raises(InvalidZipFile, match="leads out of the package"):
        unpack(zipped({name: "x"}), tmp_path / "task", LIMIT)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("destination", ["../..", "/etc", "../../etc/passwd"])
def test_link_that_leads_out_is_refused(destination, tmp_path):
    """A symbolic link out of the package is refused."""
    with pytest.raises(InvalidZipFile, match="links to"):
        unpack(with_mode("way", destination, stat.S_IFLNK | 0o777), tmp_path / "task", LIMIT)


@pytest.mark.skipif(sys.platform == "win32", reason="links and permissions are POSIX's")
def test_link_and_permission_are_kept_when_they_stay_inside(tmp_path):
    """A link inside the package works and a program stays executable."""
    unpack(with_mode("bin/tool", "#!/bin/sh\n", stat.S_IFREG | 0o755), tmp_path, LIMIT)
    unpack(with_mode("tool", "bin/tool", stat.S_IFLNK | 0o777), tmp_path, LIMIT)
    assert (tmp_path / "tool").read_text() == "#!/bin/sh\n"
    assert os.access(tmp_path / "bin/tool", os.X_OK)


def test_package_over_the_limit_is_refused(tmp_path):
    """A package that is too large unzipped is refused before anything is written."""
    with pytest.raises(InvalidZipFile, match="Unzipped size must be smaller than 262144000 bytes"):
        unpack(zipped({"big": "x" * (LIMIT + 1)}), tmp_path / "task", LIMIT)
    assert list((tmp_path / "task").iterdir()) == []


def test_package_is_shared_and_removed_with_its_last_user(tmp_path):
    """Two environments of one revision share the directory; it goes when both are gone."""

    async def share() -> None:
        store = PackageStore(tmp_path)
        probe = function("x = 1")
        first, second = await asyncio.gather(store.acquire(probe), store.acquire(probe))
        assert first.task_root == second.task_root
        await store.release(first)
        assert (second.task_root / "app.py").exists()
        await store.release(second)
        assert list(tmp_path.iterdir()) == []
        again = await store.acquire(probe)
        assert again.task_root != first.task_root
        await store.release(again)

    asyncio.run(share())


def test_package_is_unpacked_again_when_a_handler_has_removed_some_of_it(tmp_path):
    """Whoever comes next gets a whole package; both go with their last users."""

    async def damage() -> None:
        store = PackageStore(tmp_path)
        probe = function("", package=zipped({"app.py": "x = 1", "lib/part.py": "y = 2"}))
        first = await store.acquire(probe)
        (first.task_root / "lib/part.py").unlink()
        second, third = await asyncio.gather(store.acquire(probe), store.acquire(probe))
        assert second.task_root == third.task_root != first.task_root
        assert (second.task_root / "lib/part.py").read_text() == "y = 2"
        for package in (first, second, third):
            await store.release(package)
        assert list(tmp_path.iterdir()) == []

    asyncio.run(damage())


def test_broken_package_is_refused_and_leaves_nothing(tmp_path):
    """What is no zip is refused by the function's name, for all who wait, and its directory is gone."""

    async def refuse() -> None:
        store = PackageStore(tmp_path)
        probe = function("", package=b"no zip")
        for refused in await asyncio.gather(store.acquire(probe), store.acquire(probe), return_exceptions=True):
            assert isinstance(refused, InvalidZipFile) and "probe" in str(refused)
        assert list(tmp_path.iterdir()) == []

    asyncio.run(refuse())
