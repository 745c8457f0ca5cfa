"""The life of an execution environment follows its table."""

import itertools

import pytest

from localstage.functions.life import TRANSITIONS, IllegalMove, Life, Move, after


def test_life_of_a_served_environment():
    """From init an environment is ready, invokes, has answered, is ready again and ends."""
    life = Life.INIT
    seen = []
    for move in (Move.NEXT, Move.ASSIGN, Move.ANSWER, Move.NEXT, Move.END):
        life = after(life, move)
        seen.append(life)
    assert seen == [Life.READY, Life.INVOKE, Life.ANSWERED, Life.READY, Life.ENDED]


@pytest.mark.parametrize(("life", "move"), [pair for pair in itertools.product(Life, Move) if pair not in TRANSITIONS])
def test_move_is_refused_when_the_table_has_no_row(life, move):
    """What the table does not allow raises and names both the state and the move."""
    with pytest.raises(IllegalMove, match=f"in {life.value} cannot {move.value}"):
        after(life, move)


def test_every_state_can_end():
    """Whatever an environment does, its process may be gone the next moment."""
    assert all(after(life, Move.END) is Life.ENDED for life in Life)
