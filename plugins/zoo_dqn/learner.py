"""The thin loop under the siblings: act, remember, update, let the target follow."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space, spaces

from zoo import Agent, State, ZooError
from zoo.agents.heads import Head, QValue
from zoo.agents.layers import Layer
from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.networks import QNetwork
from zoo_torch.agents import layered_agent
from zoo_torch.configuration import Units
from zoo_torch.encoders import Encoder, adam_for, encoder_for, units_for
from zoo_torch.off_policy import OffPolicyAlgorithm, Part
from zoo_torch.optimizers import clip_norm
from zoo_torch.replay import Batch


class Slopes(NamedTuple):
    """A loss over n transitions, and its derivatives."""

    by_outputs: np.ndarray
    """(n, *row): by what the online network put out for the rows of the batch"""
    loss: float
    errors: np.ndarray
    """(n,): how far each prediction was off, at least 0"""


class ValueLearner(OffPolicyAlgorithm):
    """An online network, a target network, and what both share with all of the family.

    A subclass says how the loss depends on the online network's outputs (`slopes`), and, where
    they are not action values, what the values are (`row`, `values`, `head`).
    """

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
        """Refuse, by a `ZooError`, spaces that there are no networks or values for."""
        self.actions, self.first_action = discrete(action_space)
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.online: Any = self.make_network()
        self.target: Any = self.make_network()
        self.target.parameters[:] = self.online.parameters
        self.optimizer = adam_for(
            self.online.parameters, eps=config.optimizer_eps, encodes=bool(self.rows.images)
        )
        self._target_updates = 0

    @abstractmethod
    def slopes(self, batch: Batch) -> Slopes:
        """Return the loss over a batch and its derivatives, after a pass of the online network
        over `batch.rows`."""

    def row(self) -> tuple[int, ...]:
        """Return the shape of what the network puts out for an observation."""
        return (self.actions,)

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """Return the action values (n, actions) that outputs (n, *row) stand for."""
        return outputs

    def head(self, epsilon: float) -> Head:
        """Return the head of an agent that reads the outputs, flattened."""
        return QValue(epsilon)

    def make_network(self) -> Any:
        """Return a network with weights of its own: `parameters`, `gradient` and `backward`."""
        return self.network()

    def network(self, *, dueling: bool = False, sigma: float | None = None) -> QNetwork:
        """Return a network of the kind said, see `QNetwork`. Behind the convolutions of images
        all layers are its own where it has streams or noise: noise is on each of them, and the
        streams are in the last hidden one, the only one unless `net_arch` adds some."""
        kwargs = self.config.policy_kwargs
        plain = not dueling and sigma is None
        encoder, units = self.encoder(fully_connected=plain), self.units()
        if encoder is not None and not plain:
            units = [units_for(self.rows, kwargs.encoder), *units]
        return QNetwork(
            encoder.outputs if encoder else self.rows.shape[0], units, self.row(),
            activation=kwargs.activation_fn, rng=self.rng, dueling=dueling, sigma=sigma,
            encoder=encoder,
        )  # fmt: skip

    def encoder(self, *, fully_connected: bool = True) -> Encoder | None:
        """Return what reads the images of a row, see `encoder_for`; None where there are none."""
        return encoder_for(
            self.observation_space, self.encoder_name(self.config), device=self.device,
            rng=self.rng, orthogonal=False, fully_connected=fully_connected,
        )  # fmt: skip

    def units(self) -> Units:
        """Return the units of the hidden layers, behind the encoder if there is one."""
        chosen = self.config.policy_kwargs.net_arch
        return chosen if chosen is not None else [] if self.rows.of_an_image else [64, 64]

    @classmethod
    def encoder_name(cls, config: Any) -> str | None:
        return config.policy_kwargs.encoder

    def layers(self) -> list[Layer]:
        """Return the online network as the layers that `head` reads."""
        return self.online.layers()

    def greedy(self, rows: np.ndarray) -> np.ndarray:
        """Return the actions (n,) of the largest value."""
        return self.values(self.online.infer(rows)).argmax(1)

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        anything = self.rng.random(len(rows)) < self.epsilon(remaining)
        if anything.all():
            return self.anything(len(rows))
        actions = self.greedy(rows)
        return np.where(anything, self.anything(len(rows)), actions) if anything.any() else actions

    def epsilon(self, remaining: float) -> float:
        """Return the chance of a random action; 0 for those who explore in another way."""
        config = self.config
        return config.epsilon(remaining) if isinstance(config, EpsilonConfig) else 0.0

    def anything(self, n: int) -> np.ndarray:
        return self.rng.integers(self.actions, size=n)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions + self.first_action

    def before_learning(self, remaining: float) -> None:
        """Let the target follow as often as was due since the last updates: the online network
        has been the same all the time, so it does not matter that this comes late."""
        config = self.config
        due = self.steps // config.target_update_interval - self._target_updates
        if due > 0:
            keep = np.float32((1 - config.tau) ** due)
            target, online = self.target.parameters, self.online.parameters
            target *= keep
            target += (1 - keep) * online
            self._target_updates += due

    def update(self, batch: Batch, remaining: float) -> float:
        slopes = self.slopes(batch)
        self.online.backward(slopes.by_outputs)
        clip_norm(self.online.gradient, self.config.longest_gradient)
        rate = self.config.learning_rate(remaining)
        self.optimizer.step(self.online.parameters, self.online.gradient, rate)
        if math.isfinite(slopes.loss):  # else training ends here
            self.learnt(batch, slopes)
        return slopes.loss

    def learnt(self, batch: Batch, slopes: Slopes) -> None:
        """Note how far the predictions for a batch were off."""

    def parts(self) -> dict[str, Part]:
        return {"networks": _Networks(self), "optimizer": self.optimizer}

    def agent(self) -> Agent:
        """Return the greedy policy, of the portable kinds `mlp` or `cnn`."""
        return layered_agent(
            self.observation_space, self.action_space, self.layers(),
            self.head(self.epsilon(0.0)), encoder=self.online.encoder,
        )  # fmt: skip


class _Networks:
    """Both networks' parameters, to be saved."""

    def __init__(self, learner: ValueLearner) -> None:
        self.learner = learner

    def state(self) -> State:
        return {
            "online": self.learner.online.parameters.copy(),
            "target": self.learner.target.parameters.copy(),
            "target_updates": self.learner._target_updates,
        }

    def load_state(self, state: State) -> None:
        self.learner.online.parameters[:] = state["online"]
        self.learner.target.parameters[:] = state["target"]
        self.learner._target_updates = state["target_updates"]


def discrete(action_space: Space[Any]) -> tuple[int, int]:
    """Return how many actions there are and the first of them; `ZooError` unless Discrete."""
    if not isinstance(action_space, spaces.Discrete):
        raise ZooError(
            f"action values need Discrete actions, not {action_space}",
            "Use an algorithm with a policy, such as ppo or a3c",
        )
    return int(action_space.n), int(action_space.start)


def of_actions(outputs: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Return the outputs (n, ...) of the actions (n,) taken, out of (n, actions, ...)."""
    return outputs[np.arange(len(actions)), actions]


def spread(by_taken: np.ndarray, actions: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return derivatives shaped as `outputs`: `by_taken` (n, ...) at the actions, 0 elsewhere."""
    by_outputs = np.zeros_like(outputs)
    by_outputs[np.arange(len(actions)), actions] = by_taken
    return by_outputs


def regression(Q: np.ndarray, y: np.ndarray, batch: Batch) -> Slopes:
    """Return the slopes of  L = mean(w huber(Q(s, a) - y))  by values Q (n, actions), for targets
    y (n,) and the batch's weights w; the errors are |Q(s, a) - y|."""
    delta = of_actions(Q, batch.actions) - y
    by_taken, loss = huber(delta, batch.weights)
    return Slopes(spread(by_taken, batch.actions, Q), loss, abs(delta))


def huber(delta: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the derivatives (n,) by `delta` (n,) of its weighted mean Huber loss, and the loss.

    The loss is delta^2 / 2 up to 1 and grows as |delta| beyond, which is what clipping the error
    term amounts to (Mnih et al., 2015, Methods).
    """
    clipped = np.minimum(np.maximum(delta, np.float32(-1)), np.float32(1))
    by_delta = clipped * weights
    by_delta /= np.float32(len(delta))
    loss = float(by_delta @ (delta - np.float32(0.5) * clipped))
    return by_delta, loss
