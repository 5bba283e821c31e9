"""Deep deterministic policy gradient: https://arxiv.org/abs/1509.02971.

Algorithm 1 of the paper, with its names: an actor mu and a critic Q, whose targets mu' and Q'
follow slowly, and noise N on the actions. What the paper leaves open is as in Stable-Baselines3,
whose tuned hyperparameters then carry over; batch normalisation is as in the paper, section 3,
but for the critic's first layers, which read actions that are normalised too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import Agent
from zoo.agents.heads import Deterministic
from zoo_actor_critic.configuration import KWARGS, ActorCriticKwargs, DeterministicConfig
from zoo_actor_critic.continuous import ONE, ContinuousAlgorithm, regression
from zoo_actor_critic.networks import Actor, Critics
from zoo_actor_critic.normalized import BATCH_NORM, NormalizedActor, NormalizedCritics
from zoo_torch.off_policy import Part
from zoo_torch.replay import Batch


class DDPGConfig(DeterministicConfig):
    """Deep deterministic policy gradient."""

    policy_kwargs: ActorCriticKwargs = Field(
        ActorCriticKwargs(net_arch=[400, 300]), description=KWARGS
    )
    batch_norm: bool = Field(
        False, description="Normalise what each layer reads by the moments of the minibatch."
    )


class DDPG(ContinuousAlgorithm):
    """Algorithm 1."""

    Config = DDPGConfig

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
        sizes = (self.inputs, *kwargs.actor_units, self.k)
        critic = (self.inputs, self.k, kwargs.critic_units)
        common: dict[str, Any] = {"activation": kwargs.activation_fn, "rng": self.rng}
        self.mu: Actor | NormalizedActor
        self.Q: Critics | NormalizedCritics
        if config.batch_norm:
            common |= {"norm": BATCH_NORM, "targets": True, "betas": (0.9, 0.999)}
            self.mu = NormalizedActor(sizes, **common)
            self.Q = NormalizedCritics(*critic, members=1, **common)
        else:
            self.mu = Actor(sizes, targets=True, **common)
            self.Q = Critics(*critic, members=1, **common)

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        """a = mu(s) + N"""
        return self.noise(np.tanh(self.mu(rows)), self.rng)

    def update(self, batch: Batch, remaining: float) -> float:
        """Minimise the critic's loss, and step along the actor's gradient, eq. 6,

            L = mean (y - Q(s, a))^2,    y = r + gamma Q'(s', mu'(s')),
            grad J = mean grad_a Q(s, a) grad mu(s),  a = mu(s)

        where mu is tanh of what the network puts out, so that d mu = (1 - mu^2) times its output's.
        """
        rate = self.config.learning_rate(remaining)
        next_actions = np.tanh(self.mu.of_target(batch.next_rows))
        next_Q = self.Q.of_targets(batch.next_rows, next_actions)[0, :, 0]
        y = batch.rewards + batch.discounts * next_Q
        by_Q, loss = regression(self.Q.training(batch.rows, batch.actions), y)
        self.Q.descend(by_Q, rate)

        n = len(batch.rows)
        a = np.tanh(self.mu.training(batch.rows))
        self.Q(batch.rows, a)
        by_a = self.Q.by_actions(np.full((1, n, 1), -1 / n, np.float32))
        self.mu.descend(by_a * (ONE - a * a), rate)
        self.Q.follow(self.config.tau)
        self.mu.follow(self.config.tau)
        return loss

    def parts(self) -> dict[str, Part]:
        return {"actor": self.mu, "critic": self.Q, "noise": self.noise}

    def agent(self) -> Agent:
        """Return the policy without noise, of the portable kind `mlp`."""
        return self.agent_of(self.mu.layers(), Deterministic())
