"""Dueling network: Wang et al. (2016), https://arxiv.org/abs/1511.06581.

As in the paper the update is that of double DQN, and the network is what is new.
"""

from __future__ import annotations

from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, regression
from zoo_dqn.networks import QNetwork
from zoo_torch.replay import Batch


class DuelingDQNConfig(EpsilonConfig):
    """Dueling DQN."""


class DuelingDQN(ValueLearner):
    """One stream for how good a state is, one for how much better each action is than others."""

    Config = DuelingDQNConfig

    def make_network(self) -> QNetwork:
        """Return Q(s, a) = V(s) + A(s, a) - mean_a' A(s, a'), equation 9 of the paper."""
        return self.network(dueling=True)

    def slopes(self, batch: Batch) -> Slopes:
        """The loss of double DQN (https://arxiv.org/abs/1509.06461, eq. 4):

        y = r + gamma Q(s', argmax_a' Q(s', a'; theta); theta-),
        L = mean(huber(Q(s, a; theta) - y))
        """
        chosen = self.online.infer(batch.next_rows).argmax(1)
        worth = of_actions(self.target.infer(batch.next_rows), chosen)
        y = batch.rewards + batch.discounts * worth
        return regression(self.online.forward(batch.rows), y, batch)
