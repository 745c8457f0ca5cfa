"""The drawing of an account: what it says, to those who see it and to those who hear it."""

from __future__ import annotations

from xml.etree import ElementTree

from classroom.reading.account_map import AccountMap, Function

CHAT = AccountMap(
    tables={"ChatConnections": 2, "ChatMessages": 1},
    api="chat-api",
    staged=True,
    routes={"$connect": "chat_handler", "$default": "MOCK", "sendMessage": "chat_handler", "spare": ""},
    functions=(Function("chat_handler", "handlers", "a-role", ("ChatConnections", "ChatMessages")), Function("lonely")),
    stacks={"handlers": 9},
)
SVG = "{http://www.w3.org/2000/svg}"


def test_map_when_read_as_text():
    """Everything that exists is said in full sentences, without an id or a time."""
    assert repr(CHAT).splitlines() == [
        "API chat-api, stage prod",
        "  route $connect leads to chat_handler",
        "  route $default leads to MOCK",
        "  route sendMessage leads to chat_handler",
        "  route spare leads to nothing",
        "function chat_handler: a role of its own, uses ChatConnections and ChatMessages, of the stack handlers",
        "function lonely",
        "table ChatConnections: 2 rows",
        "table ChatMessages: 1 row",
        "stack handlers: 9 resources",
    ]


def test_map_when_drawn():
    """The drawing is well-formed, describes itself, has a box for each thing and a line for each relation."""
    drawing = ElementTree.fromstring(CHAT.svg())
    assert drawing.get("role") == "img" and drawing.find(f"{SVG}desc").text == repr(CHAT)
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    assert {"sendMessage", "chat_handler", "MOCK", "ChatMessages", "1 row", "stack handlers"} <= set(texts)
    assert len(list(drawing.iter(f"{SVG}rect"))) == 4 + 3 + 2
    assert len(list(drawing.iter(f"{SVG}path"))) == 3 + 2
    boxes = [
        (int(box.get("x")) + int(box.get("width")), int(box.get("y")) + int(box.get("height")))
        for box in drawing.iter(f"{SVG}rect")
    ]
    assert all(x <= int(drawing.get("width")) and y <= int(drawing.get("height")) for x, y in boxes)


def test_map_when_the_notebook_is_not_trusted():
    """JupyterLab strips the drawing to its words then: they stay apart, and dollar signs begin no formula."""
    shown = ElementTree.fromstring(CHAT._repr_html_())
    assert shown.get("class") == "mathjax_ignore"
    assert [line for line in "".join(shown.itertext()).splitlines() if line == "sendMessage"] == ["sendMessage"]


def test_map_when_there_is_nothing():
    """An empty account is drawn, too."""
    assert repr(AccountMap()) == "There is no API yet."
    ElementTree.fromstring(AccountMap().svg())


def test_map_when_a_name_is_markup():
    """Names are text: nothing of them becomes markup."""
    drawing = ElementTree.fromstring(AccountMap(tables={"<script>alert(1)</script>": 0}).svg())
    assert not list(drawing.iter(f"{SVG}script"))
