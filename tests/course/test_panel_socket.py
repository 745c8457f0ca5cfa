"""The chat panel on a real WebSocket, against a server whose paths misbehave on purpose."""

from __future__ import annotations

import json
import socket
import threading
from http import HTTPStatus

import pytest
from websockets.sync.server import serve

from classroom.panel.chat_panel import Panel, PanelTimeout
from tests.stage.waiting import eventually


class ChatServer:
    """Sends each message to everyone; ``/refuse`` answers 401, ``/drop`` cuts the line, ``/bye`` closes with 1001."""

    def __init__(self):
        self.connections: set = set()
        self.joined = threading.Semaphore(0)
        self.left = threading.Event()
        self._server = serve(self._serve, "127.0.0.1", 0, process_request=self._refuse)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def url(self, path: str = "/prod") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def panel(self, name: str) -> Panel:
        """A panel of which the server knows."""
        panel = Panel(name, self.url())
        assert self.joined.acquire(timeout=60), f"the server did not see {name} within 60 s"
        return panel

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _refuse(self, connection, request):
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no") if request.path == "/refuse" else None

    def _serve(self, connection) -> None:
        path = connection.request.path
        if path == "/drop":
            connection.socket.close()
            return
        if path == "/bye":
            connection.close(1001, "Going away")
            return
        self.connections.add(connection)
        self.joined.release()
        try:
            for text in connection:
                self._spread(text)
        finally:
            self.connections.discard(connection)
            self.left.set()

    def _spread(self, text: str) -> None:
        sent = json.loads(text)
        for connection in list(self.connections):
            connection.send(json.dumps({"sender": sent["sender"], "message": sent["message"]}))


@pytest.fixture
def server():
    """A chat server on a loopback port."""
    running = ChatServer()
    yield running
    running.stop()


def test_panels_when_two_people_chat(server):
    """Each sees the other's messages, and a close by the panel has code 1000."""
    alice, bob = server.panel("alice"), server.panel("bob")
    alice.send("hi")
    bob.wait_for("hi")
    bob.send("hello")
    for screen in (alice, bob):
        screen.wait_for(count=2)
        screen.disconnect()
    assert alice.messages() == bob.messages() == [("alice", "hi"), ("bob", "hello")]
    assert alice.status == "disconnected 1000"


def test_panel_when_refused(server):
    """A refused handshake shows its HTTP status, and the field stays disabled."""
    panel = Panel("alice", server.url("/refuse"))
    assert panel.status == "refused 401"
    assert panel._view._entry.widget.disabled


def test_panel_when_nobody_listens():
    """An unreachable server is a refusal with the system's reason in words."""
    assert Panel("alice", "ws://127.0.0.1:9/prod").status == "refused Connection refused"


def test_panel_when_the_server_closes(server):
    """A close by the server shows its code and reason."""
    panel = Panel("alice", server.url("/bye"))
    panel.wait_disconnected()
    assert panel.status == "disconnected 1001 Going away"


def test_panel_when_the_line_is_cut(server):
    """A connection that breaks without a close frame is noticed."""
    panel = Panel("alice", server.url("/drop"))
    panel.wait_disconnected()
    assert panel.status.startswith("disconnected")


def test_panel_when_it_connects_again(server):
    """After a disconnect the same panel connects again and keeps its screen."""
    alice = server.panel("alice")
    alice.send("one")
    alice.wait_for("one")
    alice.disconnect()
    assert server.left.wait(60), "the server did not see alice leave within 60 s"
    with pytest.raises(ConnectionError):
        alice.send("lost")
    alice.connect()
    alice.send("two")
    alice.wait_for("two")
    alice.disconnect()
    assert [text for _, text in alice.messages()] == ["one", "two"]


def test_panel_when_disconnected_leaves_no_thread(server):
    """The socket's thread and its connection end with the disconnect."""
    before = threading.active_count()
    panel = server.panel("alice")
    panel.disconnect()
    assert server.left.wait(60), "the server did not see alice leave within 60 s"
    eventually(
        lambda: [thread.name for thread in threading.enumerate() if thread.name.startswith("chat socket")],
        lambda names: not names,
        "the socket's thread to end",
    )
    assert threading.active_count() <= before + 3  # the server's own threads for the connection may still end


def test_panel_when_it_catches_up(server):
    """What has been sent to it is on the screen then, in this connection and in the next; without one it returns."""
    panel = server.panel("alice")
    for turn in (1, 2):
        with panel._changed:  # The thread that reads has to wait, as on a busy machine.
            for number in range(50):
                server._spread(json.dumps({"sender": "bob", "message": str(number)}))
        panel.catch_up()
        assert len(panel.messages()) == 50 * turn
        panel.disconnect()
        panel.catch_up()
        panel.connect()
        assert server.joined.acquire(timeout=60), "the server did not see alice within 60 s"
    panel.disconnect()


def test_panel_when_the_line_is_cut_while_it_catches_up(server):
    """What will not be answered is not waited for."""
    panel = server.panel("alice")
    with panel._changed:  # It does not know yet.
        [connection] = server.connections
        connection.socket.shutdown(socket.SHUT_RDWR)
        assert server.left.wait(60), "the server did not see the end within 60 s"
    panel.catch_up(timeout=60)
    assert not panel.connected
    panel.disconnect()


def test_panel_when_the_message_never_comes(server):
    """A wait in vain ends in one sentence and leaves the panel usable."""
    panel = server.panel("alice")
    with pytest.raises(PanelTimeout, match="alice waited 0.05 s for 1 × 'never'; status: connected"):
        panel.wait_for("never", timeout=0.05)
    panel.send("now")
    panel.wait_for("now")
    panel.disconnect()
