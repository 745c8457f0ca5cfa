"""The chat page's address for a learner's browser, and its link."""

from __future__ import annotations

from pathlib import Path

import pytest

from classroom.page import HTML, PageLinks, ToCopy, own_page_address, page_address

AWS_URL = "wss://a1.execute-api.us-east-1.amazonaws.com/prod"
STAGE = {"LOCALSTAGE_URL": "http://127.0.0.1:4580"}
PAGES = {**STAGE, "LOCALSTAGE_PAGES_URL": "http://127.0.0.1:4580/_localstage/pages/"}
FILE = (HTML / "index.html").as_uri()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (PAGES, "http://127.0.0.1:4580/_localstage/pages/index.html?api=a1&stage=prod&name=Ann+B"),
        (
            {**PAGES, "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"},
            "/user/ann/proxy/4580/_localstage/pages/index.html?api=a1&stage=prod&name=Ann+B",
        ),
        (STAGE, f"{FILE}?url=ws%3A%2F%2F127.0.0.1%3A4580%2Fa1%2Fprod&name=Ann+B"),
        ({}, f"{FILE}?url=wss%3A%2F%2Fa1.execute-api.us-east-1.amazonaws.com%2Fprod&name=Ann+B"),
    ],
)
def test_page_address_when_derived(environ, expected):
    """localstage's own page where there is one, through a hub's proxy on a hub; the file otherwise, with the whole URL."""
    assert page_address(environ, "a1", "prod", AWS_URL, "Ann B") == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (PAGES, "http://127.0.0.1:4580/_localstage/pages/my_chat/page.html?url=/a1/prod&name=Ann+B"),
        (
            {**PAGES, "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"},
            "/user/ann/proxy/4580/_localstage/pages/my_chat/page.html?url=/user/ann/proxy/4580/a1/prod&name=Ann+B",
        ),
        (STAGE, "file:///home/my_chat/page.html?url=ws%3A%2F%2F127.0.0.1%3A4580%2Fa1%2Fprod&name=Ann+B"),
        ({}, "file:///home/my_chat/page.html?url=wss%3A%2F%2Fa1.execute-api.us-east-1.amazonaws.com%2Fprod&name=Ann+B"),
    ],
)
def test_own_page_address_when_derived(environ, expected):
    """The learner's page takes the chat's address from its link: a path of the same server where localstage serves it."""
    assert own_page_address(environ, Path("/home/my_chat"), "a1", "prod", AWS_URL, "Ann B") == expected


def test_page_links_when_there_is_no_page_yet():
    """In the place of links that lead nowhere stands what to do first."""
    links = PageLinks({"ben": "http://x/"}, "your page", "Write it first.")
    assert repr(links) == "<links to your page for ben>" and links._html() == "<div>Write it first.</div>"


def test_page_address_when_nobody_is_named():
    """Without a name the page keeps the one it remembers."""
    assert page_address(PAGES, "a1", "dev", AWS_URL).endswith("index.html?api=a1&stage=dev")


def test_page_links_when_shown():
    """What a saved notebook keeps names no port and no API; the links themselves open windows of their own."""
    links = PageLinks({"Ann": "http://127.0.0.1:4580/_localstage/pages/index.html?api=a1&name=Ann", "Ben": "/user/x/"})
    assert repr(links) == links._repr_mimebundle_()["text/plain"] == "<links to the chat page for Ann, Ben>"
    assert (
        'href="http://127.0.0.1:4580/_localstage/pages/index.html?api=a1&amp;name=Ann" target="_blank"' in links._html()
    )
    assert links._html().count("<a ") == 2


def test_page_links_when_the_page_is_a_file():
    """A file is no link, since no browser follows it from a notebook: its address is there to be copied, with advice."""
    html = PageLinks({"<b>": f"{FILE}?url=wss%3A%2F%2Fx"})._html()
    assert "<a " not in html and f"{FILE}?url=wss%3A%2F%2Fx" in html and "&lt;b&gt;" in html
    assert "<code>--pages html --more-pages my_chat</code>" in html


def test_text_to_copy_when_the_notebook_is_saved():
    """The field of the live cell holds the text; what a saved notebook keeps of it does not."""
    shown = ToCopy("the token", "a.b.c")._repr_mimebundle_()
    assert shown["text/plain"] == "<the token, to be copied>"
    assert "application/vnd.jupyter.widget-view+json" in shown and "a.b.c" not in str(shown)
