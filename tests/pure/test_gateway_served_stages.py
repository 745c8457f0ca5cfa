"""What each stage serves, as the gateway sees it, at once and at AWS's pace."""

import asyncio
from dataclasses import replace

from localstage.core.snapshot import ApiSnapshot, KnownApis, ServedStage
from localstage.gateway.served_stages import ServedStages
from tests.moved_clock import MovedClock


def served(deployment: str) -> ServedStage:
    return ServedStage("api", "prod", "us-east-1", "1", ApiSnapshot("api", deployment, "$request.body.action"))


def on_a_loop(scenario, delay_s: float = 0.0) -> None:
    async def run():
        clock = MovedClock()
        stages = ServedStages(clock, delay_s)
        stages.begin(asyncio.get_running_loop())

        async def publish(what: ServedStage | None) -> None:
            """As the account's thread does it while it answers a call."""
            await asyncio.to_thread(stages.publish, "api", "prod", what)

        await scenario(stages, publish, clock)

    asyncio.run(run())


def test_stage_when_a_call_that_changed_it_has_been_answered():
    """Who waits for the thread that published a change sees it, also when there were several."""

    async def scenario(stages, publish, clock):
        assert stages.find("api", "prod") is None
        for number in range(20):
            await publish(served(str(number)))
            assert stages.find("api", "prod") == served(str(number))
        await publish(None)
        assert stages.find("api", "prod") is None

    on_a_loop(scenario)


def test_stage_when_changes_take_their_time():
    """At AWS's pace a change is seen after the delay, each in its turn."""

    async def scenario(stages, publish, clock):
        await publish(served("first"))
        clock.move(0.5)
        await publish(served("second"))
        assert stages.find("api", "prod") is None
        clock.move(0.5)
        assert stages.find("api", "prod") == served("first")
        clock.move(0.5)
        assert stages.find("api", "prod") == served("second")

    on_a_loop(scenario, delay_s=1.0)


def test_stage_when_it_goes_before_it_was_seen():
    """A stage that is gone is gone at once, and what was to be seen of it never is; its name can be used again."""

    async def scenario(stages, publish, clock):
        await publish(served("old"))
        clock.move(0.9)
        await publish(None)
        await publish(served("new"))
        clock.move(0.5)
        assert stages.find("api", "prod") is None
        clock.move(0.5)
        assert stages.find("api", "prod") == served("new")

    on_a_loop(scenario, delay_s=1.0)


def test_api_keys_when_they_are_published():
    """A key opens the stage that it was published for and no other, until it is published no more."""

    async def scenario(stages, publish, clock):
        stage, other = served("first"), replace(served("first"), stage_name="dev")
        assert not stages.has_api_key(stage, "secret")
        stages.publish_apis(KnownApis(api_keys={("api", "prod"): frozenset({"secret"})}))
        assert [stages.has_api_key(one, "secret") for one in (stage, other)] == [True, False]
        assert not stages.has_api_key(stage, "wrong")
        stages.publish_apis(KnownApis())
        assert not stages.has_api_key(stage, "secret")

    on_a_loop(scenario)


def test_kind_when_an_api_is_not_served():
    """An API that exists and is no WebSocket API is known by its kind; of any other id nothing is known."""

    async def scenario(stages, publish, clock):
        stages.publish_apis(KnownApis({"pages": "HTTP", "old": "REST"}))
        assert [stages.unserved_kind(api_id) for api_id in ("pages", "old", "api")] == ["HTTP", "REST", None]

    on_a_loop(scenario)
