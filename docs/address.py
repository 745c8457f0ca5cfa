"""Writes the repository's address into the files that have to have it whole: ``python -m docs.address OWNER/NAME``.

Links that GitHub completes (``../../issues``) need no address. A badge that leads to
Binder or Codespaces does, and so do CITATION.cff and localstage's package. Until a
copy of this repository is published, they have none; a second run replaces the first.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST = "notebooks/00-start-here.ipynb"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_BADGES = re.compile(r" \[!\[Binder\].*")
_CODE = re.compile(r"^repository-code: .*\n", re.MULTILINE)
_URLS = re.compile(r"^\[project\.urls\]\n(?:.+\n)+\n", re.MULTILINE)


def with_badges(readme: str, repository: str) -> str:
    """The README with the badges of Binder and Codespaces behind its own; it has one line of badges."""
    binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?labpath={FIRST}"
    more = (
        f" [![Binder](https://mybinder.org/badge_logo.svg)]({binder})"
        f" [![Codespaces](https://img.shields.io/badge/open_in-Codespaces-blue)](https://codespaces.new/{repository})"
    )
    lines = [_BADGES.sub("", line) + more if line.startswith("[![") else line for line in readme.split("\n")]
    return "\n".join(lines)


def with_code(citation: str, repository: str) -> str:
    """CITATION.cff with the address of the code, before the license."""
    code = f"repository-code: https://github.com/{repository}\n"
    return _CODE.sub("", citation).replace("license:\n", f"{code}license:\n", 1)


def with_urls(project: str, repository: str) -> str:
    """localstage's pyproject.toml with the address of its source, before its scripts."""
    urls = f'[project.urls]\nRepository = "https://github.com/{repository}"\n\n'
    return _URLS.sub("", project).replace("[project.scripts]\n", f"{urls}[project.scripts]\n", 1)


FILES = {"README.md": with_badges, "CITATION.cff": with_code, "localstage/pyproject.toml": with_urls}


def main(words: list[str]) -> int:
    """Writes the files; returns the exit status."""
    if len(words) != 1 or not _NAME.fullmatch(words[0]):
        sys.stderr.write("docs.address: give the repository as GitHub has it, such as somebody/serverless-chat.\n")
        return 2
    for name, change in FILES.items():
        path = ROOT / name
        path.write_text(change(path.read_text("utf-8"), words[0]), "utf-8")
        print(f"{name}: github.com/{words[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
