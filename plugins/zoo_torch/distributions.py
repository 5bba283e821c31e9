"""Policies over actions: drawn from in NumPy while acting, differentiated in PyTorch.

A `Family` belongs to an action space. Actions of a family are rows as the loss wants them:
indices that count from 0, bits, or real numbers before they are clipped to the bounds.
`in_space` turns them into what the environment takes.

    family.draw(outputs, log_std, noise)             one row of actions for each row of outputs
    family.of(outputs, log_std).log_prob(actions)    (n,), differentiable

The noise for a whole rollout is drawn beforehand, which is faster than a little in every step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import Space, spaces
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from zoo import ZooError
from zoo.agents import heads
from zoo.agents.selection import clip_to

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Distribution(Protocol):
    """A distribution for each of n rows."""

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor: ...
    def entropy(self) -> torch.Tensor: ...


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
    def of(self, outputs: torch.Tensor, log_std: torch.Tensor) -> Distribution:
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

    def of(self, outputs: torch.Tensor, log_std: torch.Tensor) -> Distribution:
        return Categorical(outputs)


@dataclass
class Categorical:
    """One choice in proportion to the exponentials of `logits` (n, k)."""

    logits: torch.Tensor

    @cached_property
    def log_probs(self) -> torch.Tensor:
        return self.logits.log_softmax(1)

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        """Return (n,) for indices (n,)."""
        return self.log_probs.gather(1, actions[:, None]).squeeze(1)

    def entropy(self) -> torch.Tensor:
        """Return (n,), in nats."""
        return -(self.log_probs.exp() * self.log_probs).sum(1)


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

    def of(self, outputs: torch.Tensor, log_std: torch.Tensor) -> Distribution:
        return Product([Categorical(logits) for logits in outputs.split(self.sizes, 1)])


@dataclass
class Product:
    """Independent choices, each by a categorical distribution."""

    parts: list[Categorical]

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        """Return (n,) for indices (n, number of choices)."""
        each = [part.log_prob(actions[:, i]) for i, part in enumerate(self.parts)]
        return torch.stack(each).sum(0)

    def entropy(self) -> torch.Tensor:
        return torch.stack([part.entropy() for part in self.parts]).sum(0)


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

    def of(self, outputs: torch.Tensor, log_std: torch.Tensor) -> Distribution:
        return Bernoulli(outputs)


@dataclass
class Bernoulli:
    """Independent bits, each a one with the probability `sigmoid(logits)`, (n, k)."""

    logits: torch.Tensor

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        """Return (n,) for bits (n, k), float32."""
        return -binary_cross_entropy_with_logits(self.logits, actions, reduction="none").sum(1)

    def entropy(self) -> torch.Tensor:
        return (softplus(self.logits) - self.logits * self.logits.sigmoid()).sum(1)


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

    def of(self, outputs: torch.Tensor, log_std: torch.Tensor) -> Distribution:
        return DiagonalGaussian(outputs, log_std)

    def head(self, log_std: np.ndarray) -> heads.Head:
        return heads.DiagonalGaussian(log_std.copy())


@dataclass
class DiagonalGaussian:
    """A Gaussian around `mean` (n, k) whose components deviate by `exp(log_std)` (k,)."""

    mean: torch.Tensor
    log_std: torch.Tensor

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        """Return the log density (n,) at actions (n, k)."""
        z = (actions - self.mean) * (-self.log_std).exp()
        constant = self.log_std.sum() + HALF_LOG_TWO_PI * len(self.log_std)
        return -0.5 * (z * z).sum(1) - constant

    def entropy(self) -> torch.Tensor:
        """Return (1,): it is the same in all rows."""
        return (self.log_std.sum() + (0.5 + HALF_LOG_TWO_PI) * len(self.log_std))[None]
