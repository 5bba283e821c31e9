"""CrossQ: Bhatt et al. (2024), https://arxiv.org/abs/1902.05605.

Soft actor-critic less the target networks, and with batch normalisation, Adam with beta_1 = 0.5,
and wider critics (section 3 of the paper and its figure 3). The critics see (s, a) and (s', a')
in one pass, so that what normalises them are the moments of both together:

    [Q(s, a), Q(s', a')] = Q([s, s'], [a, a'])

and Q(s', a') counts as a constant in the target. Batch normalisation is batch renormalisation
once many batches have been seen, and where actions are chosen or judged it goes by its running
means. The critics are of [1024, 1024] as in sb3-contrib, whose tuned hyperparameters then carry
over; the paper's are of [2048, 2048].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import Schedule, ScheduleValue
from zoo_actor_critic.configuration import (
    KWARGS,
    ActionNoise,
    ActorCriticUnits,
    TemperatureConfig,
    TwinKwargs,
    Units,
)
from zoo_actor_critic.continuous import least_slopes, regression
from zoo_actor_critic.normalized import BatchNorm, NormalizedActor, NormalizedCritics
from zoo_actor_critic.soft import SoftAlgorithm
from zoo_torch.configuration import OffPolicyConfig
from zoo_torch.replay import Batch
from zoo_torch.squashed import SquashedGaussian


class CrossKwargs(TwinKwargs):
    """How the networks are built."""

    net_arch: Units | ActorCriticUnits = Field(
        ActorCriticUnits(pi=[256, 256], qf=[1024, 1024]),
        description="Units of the hidden layers: one list for all, or {pi, qf}.",
    )
    batch_norm: bool = Field(True, description="Normalise what each layer reads.")
    batch_norm_momentum: float = Field(
        0.01, gt=0, le=1, description="Weight of the last batch in the running moments."
    )
    batch_norm_eps: float = Field(0.001, gt=0, description="Added to variances.")
    renorm_warmup_steps: int = Field(
        100_000, ge=0, description="Batches before batch normalisation becomes renormalisation."
    )


class CrossQConfig(TemperatureConfig, ActionNoise, OffPolicyConfig):
    """CrossQ."""

    policy_kwargs: CrossKwargs = Field(CrossKwargs(), description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(1e-3), description="Step size of Adam.")
    policy_delay: int = Field(3, ge=1, description="Updates of the critics for each of the actor.")


class CrossQ(SoftAlgorithm):
    """SAC without targets, by batch normalisation."""

    Config = CrossQConfig
    actor: NormalizedActor
    critics: NormalizedCritics

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
        self.critics = NormalizedCritics(
            self.inputs, self.k, kwargs.critic_units, members=kwargs.n_critics,
            activation=kwargs.activation_fn, norm=self._norm(), rng=self.rng,
        )  # fmt: skip

    def make_actor(self) -> NormalizedActor:
        kwargs = self.config.policy_kwargs
        sizes = (self.inputs, *kwargs.actor_units, 2 * self.k)
        return NormalizedActor(
            sizes, activation=kwargs.activation_fn, norm=self._norm(), rng=self.rng
        )

    def update(self, batch: Batch, remaining: float) -> float:
        config: CrossQConfig = self.config
        rate = config.learning_rate(remaining)
        next_pi = self.pi(batch.next_rows)
        Q, next_Q = self.critics.jointly(
            batch.rows, batch.actions, batch.next_rows, next_pi.actions
        )
        # y = r + gamma (min_i Q_i(s', a') - alpha log pi(a' | s')),  a' ~ pi(. | s')
        y = batch.rewards + batch.discounts * self.soft_values(next_Q, next_pi)
        by_Q, loss = regression(Q, y)
        self.critics.descend_jointly(by_Q, rate)
        if (self.updates + 1) % config.policy_delay == 0:
            self._improve(batch.rows, rate)
        return loss

    def _improve(self, rows: np.ndarray, rate: float) -> None:
        """J_pi = mean(alpha log pi(a | s) - min_i Q_i(s, a)), where the batch normalises what
        the actor reads, and running means what the critics do."""
        pi = SquashedGaussian(self.actor.training(rows), self.normal(len(rows)))
        by_Q = least_slopes(self.critics(rows, pi.actions))
        self.improve(pi, self.critics.by_actions(by_Q), rate)

    def _norm(self) -> BatchNorm | None:
        kwargs: CrossKwargs = self.config.policy_kwargs
        if not kwargs.batch_norm:
            return None
        return BatchNorm(
            kwargs.batch_norm_momentum, kwargs.batch_norm_eps, kwargs.renorm_warmup_steps
        )
