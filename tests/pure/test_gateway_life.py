"""Idle and duration limits of connections on a clock that the test moves, FIDELITY section 5."""

import asyncio

import pytest

from localstage.core.connection import Ending
from localstage.core.events import HandshakeRequest
from localstage.core.refusals import HandshakeRefused
from localstage.core.snapshot import ApiSnapshot, ServedStage
from localstage.gateway.connections import ConnectRequest
from localstage.gateway.executions import GatewayAccount
from localstage.gateway.gateway import MOST_IN_PROGRESS, Gateway
from localstage.gateway.integrations import Integrations
from localstage.settings import Settings
from tests.moved_clock import MovedClock

STAGE = ServedStage("api", "prod", "us-east-1", "1", ApiSnapshot("api", "d", "$request.body.action"))


class Line:
    """Stands for a client's socket; notes what was sent and how it was closed."""

    def __init__(self):
        self.sent, self.closed = [], []

    def send_text(self, text):
        self.sent.append(text)

    def close(self, ending):
        self.closed.append(ending)


class Stages:
    def find(self, api_id, stage_name):
        return STAGE

    def has_api_key(self, stage, key):
        return False


class NoFunctions:
    def function(self, arn):
        return None

    def may_invoke(self, function_arn, source_arn):
        return False


class Unread:
    def record_event(self, stage, record):
        """Nobody reads these logs."""

    def record_execution(self, stage, lines):
        """Nor these."""

    def record_sent(self, facts, region):
        """Nobody counts."""


ACCOUNT = GatewayAccount(Stages(), Integrations(NoFunctions(), None), Unread())


def on_a_gateway(scenario, began_s=0.0):
    async def run():
        clock = MovedClock()
        clock.move(began_s)
        gateway = Gateway(Settings(), clock, ACCOUNT, lambda n: bytes(range(n)))
        connection = gateway.new_connection(STAGE, "203.0.113.7", None, {})
        gateway.opened(connection)
        connection.socket = Line()
        scenario(gateway, connection, clock)
        await gateway.stop()

    asyncio.run(run())


@pytest.mark.fidelity("4.4", "5.3")
def test_idle_connection_when_ten_minutes_pass():
    """A connection without a message is closed 1001 "Going away" after ten minutes, not earlier."""

    def scenario(gateway, connection, clock):
        clock.move(599)
        assert connection.socket.closed == []
        clock.move(1)
        assert connection.socket.closed == [Ending(1001, "Going away")]

    on_a_gateway(scenario)


@pytest.mark.fidelity("5.3")
@pytest.mark.parametrize("began_s", [867.9, 749.9805431616883, 0.05])
def test_idle_connection_when_it_opened_at_no_round_time(began_s):
    """Ten minutes after its last message a connection is closed, whatever fraction of a second they began at."""

    def scenario(gateway, connection, clock):
        for _ in range(3):
            clock.move(599)
            gateway.received(connection, "hello")
        clock.move(599)
        assert connection.socket.closed == []
        clock.move(1)
        assert connection.socket.closed == [Ending(1001, "Going away")]

    on_a_gateway(scenario, began_s)


@pytest.mark.fidelity("5.3")
def test_idle_clock_when_messages_go_either_way():
    """A message from the client and a message to it both start the ten minutes anew."""

    def scenario(gateway, connection, clock):
        clock.move(599)
        gateway.send(connection, "hello")
        clock.move(599)
        gateway.received(connection, "hello")
        clock.move(599)
        assert connection.socket.closed == []
        clock.move(1)
        assert connection.socket.closed == [Ending(1001, "Going away")]

    on_a_gateway(scenario)


@pytest.mark.fidelity("5.4")
def test_connection_when_two_hours_pass():
    """A busy connection is closed after two hours."""

    def scenario(gateway, connection, clock):
        for _ in range(14):
            clock.move(500)
            gateway.send(connection, "still here")
        assert connection.socket.closed == []
        clock.move(200)
        assert connection.socket.closed == [Ending(1001, "Going away")]

    on_a_gateway(scenario)


@pytest.mark.parametrize("jump_s", [3 * 3600, -3 * 3600])
def test_connection_when_the_computers_clock_jumps(jump_s):
    """A time of day that is set forwards or back closes no connection early or late, and throttles nobody."""

    class Jumping(MovedClock):
        jumped_s = 0

        def now_ms(self):
            return super().now_ms() + self.jumped_s * 1000

    async def run():
        clock = Jumping()
        clock.move(100_000)
        gateway = Gateway(Settings(), clock, ACCOUNT, lambda n: bytes(range(n)))
        connection = gateway.new_connection(STAGE, "203.0.113.7", None, {})
        gateway.opened(connection)
        connection.socket = Line()
        for _ in range(14):
            clock.move(500)
            clock.jumped_s += jump_s
            gateway.send(connection, "still here")
        assert connection.socket.closed == []
        handshake = ConnectRequest(
            STAGE, gateway.new_connection(STAGE, "203.0.113.7", None, {}), HandshakeRequest((), ())
        )
        assert (await gateway.executions.connect(handshake)).status_code == 200
        clock.move(200)
        assert connection.socket.closed == [Ending(1001, "Going away")]
        await gateway.stop()

    asyncio.run(run())


def test_connection_when_it_has_ended():
    """An ended connection is unknown, its timers are off, and a second ending changes nothing."""

    def scenario(gateway, connection, clock):
        gateway.ended(connection, Ending(1005, ""))
        gateway.ended(connection, Ending(1006, ""))
        assert gateway.connections.get("api", "prod", connection.connection_id) is None
        clock.move(10_000)
        assert connection.socket.closed == []

    on_a_gateway(scenario)


@pytest.mark.fidelity("5.5")
def test_handshake_when_501_come_in_a_second():
    """The 501st handshake of a second is refused with 429, and a second later they are let in again."""

    async def run():
        clock = MovedClock()
        gateway = Gateway(Settings(), clock, ACCOUNT)

        async def status() -> int:
            connection = gateway.new_connection(STAGE, "203.0.113.7", None, {})
            try:
                asked = ConnectRequest(STAGE, connection, HandshakeRequest((), ()))
                return (await gateway.executions.connect(asked)).status_code
            except HandshakeRefused as refused:
                return refused.status

        assert [await status() for _ in range(501)] == [200] * 500 + [429]
        clock.move(1)
        assert [await status() for _ in range(501)] == [200] * 500 + [429]

    asyncio.run(run())


def test_messages_when_too_many_of_a_connection_are_in_progress():
    """The message that is one too many is answered as a throttled one, without being begun."""

    def scenario(gateway, connection, clock):
        for _ in range(MOST_IN_PROGRESS):
            gateway.received(connection, "hello")
        assert connection.socket.sent == []
        gateway.received(connection, "hello")
        [frame] = connection.socket.sent
        assert frame.startswith('{"message": "Too Many Requests", "connectionId":"')
        assert len(connection.being_served) == MOST_IN_PROGRESS

    on_a_gateway(scenario)
