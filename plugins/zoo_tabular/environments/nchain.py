"""The chain of Strens, "A Bayesian framework for reinforcement learning", 2000, of any length."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from zoo import TransitionModel
from zoo_tabular.environments.arguments import number, whole
from zoo_tabular.environments.finite import ChainEnvironment, shared

NAME = "zoo/NChain-v0"

FORWARD, BACK = 0, 1


class NChain(ChainEnvironment):
    """Take 2 now and again, or walk to the end of the chain for 10 a step; it never ends.

    Action 0 moves one state forward and pays nothing, at the last state it stays there and pays
    `large`; action 1 goes back to the first state and pays `small`. With probability `slip` the
    agent does the other one. Episodes begin in the first state.
    """

    arrows: ClassVar[tuple[str, ...]] = ("→", "↩")

    def __init__(
        self,
        states: Any = 5,
        slip: Any = 0.2,
        small: Any = 2.0,
        large: Any = 10.0,
        render_mode: str | None = None,
    ) -> None:
        model = chain_model(
            whole(NAME, "states", states, at_least=2),
            number(NAME, "slip", slip, low=0.0, high=1.0),
            number(NAME, "small", small),
            number(NAME, "large", large),
        )
        super().__init__(model, render_mode)


@shared
def chain_model(states: int, slip: float, small: float, large: float) -> TransitionModel:
    """Return the transitions of a chain of `states`."""
    last = states - 1
    table = {}
    for state in range(states):
        forward = (min(state + 1, last), large if state == last else 0.0, False)
        back = (0, small, False)
        table[state] = {
            FORWARD: [(1 - slip, *forward), (slip, *back)],
            BACK: [(1 - slip, *back), (slip, *forward)],
        }
    initial = np.zeros(states)
    initial[0] = 1.0
    return TransitionModel.from_table(table, initial)
