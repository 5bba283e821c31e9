"""An actor and critics whose layers read what batches normalise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo import State
from zoo.agents.layers import Layer
from zoo_torch.chain import Chain, batch_norm_layers
from zoo_torch.optimizers import Adam

BETAS = (0.5, 0.999)
"""Adam's, https://arxiv.org/abs/1902.05605, appendix."""


class BatchNorm(NamedTuple):
    """How batches normalise; see `zoo_torch.batch_norm.BatchRenorm`."""

    momentum: float
    eps: float
    warmup: int


BATCH_NORM = BatchNorm(momentum=0.01, eps=1e-5, warmup=2**62)
"""Batch normalisation without end, and so without renormalisation."""


class Normalized:
    """Networks that learn with one optimiser, and their targets, if any."""

    def __init__(
        self,
        members: int,
        sizes: Sequence[int],
        *,
        activation: str,
        norm: BatchNorm | None,
        rng: np.random.Generator,
        targets: bool = False,
        betas: tuple[float, float] = BETAS,
    ) -> None:
        """Draw the first weights from `rng`; sizes are (inputs, units ..., outputs)."""
        settings = None if norm is None else norm._asdict()
        self.network = Chain(batch_norm_layers(members, sizes, activation, settings), rng)
        self.target = self.network.twin() if targets else None
        self.optimizer = Adam(self.network.parameters, betas=betas, eps=1e-8)

    def step(self, by_outputs: np.ndarray, rate: float) -> None:
        """Step along a loss's gradient, given that (E, n, outputs) by the last outputs."""
        self.network.backward(by_outputs)
        self.optimizer.step(self.network.parameters, self.network.gradient, rate)

    def follow(self, tau: float) -> None:
        """Let the targets take over a share of the parameters, and of the running moments."""
        assert self.target is not None
        for target, online in zip(self.target.vectors(), self.network.vectors(), strict=True):
            target[...] += np.float32(tau) * (online - target)

    def state(self) -> State:
        """Return everything that learns, copied."""
        return {
            "network": self.network.state(),
            "target": None if self.target is None else self.target.state(),
            "optimizer": self.optimizer.state(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.network.load_state(state["network"])
        if self.target is not None:
            self.target.load_state(state["target"])
        self.optimizer.load_state(state["optimizer"])


class NormalizedActor(Normalized):
    """One network from observations to what a policy is made of."""

    def __init__(
        self,
        sizes: Sequence[int],
        **settings: Any,
    ) -> None:
        """Take what `Normalized` takes."""
        super().__init__(1, sizes, **settings)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) for acting, by running moments."""
        return self.network.forward(rows)[0]

    def training(self, rows: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) by the moments of these rows, which the running ones
        take in."""
        return self.network.forward(rows, training=True)[0]

    def of_target(self, rows: np.ndarray) -> np.ndarray:
        """Return the target network's outputs (n, outputs), by running moments."""
        assert self.target is not None
        return self.target.forward(rows)[0]

    def descend(self, by_outputs: np.ndarray, rate: float) -> None:
        """Make a step, given a loss's gradient (n, outputs) by what `training` returned last."""
        self.step(by_outputs[None], rate)

    def layers(self) -> list[Layer]:
        """Return the network for acting as layers, for an agent."""
        return self.network.folded()


class NormalizedCritics(Normalized):
    """Networks from observations and actions to values."""

    def __init__(
        self,
        inputs: int,
        actions: int,
        units: Sequence[int],
        *,
        members: int,
        **settings: Any,
    ) -> None:
        """Take observations of so many numbers and actions of so many, and what `Normalized`
        takes."""
        super().__init__(members, (inputs + actions, *units, 1), **settings)
        self._inputs = inputs

    def __call__(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the values (E, n, 1) by running moments, for judging actions."""
        return self.network.forward(np.concatenate([rows, actions], axis=1))

    def training(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the values (E, n, 1) by the moments of these rows, which the running ones take
        in."""
        return self.network.forward(np.concatenate([rows, actions], axis=1), training=True)

    def of_targets(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the target networks' values (E, n, 1), by running moments."""
        assert self.target is not None
        return self.target.forward(np.concatenate([rows, actions], axis=1))

    def jointly(
        self,
        rows: np.ndarray,
        actions: np.ndarray,
        next_rows: np.ndarray,
        next_actions: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of (s, a) and of (s', a'), (E, n, 1) each, by the moments of both
        together, which the running ones take in."""
        x = np.block([[rows, actions], [next_rows, next_actions]])
        Q = self.network.forward(x, training=True)
        return Q[:, : len(rows)], Q[:, len(rows) :]

    def descend(self, by_Q: np.ndarray, rate: float) -> None:
        """Make a step, given a loss's gradient (E, n, 1) by what `training` returned last."""
        self.step(by_Q, rate)

    def descend_jointly(self, by_Q: np.ndarray, rate: float) -> None:
        """Make a step, given a loss's gradient (E, n, 1) by the first values that `jointly`
        returned last; the second ones are constants to it."""
        self.step(np.concatenate([by_Q, np.zeros_like(by_Q)], axis=1), rate)

    def by_actions(self, by_Q: np.ndarray) -> np.ndarray:
        """Return the gradient of a scalar by the actions (n, k) of the last call, given that by
        the values (E, n, 1)."""
        return self.network.input_gradient(by_Q, begin=self._inputs)
