"""Categorical DQN: Bellemare et al. (2017), https://arxiv.org/abs/1707.06887."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from zoo.agents.heads import Distributional, Head
from zoo.agents.selection import means
from zoo_dqn.categorical import log_softmax, project
from zoo_dqn.configuration import AtomsConfig, EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, spread
from zoo_torch.replay import Batch


class C51Config(AtomsConfig, EpsilonConfig):
    """Categorical DQN."""


class C51(ValueLearner):
    """Learn the distribution of the return of each action, and act by its mean."""

    Config = C51Config

    @cached_property
    def z(self) -> np.ndarray:
        """The atoms (N,)."""
        return self.config.atoms()

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
        following = self.target.infer(batch.next_rows)
        best = self.values(following).argmax(1)
        p_next = np.exp(log_softmax(of_actions(following, best)))
        m = project(p_next, batch.rewards, batch.discounts, self.z)
        logits = self.online.forward(batch.rows)
        log_p = log_softmax(of_actions(logits, batch.actions))
        cross_entropy = -(m * log_p).sum(1)
        by_taken = (np.exp(log_p) - m) * (batch.weights / np.float32(len(m)))[:, None]
        loss = float((batch.weights * cross_entropy).mean())
        return Slopes(spread(by_taken, batch.actions, logits), loss, cross_entropy)
