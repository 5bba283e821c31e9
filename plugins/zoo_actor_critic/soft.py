"""What siblings of soft actor-critic share: its policy and its temperature. Each brings critics."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import Space

from zoo import Agent
from zoo.agents.heads import SquashedGaussian as Head
from zoo.agents.layers import Layer
from zoo_actor_critic.continuous import ContinuousAlgorithm, least
from zoo_actor_critic.networks import Actor
from zoo_actor_critic.temperature import Temperature
from zoo_torch.off_policy import Part
from zoo_torch.squashed import LOG_STD, SquashedGaussian, draw


class Network(Part, Protocol):
    """An actor: a network that learns."""

    def __call__(self, rows: np.ndarray) -> np.ndarray: ...
    def descend(self, by_outputs: np.ndarray, rate: float) -> None: ...
    def layers(self) -> list[Layer]: ...


class SoftAlgorithm(ContinuousAlgorithm):
    """A Gaussian policy squashed by tanh, whose entropy counts (https://arxiv.org/abs/1812.05905).

    A subclass makes `self.critics`, and says how both learn (`update`).
    """

    actor: Network
    critics: Part

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
        self.actor = self.make_actor()
        self.temperature = Temperature(config.ent_coef, config.target_entropy, -float(self.k))

    def make_actor(self) -> Network:
        """Return the network of means and log_stds."""
        kwargs = self.config.policy_kwargs
        sizes = (self.inputs, *kwargs.actor_units, 2 * self.k)
        return Actor(sizes, activation=kwargs.activation_fn, rng=self.rng)

    def pi(self, rows: np.ndarray) -> SquashedGaussian:
        """Return a draw of pi(. | s) for each of n rows."""
        return SquashedGaussian(self.actor(rows), self.normal(len(rows)))

    def soft_values(self, Q: np.ndarray, pi: SquashedGaussian) -> np.ndarray:
        """Return V (n,) by the values Q (E, n, 1) of E critics for a draw of `pi`: eq. 3, and in it
        the least of the critics,

        V = min_i Q_i(s, a) - alpha log pi(a | s)
        """
        return least(Q) - np.float32(self.temperature.alpha) * pi.log_prob

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        """a ~ pi(. | s)"""
        return self.noise(draw(self.actor(rows), self.normal(len(rows))), self.rng)

    def improve(self, pi: SquashedGaussian, by_actions: np.ndarray, rate: float) -> None:
        """Step along the gradient of mean(alpha log pi(a | s)) - J(a), given that of -J by the
        actions (n, k) of `pi`, which is the last draw; then let alpha follow."""
        by_log_prob = np.array([self.temperature.alpha / len(by_actions)], np.float32)
        self.actor.descend(pi.gradient(by_actions, by_log_prob), rate)
        self.temperature.descend(pi.log_prob, rate)

    def measure(self) -> dict[str, float]:
        return {"train/ent_coef": self.temperature.alpha}

    def parts(self) -> dict[str, Part]:
        return {"actor": self.actor, "critics": self.critics, "temperature": self.temperature,
                "noise": self.noise}  # fmt: skip

    def agent(self) -> Agent:
        """Return the policy, of the portable kind `mlp`."""
        *hidden, last = self.actor.layers()
        assert last.bias is not None
        weights, biases = np.split(last.weight, 2), np.split(last.bias, 2)
        (mean, log_std) = (Layer(*layer) for layer in zip(weights, biases, strict=True))
        return self.agent_of([*hidden, mean], Head(log_std, *LOG_STD))
