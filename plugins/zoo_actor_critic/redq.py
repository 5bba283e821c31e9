"""Randomized ensembled double Q-learning: Chen et al. (2021), https://arxiv.org/abs/2101.05982.

Algorithm 1 of the paper, with its names: G updates of N critics for each step of the environment;
a target is the least of M of the N target critics, drawn anew for each update, which keeps the
bias of the values near 0 while they are averaged over many; the policy, that of soft actor-critic,
is updated by their mean once for each G updates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import ZooError
from zoo_actor_critic.configuration import (
    KWARGS,
    ActionNoise,
    ActorCriticKwargs,
    EntropyConfig,
)
from zoo_actor_critic.continuous import mean_slopes, regression
from zoo_actor_critic.networks import Critics
from zoo_actor_critic.soft import SoftAlgorithm
from zoo_torch.replay import Batch


class EnsembleKwargs(ActorCriticKwargs):
    """How the networks are built."""

    n_critics: int = Field(10, ge=1, description="Critics, N.")


class REDQConfig(ActionNoise, EntropyConfig):
    """Randomized ensembled double Q-learning."""

    policy_kwargs: EnsembleKwargs = Field(EnsembleKwargs(), description=KWARGS)
    gradient_steps: int = Field(
        20,
        ge=-1,
        description="Updates of the critics at a time, G; -1: one for each step done.",
    )
    policy_delay: int = Field(
        20, ge=1, description="Updates of the critics for each of the policy, G in the paper."
    )
    subset_size: int = Field(2, ge=1, description="Critics whose least value makes a target, M.")


class REDQ(SoftAlgorithm):
    """Algorithm 1."""

    Config = REDQConfig
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
        """Refuse, by a `ZooError`, spaces that there are no networks for, and M > N."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        kwargs = config.policy_kwargs
        self.N, self.M = kwargs.n_critics, config.subset_size
        if self.M > self.N:
            raise ZooError(
                f"subset_size is {self.M}, but there are {self.N} critics",
                f"Set subset_size to {self.N} or less, or policy_kwargs.n_critics to more",
            )
        self.critics = Critics(
            self.inputs, self.k, kwargs.critic_units, members=self.N,
            activation=kwargs.activation_fn, rng=self.rng,
        )  # fmt: skip

    def update(self, batch: Batch, remaining: float) -> float:
        config: REDQConfig = self.config
        rate = config.learning_rate(remaining)
        y = self._targets(batch)
        by_Q, loss = regression(self.critics(batch.rows, batch.actions), y)
        self.critics.descend(by_Q, rate)
        if self.updates % config.target_update_interval == 0:
            self.critics.follow(config.tau)
        if (self.updates + 1) % config.policy_delay == 0:
            # J_pi = mean(alpha log pi(a | s) - mean_i Q_i(s, a))
            pi = self.pi(batch.rows)
            by_Q = mean_slopes(self.critics(batch.rows, pi.actions))
            self.improve(pi, self.critics.by_actions(by_Q), rate)
        return loss

    def _targets(self, batch: Batch) -> np.ndarray:
        """The targets of algorithm 1, (n,):

        y = r + gamma (min_{i in S} Q'_i(s', a') - alpha log pi(a' | s')),    a' ~ pi(. | s')

        where S are M of the N critics, others for each minibatch.
        """
        pi = self.pi(batch.next_rows)
        S = self.rng.choice(self.N, self.M, replace=False).tolist()
        V = self.soft_values(self.critics.of_targets(batch.next_rows, pi.actions, S), pi)
        return batch.rewards + batch.discounts * V
