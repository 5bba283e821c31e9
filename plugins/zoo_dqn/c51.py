"""Categorical DQN: Bellemare et al. (2017), https://arxiv.org/abs/1707.06887."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field, model_validator

from zoo import ZooError
from zoo.agents.heads import Distributional, Head
from zoo.agents.selection import means
from zoo_dqn.categorical import project, softmax
from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, spread
from zoo_torch.replay import Batch


class C51Config(EpsilonConfig):
    """Categorical DQN."""

    n_atoms: int = Field(51, ge=2, description="Returns that the distributions are made of, N.")
    v_min: float = Field(-10.0, description="The least of them.")
    v_max: float = Field(10.0, description="The largest of them.")

    @model_validator(mode="after")
    def _in_order(self) -> C51Config:
        if self.v_min >= self.v_max:
            raise ZooError(f"v_min {self.v_min} is not below v_max {self.v_max}")
        return self


class C51(ValueLearner):
    """Learn the distribution of the return of each action, and act by its mean."""

    Config = C51Config

    def __init__(self, config: C51Config, *spaces: Any, **settings: Any) -> None:
        self.z = np.linspace(config.v_min, config.v_max, config.n_atoms, dtype=np.float32)
        super().__init__(config, *spaces, **settings)

    def row(self) -> tuple[int, ...]:
        """Return (actions, N): the logits of each action's distribution."""
        return (self.actions, len(self.z))

    def values(self, outputs: np.ndarray) -> np.ndarray:
        return means(outputs, self.z)

    def head(self, epsilon: float) -> Head:
        return Distributional(self.z, epsilon)

    def slopes(self, batch: Batch) -> Slopes:
        """Algorithm 1 of the paper: m is the projection of r + gamma z under the target network's
        distribution of the best next action, and

        L = mean(-sum_i m_i log p_i(s, a; theta)),    dL/dlogit_i = (p_i - m_i) / n
        """
        following = self.target.forward(batch.next_rows)
        best = self.values(following).argmax(1)
        p_next = softmax(of_actions(following, best))
        m = project(p_next, batch.rewards, batch.discounts, self.z)
        logits = self.online.forward(batch.rows)
        p = softmax(of_actions(logits, batch.actions))
        cross_entropy = -(m * np.log(p + np.float32(1e-8))).sum(1)
        by_taken = (p - m) * (batch.weights / np.float32(len(m)))[:, None]
        loss = float((batch.weights * cross_entropy).mean())
        return Slopes(spread(by_taken, batch.actions, logits), loss, cross_entropy)
