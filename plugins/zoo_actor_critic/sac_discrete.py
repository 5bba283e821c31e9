"""Soft actor-critic over discrete actions: https://arxiv.org/abs/1910.07207.

With as many action values as actions, expectations over the policy are sums and nothing is drawn:
pi(s) and Q(s) are vectors, alpha the temperature. What the paper leaves open is as in `sac`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import Space, spaces
from pydantic import Field

from zoo import Agent, ZooError
from zoo.agents.heads import Categorical as Head
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, standard_steps
from zoo.agents.selection import sample_logits
from zoo_actor_critic.configuration import KWARGS, EntropyConfig, TwinKwargs
from zoo_actor_critic.networks import Actor, Critics
from zoo_actor_critic.temperature import Temperature
from zoo_torch.distributions import Categorical
from zoo_torch.off_policy import OffPolicyAlgorithm, Part
from zoo_torch.replay import Batch

ENTROPY_SHARE = 0.98
"""Share of the largest entropy that `target_entropy: auto` aims at, as in the authors' code."""


class SACDiscreteConfig(EntropyConfig):
    """Soft actor-critic over discrete actions."""

    policy_kwargs: TwinKwargs = Field(TwinKwargs(), description=KWARGS)


class SACDiscrete(OffPolicyAlgorithm):
    """The algorithm of section 3."""

    Config = SACDiscreteConfig
    action_type = np.int64

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
        if not isinstance(action_space, spaces.Discrete):
            raise ZooError(
                f"sac-discrete needs Discrete actions, not {action_space}",
                "Use sac for real numbers, or ppo for anything else",
            )
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.k, self._start = int(action_space.n), int(action_space.start)
        inputs, kwargs = self.rows.shape[0], config.policy_kwargs
        common: dict[str, Any] = {"activation": kwargs.activation_fn, "rng": self.rng}
        self.actor = Actor((inputs, *kwargs.actor_units, self.k), **common)
        self.critics = Critics(
            inputs, 0, kwargs.critic_units, members=kwargs.n_critics, outputs=self.k, **common
        )
        automatic = ENTROPY_SHARE * math.log(self.k)
        self.temperature = Temperature(config.ent_coef, config.target_entropy, automatic)

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        """a ~ pi(s)"""
        return sample_logits(self.actor(rows), self.rng)

    def anything(self, n: int) -> np.ndarray:
        return self.rng.integers(self.k, size=n)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions + self._start

    def update(self, batch: Batch, remaining: float) -> float:
        config: SACDiscreteConfig = self.config
        rate, alpha = config.learning_rate(remaining), self.temperature.alpha
        none = np.zeros((len(batch.rows), 0), np.float32)
        next_pi = Categorical(self.actor(batch.next_rows))
        next_Q = self.critics.of_targets(batch.next_rows, none).min(0)
        y = batch.rewards + batch.discounts * soft_values(next_pi, next_Q, alpha)
        by_Q, loss = critic_slopes(self.critics(batch.rows, none), batch.actions, y)
        self.critics.descend(by_Q, rate)

        pi, Q = Categorical(self.actor(batch.rows)), self.critics(batch.rows, none).min(0)
        self.actor.descend(actor_slopes(pi, Q, alpha), rate)
        self.temperature.descend_by_entropy(float(pi.entropy().mean()), rate)
        if self.updates % config.target_update_interval == 0:
            self.critics.follow(config.tau)
        return loss

    def measure(self) -> dict[str, float]:
        return {"train/ent_coef": self.temperature.alpha}

    def parts(self) -> dict[str, Part]:
        return {"actor": self.actor, "critics": self.critics, "temperature": self.temperature}

    def agent(self) -> Agent:
        """Return the policy, of the portable kind `mlp`."""
        steps = Preprocess(standard_steps(self.observation_space))
        layers = self.actor.layers()
        return MLPAgent(self.observation_space, self.action_space, layers, Head(), steps)


def soft_values(pi: Categorical, Q: np.ndarray, alpha: float) -> np.ndarray:
    """Return eq. 10, V = pi(s)^T (Q(s) - alpha log pi(s)), (n,) for Q (n, actions)."""
    return (pi.p * (Q - np.float32(alpha) * pi.log_p)).sum(1)


def critic_slopes(Q: np.ndarray, actions: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the derivatives (E, n, actions) by Q of the loss, and the loss,

    J_Q = sum_i mean (Q_i(s, a) - y)^2
    """
    rows = np.arange(len(y))
    error = Q[:, rows, actions] - y
    by_Q = np.zeros_like(Q)
    by_Q[:, rows, actions] = error * np.float32(2 / len(y))
    return by_Q, float(np.vdot(error, error)) / len(y)


def actor_slopes(pi: Categorical, Q: np.ndarray, alpha: float) -> np.ndarray:
    """Return the derivatives (n, actions) of eq. 12 by the logits, for Q (n, actions),

    J_pi = mean pi(s)^T (alpha log pi(s) - Q(s)),

    which are p_j (f_j - p^T f) / n with f = alpha log pi - Q: the derivative of log pi itself
    has mean 0 under pi.
    """
    f = np.float32(alpha) * pi.log_p - Q
    mean = (pi.p * f).sum(1, keepdims=True)
    return pi.p * (f - mean) / np.float32(len(Q))
