"""Policies over actions: drawn from while acting, and differentiated by hand while learning.

A `Family` belongs to an action space. Actions of a family are rows as the loss wants them:
indices that count from 0, bits, or real numbers before they are clipped to the bounds.
`in_space` turns them into what the environment takes.

    family.draw(outputs, log_std, noise)             one row of actions for each row of outputs
    family.of(outputs, log_std).log_prob(actions)    (n,)

The noise for a whole rollout is drawn beforehand, which is faster than a little in every step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo import ZooError
from zoo.agents import heads
from zoo.agents.selection import clip_to

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_HALF = np.float32(0.5)
_NO_STDS = np.zeros(0, np.float32)


class Distribution(ABC):
    """A distribution for each of n rows."""

    @abstractmethod
    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        """Return (n,) for actions (n, *row)."""

    @abstractmethod
    def entropy(self) -> np.ndarray:
        """Return (n,), in nats."""

    @abstractmethod
    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradient of `sum(by_log_prob * log_prob(actions) + by_entropy * entropy())`
        by the outputs (n, outputs), and by log_std (stds,)."""


class Family(ABC):
    """The distributions over an action space that a policy chooses among."""

    outputs: int
    """How many numbers of the policy network a distribution takes."""
    stds: int = 0
    """How many standard deviations it takes besides, `log_std` (stds,)."""
    row: tuple[int, ...] = ()
    dtype: Any
    """Shape and type of an action as the loss wants it."""

    @abstractmethod
    def noise(self, rng: np.random.Generator, steps: int, copies: int) -> np.ndarray:
        """Return what `draw` needs for so many steps, (steps, copies, outputs) float32."""

    @abstractmethod
    def draw(self, outputs: np.ndarray, log_std: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return actions (n, *row) for outputs (n, outputs) and noise of that shape."""

    @abstractmethod
    def in_space(self, actions: np.ndarray) -> np.ndarray:
        """Return actions (n, *row) as members of the space (n, *shape)."""

    @abstractmethod
    def of(self, outputs: np.ndarray, log_std: np.ndarray) -> Distribution:
        """Return the distributions for outputs (n, outputs)."""

    def head(self, log_std: np.ndarray) -> heads.Head:
        """Return the head of an agent that acts by these distributions."""
        return heads.Categorical()


def family_of(action_space: Space[Any]) -> Family:
    """Return the distributions for an action space; `ZooError` where there are none."""
    if isinstance(action_space, spaces.Discrete):
        return OneOf(action_space)
    if isinstance(action_space, spaces.MultiDiscrete):
        return OneOfEach(action_space)
    if isinstance(action_space, spaces.MultiBinary):
        return Bits(action_space)
    if isinstance(action_space, spaces.Box) and np.issubdtype(action_space.dtype, np.floating):
        return Gaussian(action_space)
    raise ZooError(
        f"there is no policy over {action_space}",
        "Use Discrete, MultiDiscrete, MultiBinary or a Box of real numbers",
    )


def _gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return noise with which the largest logit is a draw (https://arxiv.org/abs/1611.01144)."""
    return rng.gumbel(size=shape).astype(np.float32)


class OneOf(Family):
    """A categorical distribution: the outputs are logits (n, k), an action is an index."""

    dtype = np.int64

    def __init__(self, space: spaces.Discrete) -> None:
        self.outputs, self._start = int(space.n), int(space.start)

    def noise(self, rng: np.random.Generator, steps: int, copies: int) -> np.ndarray:
        return _gumbel(rng, (steps, copies, self.outputs))

    def draw(self, outputs: np.ndarray, log_std: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return (outputs + noise).argmax(1)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions + self._start

    def of(self, outputs: np.ndarray, log_std: np.ndarray) -> Distribution:
        return Categorical(outputs)


class Categorical(Distribution):
    """One choice in proportion to the exponentials of logits (n, k)."""

    def __init__(self, logits: np.ndarray) -> None:
        shifted = logits - logits.max(1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(1, keepdims=True)
        self.p = np.divide(p, total, out=p)
        self.log_p = np.subtract(shifted, np.log(total), out=shifted)
        self._rows = np.arange(len(logits))

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return self.log_p[self._rows, actions]

    def entropy(self) -> np.ndarray:
        return -(self.p * self.log_p).sum(1)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """d log p_a / d logit_j = [j = a] - p_j, and d H / d logit_j = -p_j (log p_j + H)."""
        by_logits = self.p * -by_log_prob[:, None]
        by_logits[self._rows, actions] += by_log_prob
        if by_entropy:
            H = self.entropy()[:, None]
            by_logits -= np.float32(by_entropy) * self.p * (self.log_p + H)
        return by_logits, _NO_STDS


class OneOfEach(Family):
    """Independent categorical distributions: the outputs are their logits side by side."""

    dtype = np.int64

    def __init__(self, space: spaces.MultiDiscrete) -> None:
        self.sizes = np.ravel(space.nvec).tolist()
        self.outputs, self.row = sum(self.sizes), (len(self.sizes),)
        self._start, self._shape = np.ravel(space.start), space.shape
        ends = np.cumsum(self.sizes)
        self._blocks = [slice(e - n, e) for e, n in zip(ends, self.sizes, strict=True)]

    def noise(self, rng: np.random.Generator, steps: int, copies: int) -> np.ndarray:
        return _gumbel(rng, (steps, copies, self.outputs))

    def draw(self, outputs: np.ndarray, log_std: np.ndarray, noise: np.ndarray) -> np.ndarray:
        noisy = outputs + noise
        return np.stack([noisy[:, block].argmax(1) for block in self._blocks], axis=1)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return (actions + self._start).reshape(-1, *self._shape)

    def of(self, outputs: np.ndarray, log_std: np.ndarray) -> Distribution:
        return Product([Categorical(outputs[:, block]) for block in self._blocks])


class Product(Distribution):
    """Independent choices, each by a categorical distribution; actions are (n, choices)."""

    def __init__(self, parts: Sequence[Categorical]) -> None:
        self.parts = parts

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return np.sum([p.log_prob(actions[:, i]) for i, p in enumerate(self.parts)], axis=0)

    def entropy(self) -> np.ndarray:
        return np.sum([part.entropy() for part in self.parts], axis=0)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        each = [
            part.gradient(actions[:, i], by_log_prob, by_entropy)[0]
            for i, part in enumerate(self.parts)
        ]
        return np.concatenate(each, axis=1), _NO_STDS


class Bits(Family):
    """Independent Bernoulli distributions: the outputs are the logits of a one."""

    dtype = np.float32

    def __init__(self, space: spaces.MultiBinary) -> None:
        self.outputs = math.prod(space.shape)
        self.row, self._shape, self._type = (self.outputs,), space.shape, space.dtype

    def noise(self, rng: np.random.Generator, steps: int, copies: int) -> np.ndarray:
        """Return logistic noise: a logit with it is above 0 as often as the bit is a one."""
        return rng.logistic(size=(steps, copies, self.outputs)).astype(np.float32)

    def draw(self, outputs: np.ndarray, log_std: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return (outputs + noise > 0).astype(np.float32)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions.astype(self._type).reshape(-1, *self._shape)

    def of(self, outputs: np.ndarray, log_std: np.ndarray) -> Distribution:
        return Bernoulli(outputs)


class Bernoulli(Distribution):
    """Independent bits (n, k), each a one with the probability sigmoid(logit)."""

    def __init__(self, logits: np.ndarray) -> None:
        self.logits = logits
        self.p = _HALF * np.tanh(_HALF * logits) + _HALF

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return (actions * self.logits - self._softplus()).sum(1)

    def entropy(self) -> np.ndarray:
        return (self._softplus() - self.logits * self.p).sum(1)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """d log p / d logit = bit - p, and d H / d logit = -logit p (1 - p)."""
        by_logits = (actions - self.p) * by_log_prob[:, None]
        if by_entropy:
            by_logits -= np.float32(by_entropy) * self.logits * self.p * (1 - self.p)
        return by_logits, _NO_STDS

    def _softplus(self) -> np.ndarray:
        return np.logaddexp(self.logits, np.float32(0))


class Gaussian(Family):
    """A Gaussian with independent components: the outputs are its mean (n, k); the logarithms
    of the deviations (k,) are parameters of their own, the same in all states. Actions outside
    the bounds of the space are clipped on their way to the environment."""

    dtype = np.float32

    def __init__(self, space: spaces.Box) -> None:
        self.outputs = self.stds = math.prod(space.shape)
        self.row, self._shape, self._type = (self.outputs,), space.shape, space.dtype
        self._clip = clip_to(space)

    def noise(self, rng: np.random.Generator, steps: int, copies: int) -> np.ndarray:
        return rng.standard_normal((steps, copies, self.outputs), np.float32)

    def draw(self, outputs: np.ndarray, log_std: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return outputs + np.exp(log_std) * noise

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return self._clip(actions).astype(self._type, copy=False).reshape(-1, *self._shape)

    def of(self, outputs: np.ndarray, log_std: np.ndarray) -> Distribution:
        return DiagonalGaussian(outputs, log_std)

    def head(self, log_std: np.ndarray) -> heads.Head:
        return heads.DiagonalGaussian(log_std.copy())


class DiagonalGaussian(Distribution):
    """A Gaussian around `mean` (n, k) whose components deviate by `exp(log_std)` (k,)."""

    def __init__(self, mean: np.ndarray, log_std: np.ndarray) -> None:
        self.mean, self.log_std = mean, log_std
        self._precision = np.exp(-log_std)

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        z = (actions - self.mean) * self._precision
        constant = self.log_std.sum() + np.float32(HALF_LOG_TWO_PI * len(self.log_std))
        return -_HALF * (z * z).sum(1) - constant

    def entropy(self) -> np.ndarray:
        """Return (n,) of equal numbers: it is the same in all rows."""
        entropy = self.log_std.sum() + (0.5 + HALF_LOG_TWO_PI) * len(self.log_std)
        return np.full(len(self.mean), entropy, np.float32)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """With z = (a - mean) / std: d log p / d mean = z / std, d log p / d log_std = z^2 - 1,
        and d H / d log_std = 1."""
        z = (actions - self.mean) * self._precision
        by_mean = z * by_log_prob[:, None]
        by_log_std = (by_mean * z).sum(0) - by_log_prob.sum()
        by_mean *= self._precision
        return by_mean, by_log_std + np.float32(by_entropy * len(z))
