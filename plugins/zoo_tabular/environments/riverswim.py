"""RiverSwim: Strehl and Littman, "An analysis of model-based interval estimation for Markov
decision processes", 2008, figure 2.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from zoo import TransitionModel
from zoo_tabular.environments.arguments import whole
from zoo_tabular.environments.finite import ChainEnvironment, shared

NAME = "zoo/RiverSwim-v0"
SMALL, LARGE = 5.0, 10_000.0
AHEAD, STAY = 0.3, 0.6
"""How often swimming upstream succeeds and keeps its place; otherwise one is swept back."""

LEFT, RIGHT = 0, 1


class RiverSwim(ChainEnvironment):
    """Swim against the current for 10,000 units, or rest at the mouth for 5; it never ends.

    Action 0 swims left, with the current, and always succeeds; at the left bank it pays 5.
    Action 1 swims right: one state further with probability 0.3, in the same one with 0.6, one
    back with 0.1 (at the left bank 0.3 and 0.7). At the right end it stays and earns 10,000
    with probability 0.3, and is swept back otherwise. Episodes begin in the second or the third
    state.
    """

    arrows: ClassVar[tuple[str, ...]] = ("←", "→")

    def __init__(self, states: Any = 6, render_mode: str | None = None) -> None:
        model = river_swim_model(whole(NAME, "states", states, at_least=3))
        super().__init__(model, render_mode)


@shared
def river_swim_model(states: int) -> TransitionModel:
    """Return the transitions of a river of `states`."""
    last = states - 1
    table = {
        state: {
            LEFT: [(1.0, max(state - 1, 0), SMALL if state == 0 else 0.0, False)],
            RIGHT: _upstream(state, last),
        }
        for state in range(states)
    }
    initial = np.zeros(states)
    initial[1:3] = 0.5
    return TransitionModel.from_table(table, initial)


def _upstream(state: int, last: int) -> list[tuple[float, int, float, bool]]:
    if state == 0:
        return [(1 - AHEAD, 0, 0.0, False), (AHEAD, 1, 0.0, False)]
    if state == last:
        return [(1 - AHEAD, last - 1, 0.0, False), (AHEAD, last, LARGE, False)]
    back = 1 - AHEAD - STAY
    return [
        (back, state - 1, 0.0, False),
        (STAY, state, 0.0, False),
        (AHEAD, state + 1, 0.0, False),
    ]
