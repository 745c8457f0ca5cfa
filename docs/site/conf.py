"""Sphinx's settings for the site; ``python -m docs.site`` copies this file beside the pages and runs Sphinx there."""

import os

project = "Serverless chat, built cell by cell"
author = "The Serverless Chat Course authors"
html_title = "Serverless chat"
language = "en"
extensions = ["myst_nb"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]

nb_execution_mode = "off"  # The pages are the executed copies, which the tests compare with what cells say.
nb_merge_streams = True
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type", "misc.highlighting_failure"]

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("mermaid.min.js", {"defer": "defer"}), ("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "a11y-high-contrast-light"
html_context = {"default_mode": "auto"}
html_favicon = "_static/icon.svg"
html_theme_options = {
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copyright = "The Serverless Chat Course authors. Texts: CC BY 4.0, code: MIT"
if repository := os.environ.get("GITHUB_REPOSITORY"):
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository}",
        "use_issues_button": True,
        "use_repository_button": True,
        "path_to_docs": "",
        "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    }
