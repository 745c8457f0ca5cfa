"""The folder ``my_chat/``: the files that a learner writes, earlier versions of them, and the versions that passed.

    my_chat/chat_handler.py             what the learner wrote last
    my_chat/earlier/chat_handler.1.py   what stood there before, oldest first
    my_chat/checked/4.3/chat_handler.py what exercise 4.3 found right
    my_chat/progress.json               see ``classroom.exercises.progress``

Nothing is ever overwritten without a copy in ``earlier/``. This file knows
files only: no AWS, no exercise, no widget. ``CHAT_FOLDER`` names another folder.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

import yaml

from classroom.errors import OneSentence

_NAME = re.compile(r"[A-Za-z][\w-]*\.(py|yaml|html|js|css|json|env)")
_ROOT = Path(__file__).resolve().parents[2]
_GIVEN = tuple(_ROOT / "notebooks" / folder for folder in ("bug_hunt", "handed_out"))
_WHOLE_CHAT = _ROOT / "cloudformation" / "chat.yaml"
_README = """\
# Your chat

What you write in the lessons lies here, and the lessons deploy it. The files are yours: edit them
in JupyterLab as you like. Whatever a lesson's cell replaces is kept in `earlier/`, and what an
exercise found right is kept in `checked/`. `progress.json` holds what you have done so far.
"""


class NotWritten(OneSentence, ValueError):
    """A cell's text was not written into the folder; the sentence says why, and what to do."""


def default_path() -> Path:
    """``CHAT_FOLDER``, else ``my_chat`` at the project's root."""
    return Path(os.environ.get("CHAT_FOLDER") or _ROOT / "my_chat")


def given(name: str) -> str | None:
    """The text of a file that the course hands out to be mended, such as ``case_1.py``; None if there is none."""
    if not _NAME.fullmatch(name):
        return None
    places = [_WHOLE_CHAT] if name == _WHOLE_CHAT.name else [folder / name for folder in _GIVEN]
    return next((path.read_text("utf-8") for path in places if path.is_file()), None)


class EditedElsewhere(NotWritten):
    """The file was changed by somebody else than a cell."""


class Folder:
    """A learner's folder. It is made when the first file is written, not before."""

    def __init__(self, path: Path | None = None):
        self.path = default_path() if path is None else path

    def text(self, name: str) -> str | None:
        """What is in a file now; None if it is not written yet."""
        path = self.path / name
        return path.read_text("utf-8") if path.is_file() else None

    def write(self, name: str, text: str, *, replace: bool = False) -> None:
        """Put a text into a file; what was there is kept in ``earlier/``.

        A file that somebody changed since the last ``write``, in an editor, is
        left alone unless ``replace``. Raises ``NotWritten``.
        """
        if not _NAME.fullmatch(name):
            raise NotWritten(
                f"{name!r} cannot be a file of your chat: give it a name such as chat_handler.py, without a folder."
            )
        before, written = self.text(name), self._written()
        if before is not None and before != text:
            if written.get(name) != fingerprint(before) and not replace:
                raise EditedElsewhere(
                    f"my_chat/{name} was changed in an editor since a cell wrote it, so it stays as it is. "
                    "To put this cell's text in its place, add the word --replace to the cell's first line and run it "
                    "again; the text from the editor is kept in my_chat/earlier/ then."
                )
            self.keep(name)
        save(self._made() / name, text)
        save(self.path / ".written.json", json.dumps({**written, name: fingerprint(text)}))

    def hand_out(self, name: str) -> None:
        """Write a file that the course hands out, unless the learner has it already."""
        if self.text(name) is None:
            self.write(name, given(name) or "")

    def keep(self, name: str) -> None:
        """Copy a file into ``earlier/`` under the next number, unless its newest copy there is the same."""
        text, earlier = self.text(name), self.earlier(name)
        if text is not None and (not earlier or earlier[-1].read_text("utf-8") != text):
            stem, suffix = name.rsplit(".", 1)
            number = int(earlier[-1].name.split(".")[-2]) + 1 if earlier else 1
            save(self.path / "earlier" / f"{stem}.{number}.{suffix}", text)

    def earlier(self, name: str) -> list[Path]:
        """The copies of a file's earlier versions, oldest first."""
        stem, suffix = name.rsplit(".", 1)
        copies = (self.path / "earlier").glob(f"{stem}.*.{suffix}")
        return sorted(copies, key=lambda path: int(path.name.split(".")[-2]))

    def keep_checked(self, exercise: str, name: str) -> None:
        """Remember a file as the version that an exercise found right."""
        save(self.path / "checked" / exercise / name, self.text(name) or "")

    def checked(self, exercise: str, name: str) -> str | None:
        """The version of a file that an exercise found right; None if none has passed."""
        path = self.path / "checked" / exercise / name
        return path.read_text("utf-8") if path.is_file() else None

    def checked_by(self, name: str) -> str | None:
        """The last exercise that found the file right as it is now; None if none did."""
        text = self.text(name)
        passed = [path.parent.name for path in (self.path / "checked").glob(f"*/{name}") if path.read_text() == text]
        return max(passed, key=lambda number: tuple(map(_order, number.split("."))), default=None)

    def _made(self) -> Path:
        if not (self.path / "README.md").is_file():
            save(self.path / "README.md", _README)
        return self.path

    def _written(self) -> dict[str, str]:
        path = self.path / ".written.json"
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def fingerprint(text: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save(path: Path, text: str) -> None:
    """Write a file at once: whoever reads it meanwhile sees the old text or the new one, never half of it.

    Raises ``NotWritten`` where the system does not let it be written, such as on a full disk; the old one stays.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise NotWritten(
            f"{path.name} could not be written in {path.parent} ({error.strerror}), and stays as it was: "
            "make that possible, then run the cell again."
        ) from None


def fault_of(name: str, text: str) -> str:
    """Why a file cannot be read as what its name says, in one sentence with the line; "" if it can."""
    try:
        if name.endswith(".py"):
            ast.parse(text)
        elif name.endswith(".yaml"):
            _compose(text)
        elif name.endswith(".json"):
            json.loads(text)
    except SyntaxError as error:
        return f"Python cannot read line {error.lineno} ({error.msg}): {(error.text or '').strip()}"
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return f"line {line} cannot be read as YAML ({error.problem})"
    except ValueError as error:
        return f"it cannot be read as JSON ({error})"
    return ""


def _compose(text: str) -> None:
    """Reads YAML. Raises yaml.MarkedYAMLError, in the words of the slow reader, which says more exactly what is wrong."""
    try:
        yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError:
        yaml.compose(text)
        raise


def _order(part: str) -> tuple[int, str]:
    name = part.lstrip("0123456789")
    return int(part.removesuffix(name) or 0), name
