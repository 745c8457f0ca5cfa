"""Which files of the repository are pages of the site, and where their links lead there.

The site has the repository's own words: pages are copied as they are, at the same
places, with only their links changed. A link to a file that is no page leads to
that file on GitHub where the repository's address is known, and is plain text where
it is not. Knows no Sphinx.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
HOME = "README.md"
LEARN = ("docs/handout.md", "docs/running.md", "docs/reference.md", "notebooks/GLOSSARY.md")
TEACH = ("INSTRUCTORS.md", "cloudformation/README.md", "cloudformation/variants/README.md", "handlers/README.md")
LOCALSTAGE = (
    "docs/localstage.md",
    "docs/differences.md",
    "docs/reliability.md",
    "docs/speed.md",
    "docs/conformance.md",
    "FIDELITY.md",
    "localstage/README.md",
)
CHANGE = ("CONTRIBUTING.md", "SECURITY.md", "notebooks/README.md", "AGENTS.md", "CHANGELOG.md", "LICENSE-TEXTS.md")
_NAMED = {HOME, "docs/README.md", *LEARN, *TEACH, *LOCALSTAGE, *CHANGE}
_OTHERS = (
    path.relative_to(ROOT).as_posix() for folder in ("docs", ".") for path in sorted((ROOT / folder).glob("*.md"))
)
SECTIONS = {
    "Lessons": tuple(f"notebooks/{name}" for name in LESSONS),
    "Look up": LEARN,
    "Teach": TEACH,
    "localstage": (*LOCALSTAGE, *(page for page in _OTHERS if page not in _NAMED)),
    "Take part": CHANGE,
}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Links:
    """Changes a page's links; ``repository`` is OWNER/NAME on GitHub, or empty."""

    repository: str

    def changed(self, text: str, page: str) -> str:
        """The text of ``page``, a path from the root, with every link as it has to be on the site. Code stays."""
        parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
        return "".join(
            part if part.startswith("```") else _LINK.sub(lambda found: self._link(found, page), part) for part in parts
        )

    def changed_html(self, html: str, page: str) -> str:
        """The same for what a cell of ``page`` has printed as HTML."""

        def link(found: re.Match[str]) -> str:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), found[1]))
            if "://" in found[1] or found[1].startswith("#"):
                return found[0]
            if not self.repository:
                return found[3]
            return f'<a href="https://github.com/{self.repository}/blob/HEAD/{target}"{found[2]}>{found[3]}</a>'

        return re.sub(r'<a href="([^"]+)"([^>]*)>(.*?)</a>', link, html)

    def _link(self, found: re.Match[str], page: str) -> str:
        picture, words, address = found.groups()
        if picture or "://" in address or address.startswith(("#", "mailto:")):
            return found[0]
        path, _, anchor = address.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        if target.startswith("../../"):  # GitHub's own pages, beside the files.
            return self._on_github(words, target.removeprefix("../../"))
        if re.fullmatch(r"notebooks/solutions/[\w-]+\.ipynb", target):
            target = target.replace("solutions/", "")  # They are folded into the lesson itself.
        if not is_page(target):
            return self._on_github(words, f"blob/HEAD/{target}" if (ROOT / target).is_file() else f"tree/HEAD/{target}")
        here = posixpath.relpath("index.md" if target == HOME else target, posixpath.dirname(page) or ".")
        return f"[{words}]({here}{'#' + anchor if anchor else ''})"

    def _on_github(self, words: str, rest: str) -> str:
        return f"[{words}](https://github.com/{self.repository}/{rest})" if self.repository else words


def is_page(path: str) -> bool:
    return path == HOME or any(path in pages for pages in SECTIONS.values())


def home(text: str) -> str:
    """The README as the site's first page: without the badges, which need GitHub, and with the contents of the site."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("[!["))
    lists = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"])
        for caption, pages in SECTIONS.items()
    ]
    return "\n\n".join([kept, *lists]) + "\n"
