"""botocore's table of AWS's endpoints, read service by service when they are asked for.

The file has 400 services in eight partitions: four megabytes as dictionaries in each process
that makes a client, which asks for one or two of them. Runs inside the execution environment
as well as in the emulator, so it imports the standard library only.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator, MutableMapping
from typing import Any

_LAYOUT = re.compile(rb'\n    (?:("services" : \{)|  "([^"]+)" : \{|\})')
"""How botocore lays its file out: a partition's services begin, one of them begins, something of a partition ends.

A file that is laid out otherwise is read whole."""


def read_endpoints(path: str) -> dict[str, Any]:
    """What ``json.load`` would make of the file, with each service read later. Raises OSError, ValueError."""
    rest, read_to, partitions = b"", 0, []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        marks = _LAYOUT.finditer(text)
        for mark in marks:
            if mark[1]:
                rest += text[read_to : mark.end()]
                places = _places(marks)
                read_to = max((end for _, end in places.values()), default=mark.end())
                partitions.append(places)
        rest += text[read_to:]
    data: dict[str, Any] = json.loads(rest)
    if len(partitions) != len(data["partitions"]) or not all(partitions):
        return _read_whole(path)
    for number, partition in enumerate(data["partitions"]):
        partition["services"] = _Services(path, number, partitions[number])
    return data


def _places(marks: Iterator[re.Match[bytes]]) -> dict[str, tuple[int, int]]:
    """Where each service of a partition begins and ends in the file, by name."""
    places: dict[str, tuple[int, int]] = {}
    name, begin = "", 0
    for mark in marks:
        if name:
            places[name] = begin, mark.start()
        if not mark[2]:
            break
        name, begin = mark[2].decode(), mark.start()
    return places


_Dict: Any = dict  # mypy knows of no class that is both a MutableMapping and this.


class _Services(MutableMapping[str, Any], _Dict):
    """The services of a partition by name: a dictionary whose values are read from the file when they are asked for.

    In the place of one that is not read yet stands where it is in the file.
    """

    def __init__(self, path: str, partition: int, places: dict[str, tuple[int, int]]) -> None:
        _Dict.__init__(self, places)
        self._path = path
        self._partition = partition

    def __getitem__(self, name: str) -> Any:
        value = _Dict.__getitem__(self, name)
        if isinstance(value, tuple):
            value = self._read(name, *value)
            _Dict.__setitem__(self, name, value)
        return value

    def _read(self, name: str, begin: int, end: int) -> Any:
        with open(self._path, "rb") as file:
            file.seek(begin)
            text = file.read(end - begin)
        try:
            return json.loads(b"{%s}" % text.rstrip(b", \r\n"))[name]
        except (ValueError, KeyError):  # Another botocore has been installed since.
            return _read_whole(self._path)["partitions"][self._partition]["services"][name]

    def __setitem__(self, name: str, value: Any) -> None:
        _Dict.__setitem__(self, name, value)

    def __delitem__(self, name: str) -> None:
        _Dict.__delitem__(self, name)

    def __iter__(self) -> Iterator[str]:
        """Not dict's own: Python would copy the values of such a dictionary without asking for them."""
        return _Dict.__iter__(self)

    def __len__(self) -> int:
        return _Dict.__len__(self)

    def __contains__(self, name: object) -> bool:
        return _Dict.__contains__(self, name)

    def __repr__(self) -> str:
        return repr(self.copy())

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def copy(self) -> dict[str, Any]:
        """A plain dictionary of all services."""
        return {name: self[name] for name in self}


def _read_whole(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        data: dict[str, Any] = json.load(file)
    return data
