"""rooms.yaml deployed: rooms, history, names and presence, for people whose lines are cut, and for hostile ones."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import ModuleType
from typing import Any

import pytest
import websocket
import websockets

from classroom.account.packages import HANDLERS
from classroom.panel.conversation import Conversation
from classroom.panel.room_panel import RoomPanel
from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, Site
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

ASK_AGAIN_S = 0.2
"""After that long a hundred events fit under the 500 a second of the template's stage."""


class Person:
    """A client of the chat with rooms."""

    def __init__(self, site: Site, url: str):
        self._socket = site.connect(url)
        self._socket.settimeout(120)
        self.heard: list[dict[str, Any]] = []
        self._rooms: set[str] = set()

    def next(self) -> dict[str, Any]:
        text = self._socket.recv()
        if not text:
            raise websocket.WebSocketConnectionClosedException("The server has closed.")
        return json.loads(text)

    def send(self, action: str, **fields: Any) -> None:
        self._socket.send(json.dumps({"action": action, **fields}))

    def hears(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; what comes before it is passed over, and nothing may be of a room never joined."""
        while True:
            self.heard.append(self.next())
            assert self.heard[-1].get("room") in {None, *self._rooms}, self.heard[-1]
            if self.heard[-1].get("type") == kind:
                return self.heard[-1]

    def hears_of(self, room: str, name: str, *, here: bool) -> None:
        """Waits until it is told that somebody has come or gone.

        Two invocations tell of what happened one after the other, and either may be first: whoever joins meanwhile
        may still hear of others.
        """
        while self.hears("presence") != {"type": "presence", "room": room, "name": name, "here": here}:
            pass

    def joins(self, room: str, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self._rooms.add(room)
        self.send("joinRoom", room=room, **fields)
        return self.hears("joined"), self.hears("history")

    def says(self, room: str, message: str) -> None:
        self.send("sendMessage", room=room, message=message)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def site(emptied: LocalStage) -> Iterator[Site]:
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    yield site
    site.close()


@pytest.fixture(scope="module")
def open_chat(site: Site) -> dict[str, str]:
    """The stack without a secret: names are what people say."""
    return site.deploy("open", "rooms.yaml")


def test_messages_stay_in_their_room(site: Site, open_chat: dict[str, str]) -> None:
    """Two rooms, one person in both: each hears its own, in order, and who joins later reads what was said."""
    ann, bob, eve = (Person(site, open_chat["WebSocketUrl"]) for _ in range(3))
    assert ann.joins("tea", name="Ann")[0]["members"] == ["Ann"]
    assert bob.joins("tea", name="Bob")[0]["members"] == ["Ann", "Bob"]
    bob.joins("chess", name="Bob")
    eve.joins("chess", name="Eve")
    ann.hears_of("tea", "Bob", here=True)
    bob.hears_of("chess", "Eve", here=True)
    ann.says("tea", "Milk?")
    eve.says("chess", "e4")
    milk = ann.hears("message")
    assert [milk[key] for key in ("room", "number", "sender", "message")] == ["tea", 1, "Ann", "Milk?"]
    heard = {frame["room"]: frame["message"] for frame in (bob.hears("message"), bob.hears("message"))}
    assert heard == {"tea": "Milk?", "chess": "e4"}
    assert eve.hears("message")["message"] == "e4"
    ann.says("chess", "d5")
    assert ann.hears("error")["message"] == "You are not in the room chess: join it first."
    _, history = ann.joins("chess", name="Ann")
    assert [message["message"] for message in history["messages"]] == ["e4"] and not history["more"]
    eve.hears_of("chess", "Ann", here=True)
    ann.send("leaveRoom", room="chess")
    eve.hears_of("chess", "Ann", here=False)
    ann.hears_of("chess", "Ann", here=False)
    bob.close()
    ann.hears_of("tea", "Bob", here=False)
    ann.send("listRooms")
    rooms = ann.hears("rooms")
    assert {"chess", "tea"} <= set(rooms["rooms"]) and rooms["yours"] == ["tea"] and rooms["from"] is None
    ann.send("listMembers", room="tea")
    assert ann.hears("members")["members"] == ["Ann"]


def test_nothing_lost_and_nothing_twice_when_lines_are_cut(site: Site, open_chat: dict[str, str]) -> None:
    """Two people write at once; a third, whose line is cut again and again, sees every message once, in one order."""
    url, chance = open_chat["WebSocketUrl"], random.Random(7)
    writers = [Person(site, url) for _ in range(2)]
    beginnings = [writer.joins("busy", name=f"writer-{number}")[1] for number, writer in enumerate(writers)]
    here, shown = Conversation("busy", "Cut"), []
    reader = Person(site, url)
    reader.send(**here.join())
    for number in range(20):
        for writer in writers:
            writer.says("busy", f"{number}")
        if chance.random() < 0.4:  # its frames on the way are lost
            reader.close()
            reader = Person(site, url)
            reader.send(**here.join())
        for _ in range(chance.randrange(6)):
            if (here.last or 0) >= 2 * number + 2:
                break  # nothing is on its way
            shown += here.receive(reader.next())
            if wish := here.wish():
                reader.send(**wish)
    while here.last is None or here.last < 40:
        shown += here.receive(reader.next())
        if wish := here.wish():
            reader.send(**wish)
    assert [frame["number"] for frame in shown] == list(range(1, 41))
    assert sorted(frame["message"] for frame in shown) == sorted(f"{number}" for number in [*range(20)] * 2)
    whole = Conversation("busy")
    order = whole.receive(beginnings[0])
    while whole.last != 40:
        order += whole.receive(writers[0].next())
    assert [frame["message_id"] for frame in order] == [frame["message_id"] for frame in shown]


def test_names_come_from_tokens_and_owners_throw_out(site: Site) -> None:
    """With a secret nobody gets in without a token, or speaks as somebody else, and who is thrown out stays out."""
    url = site.deploy("signed", "rooms.yaml", TokenSecret="a secret")["WebSocketUrl"]
    tokens = load_tokens()

    def person(name: str) -> Person:
        return Person(site, f"{url}?token={tokens.make_token(name, time.time() + 600, 'a secret')}")

    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        Person(site, url)
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    for one in (ann, bob, eve):
        one.joins("tea", name="ann")
    eve.says("tea", "I owe you ten euros.")
    assert bob.hears("message")["sender"] == "eve"
    eve.send("throwOut", room="tea", name="ann")
    assert eve.hears("error")["message"] == "The room tea is not yours."
    ann.send("throwOut", room="tea", name="eve")
    bob.hears_of("tea", "eve", here=False)
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        while True:
            eve.next()
    back = person("eve")
    back.send("joinRoom", room="tea")
    assert back.hears("error")["message"] == "You were thrown out of the room tea."
    site.delete("signed")


def load_tokens() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tokens", HANDLERS / "tokens.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_and_panel_in_one_room(site: Site, open_chat: dict[str, str], window: Any) -> None:
    """A page and a panel meet in a room; the page shows what was said before it came, who is there, and what it missed."""
    by_path = f"{site.target.stage.url.replace('http', 'ws')}/{open_chat['ApiId']}/prod"
    panel = RoomPanel("Pat", by_path, "salon")
    panel.send("line 0")
    panel.wait_for("line 0")
    for number in range(1, 60):
        panel.send(f"line {number}")
    panel.wait_for("line", count=60, timeout=120)
    ann = window().open().connect(by_path, "Ann", room="salon")
    ann.wait_line("line 59")
    assert ann.texts() == [text for _, text in panel.messages()[-50:]]
    ann.page.locator("#members").filter(has_text="2 here: Ann, Pat").wait_for()
    panel.wait_members("Ann", "Pat")
    ann.page.locator("#earlier").click()
    ann.page.locator("#earlier").wait_for(state="hidden")
    assert ann.texts() == [text for _, text in panel.messages()]

    ann.page.evaluate("() => connection.socket.close()")  # the line is cut, as far as the page can tell
    panel.send("while you were away")
    ann.wait_line("while you were away")
    ann.say("<b>back</b>")
    ann.wait_line("<b>back</b>", ".own:not(.pending)")
    panel.wait_for("<b>back</b>")
    assert ann.texts() == [text for _, text in panel.messages()]
    ann.picture("room")

    panel.go_to("attic")
    ann.page.locator("#members").filter(has_text="1 here: Ann").wait_for()
    assert (panel.room, panel.members, panel.messages()) == ("attic", ["Pat"], [])
    panel.go_to("salon")
    panel.earlier()
    assert len(panel.messages()) == 62 and panel.messages()[0] == ("Pat", "line 0")
    panel.disconnect()


def test_panel_when_its_question_was_throttled(site: Site, open_chat: dict[str, str]) -> None:
    """A panel that API Gateway lets in, and whose joining it refuses, joins by itself when there is room again."""
    stages, stage = site.target.client("apigatewayv2"), {"ApiId": open_chat["ApiId"], "StageName": "prod"}
    usual = stages.get_stage(**stage)["DefaultRouteSettings"]
    stages.update_stage(**stage, DefaultRouteSettings={"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 1})
    panel = RoomPanel("Pat", f"{site.target.stage.url.replace('http', 'ws')}/{open_chat['ApiId']}/prod", "hall")
    assert panel.connected and panel.members == [] and "Too Many Requests" in str(panel.transcript())
    stages.update_stage(**stage, DefaultRouteSettings=usual)
    panel.wait_members("Pat")
    panel.disconnect()


@asynccontextmanager
async def _admitted(url: str) -> AsyncIterator[websockets.ClientConnection]:
    """A connection, for which it asks again while more come in a second than the stage lets in."""
    while True:
        try:
            async with websockets.connect(url, open_timeout=120, ping_interval=None) as socket:
                yield socket
                return
        except websockets.InvalidStatus as refused:
            if refused.response.status_code != 429:
                raise
            await asyncio.sleep(ASK_AGAIN_S)


async def _introduced(socket: websockets.ClientConnection) -> dict[str, Any]:
    """What the chat knows of this connection, for which it asks again while more ask in a second than the stage serves."""
    while True:
        await socket.send('{"action": "who am I?"}')
        told = json.loads(await socket.recv())
        if told.get("message") != "Too Many Requests":
            return told["connection"]
        await asyncio.sleep(ASK_AGAIN_S)


def crowd(site: Site, chat: dict[str, str], size: int) -> tuple[dict[str, int], int]:
    """How often each of so many connections received one message in a room; they join by their rows alone."""
    by_path = f"{site.target.stage.url.replace('http', 'ws')}/{chat['ApiId']}/prod"
    writer = Person(site, chat["WebSocketUrl"])
    writer.joins("crowd", name="Writer")
    dynamodb = site.target.client("dynamodb")
    rows: list[dict[str, Any]] = []
    heard: dict[str, int] = {}

    async def gather_them() -> None:
        async with AsyncExitStack() as stack:
            sockets: list[Any] = []

            async def come(number: int) -> None:
                socket = await stack.enter_async_context(_admitted(by_path))
                connection_id = (await _introduced(socket))["connectionId"]
                heard[connection_id] = 0
                sockets.append(socket)
                row = {"room_id": "crowd", "connection_id": connection_id, "name": f"n{number}"}
                expires_at = {"N": str(int(time.time()) + 1_800)}
                rows.append({**{key: {"S": text} for key, text in row.items()}, "expires_at": expires_at})

            for start in range(0, size, 20):
                await asyncio.gather(*map(come, range(start, min(start + 20, size))))
            for start in range(0, size, 25):
                puts = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
                dynamodb.batch_write_item(RequestItems={"open-ChatMembers": puts})
            writer.says("crowd", "Hello, all of you")

            async def listen(socket: Any, connection_id: str) -> None:
                while json.loads(await asyncio.wait_for(socket.recv(), 120)).get("message") != "Hello, all of you":
                    pass
                heard[connection_id] += 1
                with suppress(TimeoutError):  # whoever is served twice hears it within this time
                    while json.loads(await asyncio.wait_for(socket.recv(), 2)):
                        heard[connection_id] += 1

            await asyncio.gather(*map(listen, sockets, heard))

    with ThreadPoolExecutor(1) as pool:  # since Playwright's own event loop may run in this thread
        pool.submit(asyncio.run, gather_them()).result()
    divided = eventually(lambda: told_by(site, "open-room_messages", "divided a room"), bool, "the room to be divided")
    return heard, divided[-1]["connections"]


def told_by(site: Site, function: str, what: str) -> list[dict[str, Any]]:
    """The lines of a function's log that tell of this."""
    return [json.loads(line) for line in site.logged(function) if f'"{what}"' in line]


def test_large_room_served_in_parts(site: Site, open_chat: dict[str, str]) -> None:
    """A room of 25, in parts of ten, is divided among three invocations: nobody is missed, nobody served twice."""
    functions = site.target.client("lambda")
    variables = functions.get_function_configuration(FunctionName="open-room_messages")["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName="open-room_messages", Environment={"Variables": {**variables, "FAN_OUT_PART": "10"}}
    )
    heard, divided = crowd(site, open_chat, 24)
    assert set(heard.values()) == {1} and divided == 25
    functions.update_function_configuration(FunctionName="open-room_messages", Environment={"Variables": variables})
    parts = eventually(
        lambda: told_by(site, "open-fan_out", "told a room"), lambda seen: len(seen) >= 3, "three parts of the room"
    )
    assert sorted(part["delivered"] for part in parts) == [5, 10, 10]


@pytest.mark.weekly
def test_crowd_of_5000_served_in_parts(site: Site, open_chat: dict[str, str]) -> None:
    """Five thousand connections in one room, eleven invocations: nobody is missed, nobody served twice."""
    heard, divided = crowd(site, open_chat, 5_000)
    assert set(heard.values()) == {1} and divided == 5_001
