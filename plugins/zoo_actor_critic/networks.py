"""Actors and critics: networks, their optimiser, and targets that follow them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo import State
from zoo.agents.layers import Layer
from zoo_torch.ensemble import Ensemble
from zoo_torch.optimizers import Adam

ARRANGE_EVERY = 200
"""Steps between rearrangements of the units, which cost as much as one step."""


class Trained:
    """Equal networks that learn with one optimiser, and their targets, if any."""

    def __init__(self, online: Ensemble, *, targets: bool) -> None:
        """Targets begin as copies of the networks `online`."""
        self.online, self.target = online, online.twin() if targets else None
        self.optimizer = Adam(online.parameters, eps=1e-8)
        self._work = np.empty_like(online.parameters)

    def step(self, rate: float) -> None:
        """Step along the gradient of the last pass."""
        optimizer = self.optimizer
        optimizer.step(self.online.parameters, self.online.gradient, rate)
        if optimizer.t % ARRANGE_EVERY == 0:
            targets = [] if self.target is None else [self.target.parameters]
            self.online.arrange([self.online.parameters, optimizer.m, optimizer.v, *targets])

    def follow(self, tau: float) -> None:
        """Let the targets take over a share of the parameters."""
        assert self.target is not None
        np.subtract(self.online.parameters, self.target.parameters, out=self._work)
        self._work *= np.float32(tau)
        self.target.parameters += self._work

    def state(self) -> State:
        """Return everything that learns, copied."""
        return {
            "parameters": self.online.parameters.copy(),
            "targets": None if self.target is None else self.target.parameters.copy(),
            "optimizer": self.optimizer.state(),
            "activity": self.online.activity.copy(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.online.parameters[:] = state["parameters"]
        if self.target is not None:
            self.target.parameters[:] = state["targets"]
        self.optimizer.load_state(state["optimizer"])
        self.online.activity[:] = state["activity"]


class Actor(Trained):
    """One network from observations to what a policy is made of."""

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str,
        rng: np.random.Generator,
        targets: bool = False,
    ) -> None:
        """Draw the first weights from `rng`; sizes are (inputs, units ..., outputs)."""
        super().__init__(Ensemble(1, sizes, activation, rng), targets=targets)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs), to be used before the next pass over n rows."""
        return self.online.members[0].forward(rows)

    def training(self, rows: np.ndarray) -> np.ndarray:
        """Return the same: only networks that normalise tell learning from acting."""
        return self(rows)

    def of_target(self, rows: np.ndarray) -> np.ndarray:
        """Return the target network's outputs (n, outputs)."""
        assert self.target is not None
        return self.target.members[0].forward(rows)

    def descend(self, by_outputs: np.ndarray, rate: float) -> None:
        """Make a step, given a loss's gradient (n, outputs) by the outputs of the last call."""
        self.online.members[0].backward(by_outputs)
        self.step(rate)

    def layers(self) -> list[Layer]:
        """Return copies of the layers, for an agent."""
        *hidden, (weight, bias) = self.online.members[0].parameters
        return [
            *(Layer(w.T, b, self.online.activation) for w, b in hidden),
            Layer(weight.T, bias),
        ]


class Critics(Trained):
    """Networks from observations and actions to values, or to several numbers each."""

    def __init__(
        self,
        inputs: int,
        actions: int,
        units: Sequence[int],
        *,
        members: int,
        outputs: int = 1,
        activation: str,
        rng: np.random.Generator,
        targets: bool = True,
    ) -> None:
        """Take observations of so many numbers and actions of so many."""
        sizes = (inputs + actions, *units, outputs)
        super().__init__(Ensemble(members, sizes, activation, rng), targets=targets)
        self._inputs = inputs

    def __call__(
        self, rows: np.ndarray, actions: np.ndarray, members: Sequence[int] = ()
    ) -> np.ndarray:
        """Return the outputs (E, n, outputs) for observations (n, inputs) and actions (n, k),
        of all critics or of these `members`."""
        return self.online.forward(np.concatenate([rows, actions], axis=1), members)

    def training(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the same of all critics: only those that normalise tell learning from judging."""
        return self(rows, actions)

    def of_targets(
        self, rows: np.ndarray, actions: np.ndarray, members: Sequence[int] = ()
    ) -> np.ndarray:
        """Return the target networks' outputs (E, n, outputs)."""
        assert self.target is not None
        return self.target.forward(np.concatenate([rows, actions], axis=1), members)

    def descend(self, by_outputs: np.ndarray, rate: float) -> None:
        """Make a step, given a loss's gradient (E, n, outputs) by the outputs of the last call."""
        self.online.backward(by_outputs)
        self.step(rate)

    def by_actions(self, by_outputs: np.ndarray, members: Sequence[int] = ()) -> np.ndarray:
        """Return the gradient of a scalar by the actions (n, k) of the last call, given that by
        the outputs (E, n, outputs)."""
        return self.online.input_gradient(by_outputs, begin=self._inputs, members=members)
