"""Dropout Q-functions: Hiraoka et al. (2021), https://arxiv.org/abs/2110.02034.

Algorithm 2 of the paper, with its names: what REDQ gets from ten critics, DroQ gets from M = 2
whose layers drop units at random and are normalised (figure 1), in targets, losses and the
policy's updates alike; each pass draws what is dropped anew. There are G updates of the critics
for each step of the environment and each update of the policy, that of soft actor-critic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import State
from zoo_actor_critic.configuration import KWARGS, ActionNoise, EntropyConfig, TwinKwargs
from zoo_actor_critic.continuous import mean_slopes, regression
from zoo_actor_critic.soft import SoftAlgorithm
from zoo_torch.chain import Chain, dropout_layers
from zoo_torch.optimizers import Adam
from zoo_torch.replay import Batch


class DropoutKwargs(TwinKwargs):
    """How the networks are built."""

    dropout_rate: float = Field(0.01, ge=0, lt=1, description="Share of the units dropped.")
    layer_norm: bool = Field(True, description="Normalise the critics' hidden layers.")


class DroQConfig(ActionNoise, EntropyConfig):
    """Dropout Q-functions."""

    policy_kwargs: DropoutKwargs = Field(DropoutKwargs(), description=KWARGS)
    gradient_steps: int = Field(
        20,
        ge=-1,
        description="Updates of the critics at a time, G; -1: one for each step done.",
    )
    policy_delay: int = Field(
        20, ge=1, description="Updates of the critics for each of the policy, G in the paper."
    )


class DroQ(SoftAlgorithm):
    """Algorithm 2."""

    Config = DroQConfig
    critics: DropoutCritics

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
        self.critics = DropoutCritics(self.inputs, self.k, config.policy_kwargs, self.rng)

    def update(self, batch: Batch, remaining: float) -> float:
        config: DroQConfig = self.config
        rate = config.learning_rate(remaining)
        y = self._targets(batch)
        by_Q, loss = regression(self.critics(batch.rows, batch.actions), y)
        self.critics.descend(by_Q, rate)
        if self.updates % config.target_update_interval == 0:
            self.critics.follow(config.tau)
        if (self.updates + 1) % config.policy_delay == 0:
            # line 10: J_pi = mean(alpha log pi(a | s) - mean_i Q_i(s, a))
            pi = self.pi(batch.rows)
            by_Q = mean_slopes(self.critics(batch.rows, pi.actions))
            self.improve(pi, self.critics.by_actions(by_Q), rate)
        return loss

    def _targets(self, batch: Batch) -> np.ndarray:
        """Line 6: (n,)

        y = r + gamma (min_i Q'_i(s', a') - alpha log pi(a' | s')),    a' ~ pi(. | s')
        """
        pi = self.pi(batch.next_rows)
        V = self.soft_values(self.critics.of_targets(batch.next_rows, pi.actions), pi)
        return batch.rewards + batch.discounts * V


class DropoutCritics:
    """Critics of dropout units with layer normalisation, and their targets (figure 1)."""

    def __init__(
        self, inputs: int, actions: int, kwargs: DropoutKwargs, rng: np.random.Generator
    ) -> None:
        """Take observations of so many numbers and actions of so many; `rng` draws the first
        weights and, from then on, what is dropped."""
        sizes = (inputs + actions, *kwargs.critic_units, 1)
        layers = dropout_layers(
            kwargs.n_critics, sizes, kwargs.activation_fn, kwargs.dropout_rate,
            layer_norm=kwargs.layer_norm,
        )  # fmt: skip
        self.online = Chain(layers, rng)
        self.target = self.online.twin()
        self.optimizer = Adam(self.online.parameters, eps=1e-8)
        self._inputs, self._rng = inputs, rng

    def __call__(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return values (E, n, 1) for observations (n, inputs) and actions (n, k)."""
        x = np.concatenate([rows, actions], axis=1)
        return self.online.forward(x, training=True, rng=self._rng)

    def of_targets(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the target critics' values (E, n, 1)."""
        x = np.concatenate([rows, actions], axis=1)
        return self.target.forward(x, training=True, rng=self._rng)

    def descend(self, by_Q: np.ndarray, rate: float) -> None:
        """Make a step, given a loss's gradient (E, n, 1) by the values of the last call."""
        self.online.backward(by_Q)
        self.optimizer.step(self.online.parameters, self.online.gradient, rate)

    def by_actions(self, by_Q: np.ndarray) -> np.ndarray:
        """Return the gradient of a scalar by the actions (n, k) of the last call, given that by
        the values (E, n, 1)."""
        return self.online.input_gradient(by_Q, begin=self._inputs)

    def follow(self, tau: float) -> None:
        """Let the targets take over a share of the parameters."""
        self.target.parameters += np.float32(tau) * (
            self.online.parameters - self.target.parameters
        )

    def state(self) -> State:
        """Return everything that learns, copied."""
        return {
            "online": self.online.state(),
            "target": self.target.state(),
            "optimizer": self.optimizer.state(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.online.load_state(state["online"])
        self.target.load_state(state["target"])
        self.optimizer.load_state(state["optimizer"])
