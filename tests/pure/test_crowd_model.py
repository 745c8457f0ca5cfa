"""The queueing model of lesson 10: what it must give where the answer is known without it, and that it is the same each time."""

from __future__ import annotations

import pytest

from classroom.labs.crowd_model import System, Way, delivery_s, error, fitted, growth_s

POST, ANSWER = 0.001, 0.01


def test_sequential_way_when_nothing_is_shared():
    """One worker takes, for each connection, its post and the answer, after the beginning."""
    system = System(answer_s=ANSWER, begin_s=0.5)
    assert delivery_s(system, Way(POST), 100) == pytest.approx(0.5 + 100 * (POST + ANSWER))
    assert delivery_s(system, Way(POST), 0) == 0


@pytest.mark.parametrize(("workers", "memory_mb"), [(2, 1_769), (16, 1_769), (16, 128), (3, 512), (16, 4_096)])
def test_workers_when_one_processor_serves_them(workers, memory_mb):
    """Side by side the slower of two bounds counts: the processor's time, or one worker's rounds."""
    compute = POST / min(1, memory_mb / 1_769)
    found = delivery_s(System(answer_s=ANSWER), Way(POST, workers, memory_mb=memory_mb), 480)
    bound = 480 * max(compute, (compute + ANSWER) / workers)
    assert bound <= found <= bound + ANSWER + compute * workers


def test_one_machine_when_functions_and_gateway_share_it():
    """With one processor for everything nothing is gained by workers; with one gateway, no more than it can answer."""
    one = System(answer_s=ANSWER, gateway_s=ANSWER, processors=1)
    assert delivery_s(one, Way(POST, 16), 50) == pytest.approx(50 * (POST + ANSWER))
    gateway = System(answer_s=ANSWER, gateway_s=ANSWER, processors=8)
    assert delivery_s(gateway, Way(POST, 16), 50) == pytest.approx(POST + 50 * ANSWER)
    half = System(answer_s=ANSWER, gateway_s=ANSWER / 2, processors=8)
    assert delivery_s(half, Way(POST, 16), 50) == pytest.approx(POST + 51 * ANSWER / 2)
    heard = System(answer_s=ANSWER, gateway_s=ANSWER, processors=8, listen_s=2 * ANSWER)
    assert delivery_s(heard, Way(POST, 16), 50) == pytest.approx(POST + ANSWER + 50 * 2 * ANSWER)


@pytest.mark.parametrize("listeners", [20_000, 30_000])
def test_wall_when_enough_invocations_post(listeners):
    """However many invocations there are, an account's posts take (listeners - bucket) / rate, and little more."""
    system = System(answer_s=ANSWER, rate=10_000, burst=5_000)
    wall = (listeners - 5_000) / 10_000
    assert wall <= delivery_s(system, Way(0.0001, 16, part=100), listeners) <= wall + 0.1


def test_bucket_when_it_is_never_empty():
    """A crowd that fits into the bucket is not slowed down by it."""
    system, way = System(answer_s=ANSWER, rate=10_000, burst=5_000), Way(POST, 16)
    assert delivery_s(system, way, 2_000) == delivery_s(System(answer_s=ANSWER), way, 2_000)


def test_parts_when_they_begin_one_after_the_other():
    """Each part begins when it has been given away; with too few environments parts wait for one that is free."""
    system = System(answer_s=ANSWER, give_s=0.1, part_begin_s=0.3)
    one_part = 0.3 + 10 * (POST + ANSWER)
    assert delivery_s(system, Way(POST, part=10), 50) == pytest.approx(5 * 0.1 + one_part)
    few = System(answer_s=ANSWER, environments=2)
    assert delivery_s(few, Way(POST, part=10), 50) == pytest.approx(3 * 10 * (POST + ANSWER))


def test_gateway_when_it_goes_on_after_its_answer():
    """A worker goes on as soon as it is answered; the gateway's rest keeps the next request waiting, and overlaps posts."""
    system = System(answer_s=ANSWER, gateway_s=3 * ANSWER, processors=8)
    assert delivery_s(system, Way(POST), 10) == pytest.approx(POST + 10 * 3 * ANSWER)
    assert delivery_s(system, Way(3 * ANSWER), 10) == pytest.approx(10 * 4 * ANSWER + 2 * ANSWER)


def test_answer_when_a_way_has_its_own():
    """A client that waits longer for its answers is slower, on the same system."""
    way = Way(POST, answer_s=2 * ANSWER)
    assert delivery_s(System(answer_s=ANSWER), way, 100) == pytest.approx(100 * (POST + 2 * ANSWER))


def test_fitted_system_when_one_time_is_known():
    """What one crowd took tells how much the gateway computes one after the other, and so what others will take."""
    for gateway_s in (0.004, 3 * ANSWER):
        true = System(answer_s=ANSWER, gateway_s=gateway_s, processors=2)
        way = Way(POST, 16)
        found = fitted(System(answer_s=ANSWER, processors=2), way, 100, growth_s(true, way, 100))
        assert found.gateway_s == pytest.approx(gateway_s, rel=0.01)
        assert delivery_s(found, way, 400) == pytest.approx(delivery_s(true, way, 400), rel=0.01)


def test_chance_when_the_seed_is_the_same():
    """Answers that vary give the same time for a seed, another for another, and around the same mean."""
    system = System(answer_s=ANSWER, tail=0.5)
    times = [delivery_s(system, Way(POST), 1_000, seed) for seed in (1, 1, 2)]
    assert times[0] == times[1] != times[2]
    assert times == [pytest.approx(1_000 * (POST + ANSWER), rel=0.1)] * 3
    assert error(1.1, 1.0) == pytest.approx(0.1)
