"""Deep Q-network: Mnih et al. (2015), https://doi.org/10.1038/nature14236.

Algorithm 1 of the paper, with its names: a network Q(s, a; theta) with replay memory D and a
target network of parameters theta-, epsilon-greedy. The optimiser is Adam in place of RMSprop,
as in Stable-Baselines3, whose tuned hyperparameters then carry over.
"""

from __future__ import annotations

from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, regression
from zoo_torch.replay import Batch


class DQNConfig(EpsilonConfig):
    """Deep Q-network."""


class DQN(ValueLearner):
    """Act epsilon-greedily, learn from random transitions, bootstrap from a slow copy."""

    Config = DQNConfig

    def slopes(self, batch: Batch) -> Slopes:
        """The loss of algorithm 1, with the error clipped as the paper's Methods have it:

        y = r + gamma max_a' Q(s', a'; theta-),    L = mean(huber(Q(s, a; theta) - y))
        """
        y = batch.rewards + batch.discounts * self.target.infer(batch.next_rows).max(1)
        return regression(self.online.forward(batch.rows), y, batch)
