"""What the pool decides, without any process: the time and the names are given."""

from itertools import count

from localstage.functions.lifecycle import Phase, Step
from localstage.functions.pool import Assign, End, Pool, PoolLimits, Start

LIMITS = PoolLimits(max_environments=3, concurrent_inits=2, idle_environment_s=300)


def new_pool(**changes):
    """A pool whose environments are called e1, e2, …"""
    numbers = count(1)
    limits = PoolLimits(**{**vars(LIMITS), **changes})
    return Pool(limits, lambda: f"e{next(numbers)}")


def enqueue(pool, *tickets, function="f", revision="r1", now=0.0):
    """Puts tickets into a function's queue."""
    for ticket in tickets:
        pool.enqueue(function, revision, ticket, now)


def warm(pool, *functions, now=0.0):
    """Gives each function one idle environment."""
    for function in functions:
        enqueue(pool, "first", function=function, now=now)
        start = pool.decide(now)[-1]
        freed(pool, start.environment, now)
        pool.decide(now)
        freed(pool, start.environment, now)


def freed(pool, environment, now):
    """The environment's init is over, or its invocation."""
    life = pool.life_of(environment)
    for step in (Step.INITIALISED,) if life.phase is Phase.INIT else (Step.ANSWER, Step.NEXT):
        life.take(step, now)


def test_environment_starts_when_the_function_has_none():
    """The first invocation starts an environment and runs in it when it is ready."""
    pool = new_pool()
    enqueue(pool, "t1")
    assert pool.decide(0) == [Start("e1", "f")]
    assert pool.decide(0.01) == []
    freed(pool, "e1", 0.2)
    assert pool.decide(0.2) == [Assign("e1", "t1")]


def test_environment_is_reused_when_it_is_free():
    """A free environment takes the next invocation; nothing starts."""
    pool = new_pool()
    warm(pool, "f")
    enqueue(pool, "t2", now=1)
    assert pool.decide(1) == [Assign("e1", "t2")]


def test_environment_that_was_started_first_comes_first():
    """Of two free environments the older one serves, whichever was used last, so that the other can rest."""
    pool = new_pool()
    enqueue(pool, "t1", "t2")
    assert len(pool.decide(0)) == 1
    assert pool.decide(0.06) == [Start("e2", "f")]
    freed(pool, "e2", 0.3)
    freed(pool, "e1", 0.4)
    assert pool.decide(0.4) == [Assign("e1", "t1"), Assign("e2", "t2")]
    freed(pool, "e1", 0.5)
    freed(pool, "e2", 0.6)
    enqueue(pool, "t3", now=0.7)
    assert pool.decide(0.7) == [Assign("e1", "t3")]


def test_queue_is_first_in_first_out():
    """The oldest waiting invocation runs first."""
    pool = new_pool()
    enqueue(pool, "t1", "t2", "t3")
    pool.decide(0)
    order = []
    for now in (1, 2, 3):
        freed(pool, "e1", now)
        order += [action.ticket for action in pool.decide(now) if isinstance(action, Assign)]
    assert order == ["t1", "t2", "t3"]


def test_second_environment_starts_only_for_an_invocation_that_waited():
    """A short queue is served by what is there; a wait of 50 ms is worth a start."""
    pool = new_pool()
    warm(pool, "f")
    enqueue(pool, "t1", "t2", now=1)
    assert pool.decide(1) == [Assign("e1", "t1")]
    assert pool.wake_at(1) == 1.05
    assert pool.decide(1.049) == []
    assert pool.decide(1.05) == [Start("e2", "f")]


def test_starts_are_as_many_as_waiting_invocations():
    """No environment starts without an invocation waiting for it."""
    pool = new_pool(concurrent_inits=10, max_environments=10)
    enqueue(pool, "t1", "t2", "t3")
    assert len(pool.decide(1)) == 3
    assert pool.decide(2) == []


def test_starts_are_as_few_as_processors():
    """Only so many inits run together; the next begins when one is over or is slow."""
    pool = new_pool(max_environments=10)
    enqueue(pool, *range(8))
    assert len(pool.decide(0.1)) == 2
    assert pool.decide(0.9) == []
    assert pool.decide(1.1) == [Start("e3", "f"), Start("e4", "f")]


def test_bound_holds_under_a_burst():
    """Five hundred waiting invocations get as many environments as allowed, and all are served."""
    pool = new_pool()
    enqueue(pool, *range(500))
    served, busy, most = [], [], 0
    for tick in range(1, 2000):
        now = tick * 0.1
        for environment in busy:
            freed(pool, environment, now)
        busy = []
        for action in pool.decide(now):
            busy.append(action.environment)
            served += [action.ticket] if isinstance(action, Assign) else []
        most = max(most, len(pool))
    assert most == 3
    assert served == list(range(500))


def test_idle_environment_of_another_function_makes_room():
    """At the bound an idle environment ends first, the longest unused one of a function with several."""
    pool = new_pool(max_environments=2)
    warm(pool, "a", now=0)
    warm(pool, "b", now=1)
    enqueue(pool, "t", function="c", now=2)
    assert pool.decide(2) == [End("e1")]
    assert pool.decide(2) == []
    pool.ended("e1")
    assert pool.decide(2.1) == [Start("e3", "c")]


def test_growth_spares_the_only_environment_of_a_busy_function():
    """For a second environment another function's only one must have rested for a while."""
    pool = new_pool(max_environments=2)
    warm(pool, "a", "b", now=10)
    enqueue(pool, "t1", "t2", function="a", now=10)
    assert pool.decide(10.1) == [Assign("e1", "t1")]
    assert pool.decide(10.9) == []
    assert pool.wake_at(10.9) == 10.9 + 0.25
    assert pool.decide(11) == [End("e2")]


def test_function_without_environment_gets_one_beyond_the_bound():
    """A function that waits for another cannot keep it from starting."""
    pool = new_pool(max_environments=1)
    enqueue(pool, "outer", function="a")
    pool.decide(0)
    freed(pool, "e1", 1)
    pool.decide(1)
    enqueue(pool, "inner", function="b", now=2)
    assert pool.decide(2) == [] and pool.wake_at(2) == 2.05
    assert pool.decide(2.05) == [Start("e2", "b")]
    enqueue(pool, "more", function="b", now=2)
    assert pool.decide(9) == []


def test_new_revision_starts_afresh_and_ends_the_old():
    """New code serves the next invocation at once; old environments end when they are free."""
    pool = new_pool()
    warm(pool, "f")
    enqueue(pool, "old", now=1)
    assert pool.decide(1) == [Assign("e1", "old")]
    enqueue(pool, "new", revision="r2", now=2)
    assert pool.decide(2) == [Start("e2", "f")]
    freed(pool, "e1", 3)
    assert pool.decide(3) == [End("e1")]
    freed(pool, "e2", 4)
    assert pool.decide(4) == [Assign("e2", "new")]


def test_idle_environment_ends_after_its_time():
    """An environment that served nothing for long ends, and the pool asks to be woken for it."""
    pool = new_pool()
    warm(pool, "f", now=5)
    assert pool.wake_at(6) == 305
    assert pool.decide(304.9) == []
    assert pool.decide(305) == [End("e1")]
    pool.ended("e1")
    assert len(pool) == 0 and not pool.knows("f") and pool.wake_at(306) is None


def test_environment_that_is_ending_gets_no_invocation():
    """An environment whose process died while it was idle is not chosen any more."""
    pool = new_pool()
    warm(pool, "f")
    pool.life_of("e1").take(Step.END, 1)
    enqueue(pool, "t1", now=1)
    assert pool.decide(1) == [Start("e2", "f")]


def test_failed_init_is_the_answer_of_all_who_waited_for_it():
    """Each of them would have got an environment that fails; later ones try again."""
    pool = new_pool()
    enqueue(pool, "t1", "t2")
    pool.decide(0)
    enqueue(pool, "late", now=0.1)
    assert pool.init_failed("e1", 2) == ["t1", "t2"]
    pool.ended("e1")
    assert pool.decide(0.2) == [Start("e2", "f")]


def test_failed_init_costs_one_invocation_when_other_environments_work():
    """An init that fails now and then does not fail the whole queue."""
    pool = new_pool()
    warm(pool, "f")
    enqueue(pool, "t1", "t2", "t3", now=1)
    pool.decide(1)
    assert pool.decide(1.1) == [Start("e2", "f"), Start("e3", "f")]
    assert pool.init_failed("e2", 2) == ["t2"]


def test_failed_init_of_old_code_fails_nobody():
    """Invocations that now wait for new code do not get the old code's error."""
    pool = new_pool()
    enqueue(pool, "t1")
    pool.decide(0)
    enqueue(pool, "t2", revision="r2", now=1)
    assert pool.init_failed("e1", 2) == []


def test_deleted_function_loses_its_environments_when_nothing_waits():
    """Retiring ends what is idle at once and what is busy afterwards."""
    pool = new_pool()
    enqueue(pool, "t1", "t2")
    pool.decide(1)
    pool.decide(1.1)
    for environment in ("e1", "e2"):
        freed(pool, environment, 2)
    pool.decide(2)
    freed(pool, "e1", 3)
    pool.retire(lambda name: name == "f")
    assert pool.decide(3) == [End("e1")]
    freed(pool, "e2", 4)
    assert pool.decide(4) == [End("e2")]


def test_abandoned_pool_gives_back_every_ticket():
    """At the end no invocation is forgotten."""
    pool = new_pool()
    enqueue(pool, "t1", "t2")
    enqueue(pool, "t3", function="g")
    assert pool.abandon() == ["t1", "t2", "t3"]
    assert pool.decide(1) == []
