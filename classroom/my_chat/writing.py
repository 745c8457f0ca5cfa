"""The cells that write a learner's files: ``%%write FILE`` and ``%%mend FILE``.

``%%write`` puts the cell's text into a file of ``my_chat/``. ``%%mend`` puts
the cell's definitions into the file that is there (``mending``). What stood
there before is kept. A cell that is still empty changes nothing, so that "Run All"
never loses anything.
"""

from __future__ import annotations

from collections.abc import Callable

from classroom.my_chat.folder import EditedElsewhere, Folder, NotWritten, fault_of, given
from classroom.my_chat.mending import mended

EMPTY = "This cell is still empty, so my_chat/{name} was left as it was."


def write(line: str, cell: str, folder: Folder | None = None) -> None:
    """``%%write FILE [--replace]``: the cell is the file. Raises ``NotWritten``."""
    _write(line, cell, folder or Folder(), "%%write", lambda name, before: cell)


def mend(line: str, cell: str, folder: Folder | None = None) -> None:
    """``%%mend FILE [--replace]``: the cell's definitions take their places in the file. Raises ``NotWritten``."""
    _write(line, cell, folder or Folder(), "%%mend", lambda name, before: mended(name, before, cell))


def _write(line: str, cell: str, folder: Folder, magic: str, made_of: Callable[[str, str], str]) -> None:
    words = line.split()
    names = [word for word in words if word != "--replace"]
    if len(names) != 1:
        raise NotWritten(f"{magic} needs the name of one file on the same line, such as: {magic} chat_handler.py")
    [name] = names
    if is_empty(cell):
        print(EMPTY.format(name=name))
        return
    before = folder.text(name)
    if magic == "%%mend":
        before = given(name) if before is None else before
        if before is None:
            raise NotWritten(
                f"There is no my_chat/{name} to be mended yet: write it with %%write {name}, "
                "or take the course's with lesson.my_chat.use_course_version(…), which the lesson shows."
            )
        for what, text in ((f"my_chat/{name}", before), ("this cell", cell)):
            if fault_of(name, text):
                raise NotWritten(f"Nothing was mended, because of a mistake in {what}: {fault_of(name, text)}")
    text = made_of(name, before or "")
    try:
        folder.write(name, text if text.endswith("\n") else f"{text}\n", replace="--replace" in words)
    except EditedElsewhere as edited:
        print(edited)  # the notebook goes on with the learner's file
        return
    print(f"Written: my_chat/{name}. What was there before is kept in my_chat/earlier/.")
    if fault_of(name, text):
        print(f"But there is a mistake in it: {fault_of(name, text)}")


def is_empty(cell: str) -> bool:
    """Whether a cell holds nothing but blank lines, comments and ``...``."""
    return all(not line.strip() or line.strip() == "..." or line.lstrip().startswith("#") for line in cell.splitlines())
