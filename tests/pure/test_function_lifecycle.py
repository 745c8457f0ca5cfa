"""The life of an execution environment follows its table."""

import itertools

import pytest

from localstage.functions.lifecycle import TRANSITIONS, IllegalStep, Lifecycle, Phase, Step


def life(phase: Phase = Phase.INIT) -> Lifecycle:
    return Lifecycle("e1", "f", "r1", 0.0, phase)


def test_life_of_a_served_environment():
    """From init an environment is ready, invokes, has answered, is ready again and ends."""
    environment = life()
    seen = []
    steps = (Step.NEXT, Step.INITIALISED, Step.ASSIGN, Step.ANSWER, Step.NEXT, Step.END)
    for now, step in enumerate(steps, 1):
        environment.take(step, now)
        seen.append((environment.phase, environment.since))
    assert seen == [
        (Phase.INIT, 0.0),
        (Phase.READY, 2),
        (Phase.INVOKE, 3),
        (Phase.ANSWERED, 4),
        (Phase.READY, 5),
        (Phase.ENDED, 6),
    ]


@pytest.mark.parametrize(
    ("phase", "step"), [pair for pair in itertools.product(Phase, Step) if pair not in TRANSITIONS]
)
def test_step_is_refused_when_the_table_has_no_row(phase, step):
    """What the table does not allow raises, names both the phase and the step, and changes nothing."""
    environment = life(phase)
    with pytest.raises(IllegalStep, match=f"in {phase.value} cannot {step.value}"):
        environment.take(step, 1.0)
    assert environment == life(phase)


def test_every_phase_can_end():
    """Whatever an environment does, its process may be gone the next moment."""
    assert {TRANSITIONS[phase, Step.END] for phase in Phase} == {Phase.ENDED}
