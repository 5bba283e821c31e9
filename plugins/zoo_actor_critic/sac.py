"""Soft actor-critic with a temperature that is learnt: https://arxiv.org/abs/1812.05905.

Algorithm 1 of the paper, with its names: alpha the temperature, pi the policy, a Gaussian squashed
by tanh, and Q the soft values of two critics, of which the least counts. What the paper leaves
open is as in Stable-Baselines3, whose tuned hyperparameters then carry over; gSDE is not there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo_actor_critic.configuration import KWARGS, ActionNoise, EntropyConfig, TwinKwargs
from zoo_actor_critic.continuous import least_slopes, regression
from zoo_actor_critic.networks import Critics
from zoo_actor_critic.soft import SoftAlgorithm
from zoo_torch.replay import Batch


class SACConfig(ActionNoise, EntropyConfig):
    """Soft actor-critic."""

    policy_kwargs: TwinKwargs = Field(TwinKwargs(), description=KWARGS)


class SAC(SoftAlgorithm):
    """Algorithm 1."""

    Config = SACConfig
    critics: Critics

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that there are no networks for."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        kwargs = config.policy_kwargs
        self.critics = Critics(
            self.inputs, self.k, kwargs.critic_units, members=kwargs.n_critics,
            activation=kwargs.activation_fn, rng=self.rng,
        )  # fmt: skip

    def update(self, batch: Batch, remaining: float) -> float:
        config: SACConfig = self.config
        rate = config.learning_rate(remaining)
        y = self._targets(batch)
        by_Q, loss = regression(self.critics(batch.rows, batch.actions), y)
        self.critics.descend(by_Q, rate)

        # eq. 9: J_pi = mean(alpha log pi(a | s) - min_i Q_i(s, a))
        pi = self.pi(batch.rows)
        by_Q = least_slopes(self.critics(batch.rows, pi.actions))
        self.improve(pi, self.critics.by_actions(by_Q), rate)
        if self.updates % config.target_update_interval == 0:
            self.critics.follow(config.tau)
        return loss

    def _targets(self, batch: Batch) -> np.ndarray:
        """eq. 2 and 3, and in them the least of the critics: (n,)

        y = r + gamma (min_i Q'_i(s', a') - alpha log pi(a' | s')),    a' ~ pi(. | s')
        """
        pi = self.pi(batch.next_rows)
        V = self.soft_values(self.critics.of_targets(batch.next_rows, pi.actions), pi)
        return batch.rewards + batch.discounts * V
