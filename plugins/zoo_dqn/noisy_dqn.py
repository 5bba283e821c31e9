"""Noisy networks for exploration: Fortunato et al. (2018), https://arxiv.org/abs/1706.10295."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from zoo_dqn.configuration import ValueConfig
from zoo_dqn.learner import Slopes, ValueLearner, regression
from zoo_dqn.networks import QNetwork
from zoo_torch.replay import Batch


class NoisyDQNConfig(ValueConfig):
    """DQN whose noisy weights explore."""

    sigma: float = Field(
        0.5, gt=0, description="First deviation of the weights, times the root of the inputs."
    )


class NoisyDQN(ValueLearner):
    """Act greedily by weights that are drawn anew for each step: there is no epsilon."""

    Config = NoisyDQNConfig

    def make_network(self) -> QNetwork:
        """Return a network with factorised Gaussian noise, section 3 (b) of the paper."""
        return self.network(sigma=self.config.sigma)

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        self.online.draw(self.rng)
        return self.greedy(rows)

    def slopes(self, batch: Batch) -> Slopes:
        """The loss of section 3.1 of the paper, with the noise of the online network and that of
        the target drawn independently:

        y = r + gamma max_a' Q(s', a', eps'; zeta-),    L = mean(huber(Q(s, a, eps; zeta) - y))
        """
        self.target.draw(self.rng)
        y = batch.rewards + batch.discounts * self.target.infer(batch.next_rows).max(1)
        self.online.draw(self.rng)
        return regression(self.online.forward(batch.rows), y, batch)
