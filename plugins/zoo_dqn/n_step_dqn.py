"""DQN with n-step returns: Mnih et al. (2016), https://arxiv.org/abs/1602.01783; the returns are
those of Sutton & Barto (2018), section 7.1, and out of a replay memory, as in Hessel et al. (2018),
https://arxiv.org/abs/1710.02298.
"""

from __future__ import annotations

from pydantic import Field

from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, regression
from zoo_torch.replay import Batch


class NStepDQNConfig(EpsilonConfig):
    """DQN with n-step returns."""

    n_steps: int = Field(3, ge=1, description="Steps of reward before bootstrapping, n.")


class NStepDQN(ValueLearner):
    """Bootstrap after n rewards: they are not corrected for having been earned by an older
    policy, which is a bias that small n keep small."""

    Config = NStepDQNConfig

    def slopes(self, batch: Batch) -> Slopes:
        """The loss of DQN with the n-step return of Sutton & Barto, equation 7.1, which the
        memory has made: `rewards` are R_{t+1} + ... + gamma^(n-1) R_{t+n}, `discounts` gamma^n.

        y = R_{t+1} + ... + gamma^n max_a' Q(S_{t+n}, a'; theta-),
        L = mean(huber(Q(S_t, A_t; theta) - y))
        """
        y = batch.rewards + batch.discounts * self.target.infer(batch.next_rows).max(1)
        return regression(self.online.forward(batch.rows), y, batch)
