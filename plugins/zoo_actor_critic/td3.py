"""Twin delayed deep deterministic policy gradient: https://arxiv.org/abs/1802.09477.

Algorithm 1 of the paper, with its names: two critics, of which the least value makes the target;
noise on the target's action; an actor and targets that are updated less often than the critics.
What is left open there is as in Stable-Baselines3, whose tuned hyperparameters then carry over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import Agent
from zoo.agents.heads import Deterministic
from zoo_actor_critic.configuration import KWARGS, DeterministicConfig, TwinKwargs
from zoo_actor_critic.continuous import ONE, ContinuousAlgorithm, least, regression
from zoo_actor_critic.networks import Actor, Critics
from zoo_torch.off_policy import Part
from zoo_torch.replay import Batch


class TD3Config(DeterministicConfig):
    """Twin delayed deep deterministic policy gradient."""

    policy_kwargs: TwinKwargs = Field(TwinKwargs(net_arch=[400, 300]), description=KWARGS)
    policy_delay: int = Field(
        2, ge=1, description="Updates of the critics for each of the actor and the targets."
    )
    target_policy_noise: float = Field(0.2, ge=0, description="Deviation of the target's noise.")
    target_noise_clip: float = Field(0.5, ge=0, description="Bound of the target's noise.")


class TD3(ContinuousAlgorithm):
    """Algorithm 1."""

    Config = TD3Config

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
        self.actor = Actor(
            (self.inputs, *kwargs.actor_units, self.k),
            activation=kwargs.activation_fn, rng=self.rng, targets=True,
        )  # fmt: skip
        self.critics = Critics(
            self.inputs, self.k, kwargs.critic_units, members=kwargs.n_critics,
            activation=kwargs.activation_fn, rng=self.rng,
        )  # fmt: skip

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        """a = pi(s) + noise"""
        return self.noise(np.tanh(self.actor(rows)), self.rng)

    def update(self, batch: Batch, remaining: float) -> float:
        config: TD3Config = self.config
        rate = config.learning_rate(remaining)
        y = self._targets(batch)
        by_Q, loss = regression(self.critics(batch.rows, batch.actions), y)
        self.critics.descend(by_Q, rate)
        if (self.updates + 1) % config.policy_delay == 0:
            self._improve(batch.rows, rate)
            self.critics.follow(config.tau)
            self.actor.follow(config.tau)
        return loss

    def _targets(self, batch: Batch) -> np.ndarray:
        """y = r + gamma min_i Q'_i(s', pi'(s') + clip(N(0, sigma), -c, c)), (n,)"""
        config: TD3Config = self.config
        c = np.float32(config.target_noise_clip)
        epsilon = self.normal(len(batch.rows)) * np.float32(config.target_policy_noise)
        a = np.tanh(self.actor.of_target(batch.next_rows))
        a += np.minimum(np.maximum(epsilon, -c), c)
        a = np.minimum(np.maximum(a, -ONE), ONE)
        return batch.rewards + batch.discounts * least(self.critics.of_targets(batch.next_rows, a))

    def _improve(self, rows: np.ndarray, rate: float) -> None:
        """Step along the deterministic policy gradient, mean(grad_a Q_1(s, a) grad pi(s)), where
        pi = tanh of what the network puts out, and so d pi = (1 - pi^2) times the output's."""
        a = np.tanh(self.actor(rows))
        self.critics(rows, a, [0])
        by_Q = np.full((1, len(rows), 1), -1 / len(rows), np.float32)
        by_a = self.critics.by_actions(by_Q, [0])
        self.actor.descend(by_a * (ONE - a * a), rate)

    def parts(self) -> dict[str, Part]:
        return {"actor": self.actor, "critics": self.critics, "noise": self.noise}

    def agent(self) -> Agent:
        """Return the policy without noise, of the portable kind `mlp`."""
        return self.agent_of(self.actor.layers(), Deterministic())
