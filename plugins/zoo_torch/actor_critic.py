"""A policy and a value function: their parameters, how they act, and how a loss improves them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.agents.layers import Layer
from zoo_torch import flat, mlp
from zoo_torch.distributions import Distribution
from zoo_torch.encoders import Encoder
from zoo_torch.families import Family

HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2), 0.01, 1.0
"""Gains of orthogonal weights (https://arxiv.org/abs/2006.05990, section 3.2): the first policy
is nearly the same in all states."""


class Slopes(NamedTuple):
    """The derivatives of a loss over n samples by what policy and value function say of them."""

    log_prob: np.ndarray
    """(n,): by the log-probability of each action"""
    values: np.ndarray
    """(n,): by each value"""
    entropy: float
    """By the entropy in each state, the same for all"""
    kl: float = 0.0
    """By the divergence from the old policy in each state, the same for all"""


class ActorCritic:
    """Two fully connected networks on one flat vector of parameters, behind an encoder of their
    rows if there is one, whose features both read and whose gradient is the sum of theirs; or
    behind one each, so that what improves one network leaves the other as it is.

    `parameters` and `gradient` are those vectors, float32.
    """

    def __init__(
        self,
        inputs: int,
        family: Family,
        *,
        policy_units: Sequence[int],
        value_units: Sequence[int],
        activation: str,
        orthogonal: bool,
        log_std: float,
        rng: np.random.Generator,
        encoder: Encoder | None = None,
        value_encoder: Encoder | None = None,
        values: int = 1,
        value_inputs: int | None = None,
    ) -> None:
        """Draw the first weights from `rng`; the units are those of the hidden layers, `inputs`
        are the encoder's outputs where there is one, and `values` what `value` puts out, which
        reads what `value_encoder` does, or else `encoder`.

        With `value_inputs` the policy reads the first `inputs` of the encoder's outputs, and the
        value function the last `value_inputs` of them.
        """
        self.family, self.activation, self.encoder = family, activation, encoder
        self.value_encoder = encoder if value_encoder is None else value_encoder
        self.shares_features = encoder is not None and value_encoder is None
        """Whether there is an encoder that both networks read, so that values come with outputs
        at next to no cost."""
        self._shares = value_inputs is None
        self._of_policy = slice(None if self._shares else inputs)
        self._of_value = slice(None if value_inputs is None else -value_inputs, None)
        networks = {
            "policy": (inputs, *policy_units, family.outputs),
            "value": (inputs if value_inputs is None else value_inputs, *value_units, values),
        }
        encoders = {"encoder": encoder, "value_encoder": value_encoder}
        shapes: dict[str, tuple[int, ...]] = {
            name: (one.size if one else 0,) for name, one in encoders.items()
        }
        shapes |= {
            f"{network}.{name}": shape
            for network, sizes in networks.items()
            for name, shape in mlp.shapes(sizes).items()
        }
        shapes["log_std"] = (family.stds,)
        self._shapes = shapes
        self.parameters = np.zeros(flat.size(shapes), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self._views = flat.views(self.parameters, shapes)
        self._slopes = flat.views(self.gradient, shapes)
        self.policy = self._network("policy", len(policy_units) + 1)
        self.value = self._network("value", len(value_units) + 1)
        for network, gain in ((self.policy, POLICY_GAIN), (self.value, VALUE_GAIN)):
            _initialize(network, gain, orthogonal, rng)
        self.log_std = self._views["log_std"]
        self.log_std[:] = log_std
        for name, one in encoders.items():
            if one is not None:
                one.bind(self._views[name], self._slopes[name])
        self._policy_rows = self._value_rows = np.zeros((0, inputs), np.float32)
        """What `distributions` and `values` were asked about last."""

    def evaluate(self, rows: np.ndarray) -> tuple[Distribution, np.ndarray]:
        """Return the distributions of n rows and the values (n,), to be used before the next
        pass over as many rows."""
        features = rows if self.encoder is None else self.encoder.forward(rows)
        if self.value_encoder is self.encoder:
            return self._heads(features, features)
        assert self.value_encoder is not None
        return self._heads(features, self.value_encoder.forward(rows))

    @np.errstate(all="ignore")
    def assess(self, rows: np.ndarray) -> tuple[Distribution, np.ndarray]:
        """Return the same where no `backward` follows, which saves an encoder its memory."""
        features = self._infer(rows)
        alone = self.value_encoder is not self.encoder
        return self._heads(features, self._infer_value(rows) if alone else features)

    def act(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the policy's outputs for n rows, and the values (n,) if they share features: else
        they cost less for all rows of a rollout at once. Both are overwritten soon."""
        features = self._infer(rows)
        values = self._value_of(features)[:, 0] if self.shares_features else None
        return self._policy_of(features), values

    def distributions(self, rows: np.ndarray) -> Distribution:
        """Return the distributions of n rows alone, to be used as those of `evaluate`; the rows
        must not change before what follows from them is done."""
        self._policy_rows = rows
        return self.family.of(self._policy_of(self._infer(rows)), self.log_std)

    @np.errstate(all="ignore")
    def behaviour(self, rows: np.ndarray, outputs: np.ndarray | None) -> Distribution:
        """Return the distributions that the actions of a rollout were drawn from, given the
        policy's `outputs` for its rows where they were kept."""
        if outputs is None:
            return self.distributions(rows)
        return self.family.of(outputs, self.log_std)

    @np.errstate(all="ignore")
    def values(self, rows: np.ndarray) -> np.ndarray:
        """Return the values (n,) of n rows, in a new array; the rows must not change before a
        `backward_value` that follows."""
        self._value_rows = rows
        return self._value_of(self._infer_value(rows))[:, 0].copy()

    def backward(
        self,
        pi: Distribution,
        actions: np.ndarray,
        slopes: Slopes,
        old: Distribution | None = None,
    ) -> None:
        """Write the gradient of a loss by all parameters to `gradient`, given how the loss
        depends on what `evaluate` returned last: the distributions `pi`, which may have moved
        from `old`, and the values."""
        with np.errstate(all="ignore"):  # a gradient that is not finite is for others to refuse
            by_outputs, by_log_std = pi.gradient(actions, slopes.log_prob, slopes.entropy)
            if old is not None:
                by_kl = pi.kl_gradient(old, slopes.kl)
                by_outputs, by_log_std = by_outputs + by_kl[0], by_log_std + by_kl[1]
            encodes = self.encoder is not None
            by_policy = self.policy.backward(by_outputs, by_input=encodes)
            by_value = self.value.backward(slopes.values[:, None], by_input=encodes)
            if by_policy is not None and by_value is not None:
                self._encode_backward(by_policy, by_value)
            self._slopes["log_std"][:] = by_log_std

    def backward_log_prob(
        self, pi: Distribution, actions: np.ndarray, by_log_prob: np.ndarray
    ) -> None:
        """Write the gradient of what depends on the log-probabilities of actions alone, given how
        (n,), and what `distributions` returned last."""
        with np.errstate(all="ignore"):
            self.backward_policy(*pi.gradient(actions, by_log_prob, 0.0))

    def backward_policy(self, by_outputs: np.ndarray, by_log_std: np.ndarray) -> None:
        """Write the gradient of what depends on the policy alone, given how it depends on what
        `distributions` made of rows last: the outputs (n, outputs) and log_std (stds,)."""
        self.gradient[:] = 0
        with np.errstate(all="ignore"):
            by_features = self.policy.backward(by_outputs, by_input=self.encoder is not None)
            if by_features is not None and self.encoder is not None:
                self.encoder.pull(self._policy_rows, by_features)
            self._slopes["log_std"][:] = by_log_std

    def backward_value(self, by_values: np.ndarray) -> None:
        """Write the gradient of what depends on the value function alone, given how it depends
        on the values (n,) that were asked for last."""
        self.gradient[:] = 0
        encoder = self.value_encoder
        with np.errstate(all="ignore"):
            by_features = self.value.backward(by_values[:, None], by_input=encoder is not None)
            if by_features is not None and encoder is not None:
                encoder.pull(self._value_rows, by_features)

    def policy_moves(self, direction: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how the outputs (rows, outputs) of what `distributions` was asked about last, and
        log_std (stds,), move when the parameters move in `direction`, a vector like theirs."""
        parts = flat.views(direction, self._shapes)
        moved = None
        if self.encoder is not None:
            moved = self.encoder.push(self._policy_rows, parts["encoder"])
        layers = range(len(self.policy.parameters))
        weights = [(parts[f"policy.{i}.weight"], parts[f"policy.{i}.bias"]) for i in layers]
        return self.policy.forward_mode(weights, rows, moved), parts["log_std"]

    def layers(self) -> list[Layer]:
        """Return copies of the policy's layers, for an agent."""
        *hidden, last = self.policy.parameters
        return [
            *(Layer(weight.T, bias, self.activation) for weight, bias in hidden),
            Layer(last[0].T, last[1]),
        ]

    def _heads(
        self, features: np.ndarray, value_features: np.ndarray
    ) -> tuple[Distribution, np.ndarray]:
        distribution = self.family.of(self._policy_of(features), self.log_std)
        return distribution, self._value_of(value_features)[:, 0]

    def _policy_of(self, features: np.ndarray) -> np.ndarray:
        if not self._shares:
            features = np.ascontiguousarray(features[:, self._of_policy])
        return self.policy.forward(features)

    def _value_of(self, features: np.ndarray) -> np.ndarray:
        if not self._shares:
            features = np.ascontiguousarray(features[:, self._of_value])
        return self.value.forward(features)

    def _encode_backward(self, by_policy: np.ndarray, by_value: np.ndarray) -> None:
        """Hand the gradients by what policy and value function read on to the encoders."""
        assert self.encoder is not None
        assert self.value_encoder is not None
        if self.value_encoder is not self.encoder:
            self.encoder.backward(by_policy)
            self.value_encoder.backward(by_value)
            return
        if self._shares:
            self.encoder.backward(by_policy + by_value)
            return
        by = np.zeros((len(by_policy), self.encoder.outputs), np.float32)
        by[:, self._of_policy] += by_policy
        by[:, self._of_value] += by_value
        self.encoder.backward(by)

    def _infer(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.encoder is None else self.encoder.infer(rows)

    def _infer_value(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.value_encoder is None else self.value_encoder.infer(rows)

    def _network(self, name: str, layers: int) -> mlp.MLP:
        parameters, gradients = (
            [(of[f"{name}.{i}.weight"], of[f"{name}.{i}.bias"]) for i in range(layers)]
            for of in (self._views, self._slopes)
        )
        return mlp.MLP(parameters, gradients, self.activation)


def _initialize(network: mlp.MLP, gain: float, orthogonal: bool, rng: np.random.Generator) -> None:
    """Draw the weights; orthogonal ones come with biases of 0, the others with PyTorch's."""
    last = len(network.parameters) - 1
    for number, (weight, bias) in enumerate(network.parameters):
        inputs, outputs = weight.shape
        if orthogonal:
            own = gain if number == last else HIDDEN_GAIN
            weight[:] = mlp.orthogonal(rng, inputs, outputs, own)
        else:
            weight[:] = mlp.uniform(rng, inputs, outputs)
            bias[:] = mlp.uniform(rng, inputs, outputs)[0]
