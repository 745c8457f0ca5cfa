"""In what cells print, each error that the reference explains becomes a link to the lesson that explains it.

Works on the finished pages. The errors and their lessons are the rows of docs/reference.md.
"""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag

from docs.site.pages import ROOT

SECTION = "from-the-error-to-the-lesson"


def explained(page: str = (ROOT / "docs" / "reference.md").read_text("utf-8")) -> dict[str, str]:
    """The words of each error, with the file name of the lesson that explains it first."""
    section = page.split("## From the error to the lesson\n")[1].split("\n## ")[0]
    found = {}
    for line in section.splitlines():
        cells = line.split("|")
        lesson = re.search(r"\(\.\./notebooks/([\w-]+)\.ipynb\)", line)
        if lesson and len(cells) > 3:
            for quoted in re.findall(r"`([^`]+)`", cells[1]):
                found.update({part: f"{lesson[1]}.html" for part in quoted.split(" … ") if len(part) > 3})
    return found


def link_errors(pages: Path) -> int:
    """Change the finished lessons in ``pages``, the site's folder notebooks; returns how many links were made."""
    words = explained()
    anywhere = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))
    count = 0
    for page in pages.glob("*.html"):
        soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
        for text in soup.select("div.cell_output pre"):
            for said in list(text.find_all(string=anywhere)):
                if said.find_parent("a") is None:
                    count += _link(soup, said, anywhere, words, page.name)
        page.write_text(str(soup), "utf-8")
    return count


def _link(
    soup: BeautifulSoup, said: NavigableString, anywhere: re.Pattern[str], words: dict[str, str], page: str
) -> int:
    """Put links in place of the errors in one piece of text; returns how many."""
    pieces: list[NavigableString | Tag] = []
    end = 0
    for found in anywhere.finditer(said):
        lesson = words[found[0]]
        where = lesson if lesson != page else f"../docs/reference.html#{SECTION}"
        link = soup.new_tag("a", attrs={"class": "error", "href": where})
        link.string = found[0]
        pieces += [NavigableString(said[end : found.start()]), link]
        end = found.end()
    said.replace_with(*pieces, NavigableString(said[end:]))
    return len(pieces) // 2
