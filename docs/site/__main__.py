"""Builds the site: ``python -m docs.site FOLDER``, with the packages of docs/requirements.txt and Node's npm.

Nothing is executed: the pages are the executed notebooks and the Markdown files that
the repository has. A warning of Sphinx ends it with status 1, and the folder holds no site.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from docs.site.errors import link_errors
from docs.site.lessons import diagrams, lesson_page
from docs.site.pages import HOME, LESSONS, ROOT, SECTIONS, Links, home
from docs.site.slides import slides_page

HERE = Path(__file__).resolve().parent
MERMAID = "mermaid@11.17.2"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.site", description="Builds the course's site.")
    parser.add_argument("folder", type=Path, help="where the site is written; what is there is replaced")
    site = parser.parse_args(arguments).folder
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "source"
        lay_out(source, Links(os.environ.get("GITHUB_REPOSITORY", "")))
        (source / "_static").mkdir()
        for file in [*(HERE / "static").iterdir(), *(ROOT / "docs" / "pictures").glob("*.webp")]:
            shutil.copy(file, source / "_static")
        fetch_mermaid(Path(work), source / "_static")
        status = sphinx(
            [
                "-b",
                "html",
                "-W",
                "--keep-going",
                "-q",
                "-d",
                str(Path(work) / "trees"),
                str(source),
                str(Path(work) / "site"),
            ]
        )
        if status:
            return status
        count = link_errors(Path(work) / "site" / "notebooks")
        (Path(work) / "site" / "slides").mkdir()
        for name in LESSONS:
            page = Path(work) / "site" / "slides" / name.replace(".ipynb", ".html")
            page.write_text(slides_page(name), "utf-8")
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(
            Path(work) / "site", site, ignore=shutil.ignore_patterns(".buildinfo", "*-macros.html", "_sources")
        )
    (site / ".nojekyll").touch()
    print(f"{site}: {len(list(site.rglob('*.html')))} pages, {count} errors linked to their lessons")
    return 0


def lay_out(source: Path, links: Links) -> None:
    """Write every page below ``source``, at its place in the repository."""
    source.mkdir()
    shutil.copy(HERE / "conf.py", source)
    shutil.copytree(ROOT / "docs" / "pictures", source / "docs" / "pictures", ignore=shutil.ignore_patterns("*.py*"))
    for page in [page for pages in SECTIONS.values() for page in pages if page.endswith(".md")]:
        target = source / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(diagrams(links.changed((ROOT / page).read_text("utf-8"), page)), "utf-8")
    (source / "index.md").write_text(links.changed(home((ROOT / HOME).read_text("utf-8")), HOME), "utf-8")
    for name in LESSONS:
        (source / "notebooks" / name).write_text(lesson_page(name, links), "utf-8")


def fetch_mermaid(work: Path, static: Path) -> None:
    """Put the program that draws the diagrams beside the pages, so that a reader's browser asks nobody else for it."""
    subprocess.run(["npm", "pack", "--silent", MERMAID], cwd=work, check=True, stdout=subprocess.DEVNULL)
    [archive] = work.glob("mermaid-*.tgz")
    with tarfile.open(archive) as files:
        program = files.extractfile("package/dist/mermaid.min.js")
        assert program is not None
        (static / "mermaid.min.js").write_bytes(program.read())


if __name__ == "__main__":
    sys.exit(main())
