"""Writes docs/api.md, what a program or a test may use of localstage in Python, from the code's own docstrings.

python docs/api.py          writes it
python docs/api.py --check  says with its exit status whether it is as it would be written
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("api.md")
REFERENCE = {
    "localstage": ("LocalStage", "NotStarted"),
    "localstage.settings": ("Settings",),
    "localstage.testing": ("localstage", "Stage"),
    "localstage.sessions": ("StageSession",),
    "localstage.project.deployment": ("Wanted", "Deployment", "StackEvent", "Address", "addresses", "NotDeployed"),
    "localstage.project.packaging": ("CannotPackage",),
}
"""What is public, by the module to import it from."""

_HEAD = """# localstage in Python

This page is written by `python docs/api.py` from the docstrings. How to use it is in
[localstage by itself](localstage.md).
"""


def page() -> str:
    """The whole page."""
    sections = [_HEAD]
    for module, names in REFERENCE.items():
        loaded = importlib.import_module(module)
        for name in names:
            sections += [f"## `{module}.{name}`", *_described(getattr(loaded, name))]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _described(thing: Any) -> Iterator[str]:
    thing = getattr(thing, "__wrapped__", None) or getattr(thing, "_fixture_function", None) or thing
    if inspect.isclass(thing):
        if not issubclass(thing, Exception):
            yield f"```python\n{thing.__name__}{_signature(thing)}\n```"
        yield _text(thing)
        values = {one.name for one in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
        for name, member in vars(thing).items():
            if (
                not name.startswith("_")
                and name not in values
                and (inspect.isfunction(member) or isinstance(member, property))
            ):
                function = member.fget if isinstance(member, property) else member
                shown = name if isinstance(member, property) else f"{name}{_signature(function)}"
                yield f"**`{shown}`**"
                yield _text(function)
        if dataclasses.is_dataclass(thing) and any(one.metadata for one in dataclasses.fields(thing)):
            rows = [f"| `{one.name}` | `{one.default!r}` | {_meaning(one)} |" for one in _options(thing)]
            yield "\n".join(["| Field | Default | Means |", "|---|---|---|", *rows])
    else:
        yield _text(thing)


def _options(settings: Any) -> Iterator[dataclasses.Field[Any]]:
    return (one for one in dataclasses.fields(settings) if "help" in one.metadata)


def _meaning(setting: dataclasses.Field[Any]) -> str:
    """The help of a setting's option; that of a switch which is on says what the option that switches it off does."""
    return f"`False`: {setting.metadata['help']}" if setting.default is True else setting.metadata["help"]


def _signature(function: Any) -> str:
    """The parameters as the source writes them, without ``self`` and without modules' names."""
    if dataclasses.is_dataclass(function) and len(dataclasses.fields(function)) > 8:
        return "(**fields)"
    text = str(inspect.signature(function)).replace("self, ", "").replace("(self)", "()")
    text = re.sub(r"<function [^>]*>[^>]*>|<function [^>]*>", "…", text)
    return text.replace("'", "").replace(" -> None", "")


def _text(thing: Any) -> str:
    """A docstring as Markdown."""
    return (inspect.getdoc(thing) or "").replace("``", "`")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(PAGE.read_text("utf-8") != page())
    PAGE.write_text(page(), "utf-8")
