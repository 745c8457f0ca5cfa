"""The folders of emulators: whose they are, and which of them the next one removes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from localstage.work_dir import claim, new_work_dir, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody remove what is open")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files that is the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folder_when_its_emulator_is_gone(place: Path):
    """A folder is removed when the process that had claimed it is gone, and not before."""
    folder = new_work_dir()
    held = claim(folder)
    (folder / "functions").mkdir()
    sweep()
    assert (folder / "functions").is_dir()
    held.close()
    sweep()
    assert list(place.iterdir()) == []


def test_folder_when_it_is_not_claimed_yet():
    """A folder that was made just now is somebody's who is about to claim it; an old empty one is nobody's."""
    folder = new_work_dir()
    sweep()
    assert folder.is_dir()
    os.utime(folder, (0, 0))
    sweep()
    assert not folder.exists()


def test_folder_when_it_is_a_strangers(place: Path):
    """What has the name of such a folder and is none stays: another program's, a link, a file."""
    (place / "localstage-notes").mkdir()
    (place / "localstage-notes" / "mine.txt").touch()
    (place / "elsewhere").mkdir()
    claim(place / "elsewhere").close()
    (place / "localstage-link").symlink_to(place / "elsewhere")
    (place / "localstage-file").touch()
    for name in ("localstage-notes", "elsewhere"):
        os.utime(place / name, (0, 0))
    before = sorted(place.rglob("*"))
    sweep()
    assert sorted(place.rglob("*")) == before
