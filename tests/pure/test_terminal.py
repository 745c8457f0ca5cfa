"""What a learner types in a terminal."""

from __future__ import annotations

from classroom.reading.terminal import TerminalCommands, commands

URL = "wss://a1b2.execute-api.us-east-1.amazonaws.com/prod"


def test_commands_when_on_aws():
    """On AWS the address is all that a client needs."""
    assert commands(URL) == [f"python -m websockets {URL}", f"npx wscat -c {URL}"]


def test_commands_when_localstage_is_the_terminals_own():
    """wscat is told of the proxy; the other program reads it from the environment."""
    assert commands(URL, localstage_url="http://127.0.0.1:4580") == [
        f"python -m websockets {URL}",
        f'npx wscat --proxy "$HTTPS_PROXY" -c {URL}',
    ]


def test_commands_when_localstage_belongs_to_one_kernel():
    """The terminal is first told where that kernel's localstage is."""
    first, *others = commands(URL, localstage_url="http://127.0.0.1:4581", alone=True)
    assert first == 'eval "$(localstage env --port 4581)"'
    assert others == commands(URL, localstage_url="http://127.0.0.1:4581")


def test_commands_when_shown():
    """They are shown as text, and a saved notebook names no address."""
    shown = TerminalCommands(["python -m websockets wss://a1?b&c"])
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == repr(shown) == "<what to type in a terminal>"
    assert "wss:" not in str(bundle)
