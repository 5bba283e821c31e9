"""Policies over an action space: how actions are drawn, and by which distributions.

A `Family` belongs to an action space. Actions of a family are rows as the loss wants them:
indices that count from 0, bits, or real numbers before they are clipped to the bounds.
`in_space` turns them into what the environment takes.

    family.draw(outputs, log_std, noise)     one row of actions for each row of outputs
    family.of(outputs, log_std)              the distributions that they were drawn from

The noise for a whole rollout is drawn beforehand, which is faster than a little in every step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo import ZooError
from zoo.agents import heads
from zoo.agents.selection import clip_to
from zoo_torch.distributions import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    Distribution,
    Product,
)


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
    require_numbers(action_space)
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


def require_numbers(action_space: Space[Any]) -> None:
    """Raise `ZooError` for actions of a shape such as (0,), of which there is only one."""
    if action_space.shape is not None and 0 in action_space.shape:
        raise ZooError(
            f"there is nothing to choose among the actions of {action_space}: their shape is "
            f"{action_space.shape}",
            "Give the environment's actions at least one number",
        )


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


def _gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return noise with which the largest logit is a draw (https://arxiv.org/abs/1611.01144)."""
    return rng.gumbel(size=shape).astype(np.float32)
