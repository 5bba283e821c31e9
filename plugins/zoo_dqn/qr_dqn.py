"""Quantile-regression DQN: Dabney et al. (2018), https://arxiv.org/abs/1710.10044.

Defaults are those of sb3-contrib, whose tuned hyperparameters then carry over.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from pydantic import Field

from zoo import Schedule, ScheduleValue
from zoo.agents.heads import Head, Quantile
from zoo.agents.layers import Layer
from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, spread
from zoo_dqn.quantiles import quantile_huber
from zoo_torch.quantiles import midpoints
from zoo_torch.replay import Batch


class QRDQNConfig(EpsilonConfig):
    """Quantile-regression DQN."""

    learning_rate: ScheduleValue = Field(Schedule.parse(5e-5), description="Step size of Adam.")
    n_quantiles: int = Field(200, ge=1, description="Quantiles of each return, N.")
    kappa: float = Field(1.0, gt=0, description="Where the Huber loss turns linear.")
    exploration_fraction: float = Field(
        0.005, gt=0, le=1, description="Share of the run over which epsilon falls."
    )
    exploration_final_eps: float = Field(
        0.01, ge=0, le=1, description="Chance of a random action in the end."
    )
    max_grad_norm: float | None = Field(
        None, gt=0, description="Largest norm of the gradient; null: any."
    )
    adam_eps: float | None = Field(
        None, gt=0, description="Adam's epsilon; null: 0.01 / batch_size, as in the paper."
    )


class QRDQN(ValueLearner):
    """Learn quantiles of the return of each action, and act by their mean."""

    Config = QRDQNConfig

    @cached_property
    def tau(self) -> np.ndarray:
        """The midpoints (N,) of lemma 2."""
        return midpoints(self.config.n_quantiles)

    def row(self) -> tuple[int, ...]:
        """Return (actions, N)."""
        return (self.actions, len(self.tau))

    def values(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.mean(2)

    def head(self, epsilon: float) -> Head:
        return Quantile(len(self.tau), epsilon)

    def layers(self) -> list[Layer]:
        """Return the layers with quantiles first, as the head reads them."""
        *hidden, last = self.online.layers()
        order = np.arange(last.outputs).reshape(self.row()).T.ravel()
        assert last.bias is not None
        return [*hidden, Layer(last.weight[order], last.bias[order])]

    def slopes(self, batch: Batch) -> Slopes:
        """Algorithm 1 of the paper: with T theta_j = r + gamma theta_j(s', a*), where a* has the
        largest mean, and the quantile Huber loss of equation 10, over kappa as IQN has it,

        L = mean(sum_i mean_j rho_tau_i(T theta_j - theta_i(s, a)))
        """
        following = self.target.infer(batch.next_rows)
        best = self.values(following).argmax(1)
        T = batch.rewards[:, None] + batch.discounts[:, None] * of_actions(following, best)
        outputs = self.online.forward(batch.rows)
        theta = of_actions(outputs, batch.actions)
        by_theta, losses = quantile_huber(theta, T, self.tau[None], self.config.kappa)
        by_theta *= (batch.weights / np.float32(len(T)))[:, None]
        loss = float((batch.weights * losses).mean())
        return Slopes(spread(by_theta, batch.actions, outputs), loss, losses)
