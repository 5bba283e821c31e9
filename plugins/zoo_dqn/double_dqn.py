"""Double DQN: van Hasselt et al. (2016), https://arxiv.org/abs/1509.06461."""

from __future__ import annotations

from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, regression
from zoo_torch.replay import Batch


class DoubleDQNConfig(EpsilonConfig):
    """Double DQN."""


class DoubleDQN(ValueLearner):
    """The online network chooses the next action, the target network says what it is worth."""

    Config = DoubleDQNConfig

    def slopes(self, batch: Batch) -> Slopes:
        """Equation 4 of the paper in the place of DQN's target:

        y = r + gamma Q(s', argmax_a' Q(s', a'; theta); theta-),
        L = mean(huber(Q(s, a; theta) - y))
        """
        chosen = self.online.infer(batch.next_rows).argmax(1)
        worth = of_actions(self.target.infer(batch.next_rows), chosen)
        y = batch.rewards + batch.discounts * worth
        return regression(self.online.forward(batch.rows), y, batch)
