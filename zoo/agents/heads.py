"""From a network's output to actions: the distributions and value functions of the field.

A head is a small frozen dataclass. `size(action_space)` says how many outputs it reads, and
`compile(action_space)` returns the function that chooses:

    select(output (n, size), latent (n, features), rng, deterministic, masks) -> (n, ...)

where `latent` is what the last layer was given. Actions come out as Stable-Baselines3's
`predict` gives them: squashed ones rescaled to the bounds of the space, others clipped to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zoo.agents import selection
from zoo.agents.layers import Layer
from zoo.agents.selection import Select
from zoo.errors import ZooError


class Head:
    """What all heads share; `name` stands in the bundle."""

    name: ClassVar[str]
    masks: bool = False

    def size(self, action_space: Any) -> int:
        """Return the number of outputs that the head reads; `ZooError` for a wrong space."""
        raise NotImplementedError

    def compile(self, action_space: Any) -> Select:
        """Return the function that chooses actions."""
        raise NotImplementedError


@dataclass(frozen=True)
class Categorical(Head):
    """Logits of independent choices: Discrete, MultiDiscrete or MultiBinary actions.

    With `masks` the agent takes action masks: bool (n, outputs), False where a choice is not
    allowed; a binary choice then has two logits, as in sb3-contrib's MaskablePPO.
    """

    name: ClassVar[str] = "categorical"
    masks: bool = False

    def size(self, action_space: Any) -> int:
        choices = self._choices(action_space)
        return len(choices) if self._is_bernoulli(action_space) else sum(choices)

    def compile(self, action_space: Any) -> Select:
        if self._is_bernoulli(action_space):
            return selection.bits
        start = np.ravel(getattr(action_space, "start", 0))
        if _is_discrete(action_space):
            return selection.one_of(int(start[0]))
        return selection.one_of_each(self._choices(action_space), start)

    def _is_bernoulli(self, action_space: Any) -> bool:
        return _is_binary(action_space) and not self.masks

    def _choices(self, action_space: Any) -> list[int]:
        if hasattr(action_space, "nvec"):
            return np.ravel(action_space.nvec).tolist()
        if _is_discrete(action_space):
            return [int(action_space.n)]
        if _is_binary(action_space):
            return [2] * int(np.prod(action_space.shape))
        raise _wrong_space(self, action_space, "Discrete, MultiDiscrete or MultiBinary")


@dataclass(frozen=True, eq=False)
class DiagonalGaussian(Head):
    """A Gaussian around the output, with independent components.

    `log_std` of shape (actions,) is the same everywhere; of shape (features, actions) it is that
    of state-dependent exploration: variance = latent**2 @ exp(log_std)**2 + 1e-6
    (https://arxiv.org/abs/2005.05719). `clip_mean` limits the mean before the noise;
    with `squash` the action goes through tanh and is rescaled, else it is clipped.
    """

    name: ClassVar[str] = "diagonal-gaussian"
    log_std: np.ndarray
    squash: bool = False
    clip_mean: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_std", np.array(self.log_std, np.float32))

    def size(self, action_space: Any) -> int:
        size = _box_size(self, action_space)
        if self.log_std.ndim not in (1, 2) or self.log_std.shape[-1] != size:
            raise ZooError(f"log_std of shape {self.log_std.shape} does not fit {action_space}")
        return size

    def compile(self, action_space: Any) -> Select:
        bound = (
            selection.rescale_to(action_space) if self.squash else selection.clip_to(action_space)
        )
        std, limit = np.exp(self.log_std), self.clip_mean

        def select(
            output: np.ndarray,
            latent: np.ndarray,
            rng: np.random.Generator,
            deterministic: bool,
            masks: np.ndarray | None,
        ) -> np.ndarray:
            if limit is not None:
                output = np.clip(output, -limit, limit)
            if not deterministic:
                scale = std if std.ndim == 1 else np.sqrt(latent**2 @ std**2 + 1e-6)
                output = output + scale * rng.standard_normal(output.shape, np.float32)
            return bound(output)

        return select


@dataclass(frozen=True, eq=False)
class SquashedGaussian(Head):
    """SAC's actor: tanh of a Gaussian, rescaled to the bounds (https://arxiv.org/abs/1812.05905).

    The output is the mean; `log_std` is the layer beside the last one, and what it returns is
    limited to [`low`, `high`]: cut off there, or with `smooth` led there by a tanh, as CleanRL
    does.
    """

    name: ClassVar[str] = "squashed-gaussian"
    log_std: Layer
    low: float = -20.0
    high: float = 2.0
    smooth: bool = False

    def __post_init__(self) -> None:
        if self.log_std.activation != "identity":
            raise ZooError(f"the log_std layer has the activation {self.log_std.activation!r}")

    def size(self, action_space: Any) -> int:
        size = _box_size(self, action_space)
        if self.log_std.outputs != size:
            raise ZooError(f"the log_std layer has {self.log_std.outputs} outputs, not {size}")
        return size

    def compile(self, action_space: Any) -> Select:
        bound, low, high = selection.rescale_to(action_space), self.low, self.high
        weight, bias, _ = self.log_std.compile()
        smooth, half = self.smooth, 0.5 * (high - low)

        def select(
            output: np.ndarray,
            latent: np.ndarray,
            rng: np.random.Generator,
            deterministic: bool,
            masks: np.ndarray | None,
        ) -> np.ndarray:
            if not deterministic:
                log_std = latent.dot(weight) + bias
                if smooth:
                    log_std = low + half * (np.tanh(log_std) + 1.0)
                scale = np.exp(np.clip(log_std, low, high)).astype(np.float32)
                output = output + scale * rng.standard_normal(output.shape, np.float32)
            return bound(output)

        return select


@dataclass(frozen=True)
class Deterministic(Head):
    """TD3's and DDPG's actor: tanh of the output, rescaled to the bounds; never any noise.

    The tanh is here, so the last layer's own activation is the identity.
    """

    name: ClassVar[str] = "deterministic"

    def size(self, action_space: Any) -> int:
        return _box_size(self, action_space)

    def compile(self, action_space: Any) -> Select:
        bound = selection.rescale_to(action_space)
        return lambda output, latent, rng, deterministic, masks: bound(output)


@dataclass(frozen=True)
class Linear(Head):
    """The output itself, clipped to the bounds; for Discrete actions the largest output."""

    name: ClassVar[str] = "linear"

    def size(self, action_space: Any) -> int:
        if _is_discrete(action_space):
            return int(action_space.n)
        return _box_size(self, action_space)

    def compile(self, action_space: Any) -> Select:
        if hasattr(action_space, "low"):
            bound = selection.clip_to(action_space)
            return lambda output, latent, rng, deterministic, masks: bound(output)
        return selection.greedy(action_space, 0.0)


@dataclass(frozen=True)
class QValue(Head):
    """Action values (n, actions): the largest, or with probability `epsilon` any, unless
    deterministic."""

    name: ClassVar[str] = "q-value"
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        _check_probability(self.epsilon)

    def size(self, action_space: Any) -> int:
        return _discrete_size(self, action_space)

    def compile(self, action_space: Any) -> Select:
        return selection.greedy(action_space, self.epsilon)


@dataclass(frozen=True)
class Quantile(Head):
    """Quantiles of the returns (n, n_quantiles * actions), quantiles first: the action with the
    largest mean; `epsilon` as for `QValue` (https://arxiv.org/abs/1710.10044)."""

    name: ClassVar[str] = "quantile"
    n_quantiles: int
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        _check_probability(self.epsilon)
        if type(self.n_quantiles) is not int or self.n_quantiles < 1:
            raise ZooError(f"n_quantiles must be a positive integer, not {self.n_quantiles!r}")

    def size(self, action_space: Any) -> int:
        return self.n_quantiles * _discrete_size(self, action_space)

    def compile(self, action_space: Any) -> Select:
        return selection.greedy(action_space, self.epsilon, self.n_quantiles)


@dataclass(frozen=True, eq=False)
class Distributional(Head):
    """Logits (n, actions * atoms), actions first, of the returns `atoms` (atoms,): the action
    with the largest mean; `epsilon` as for `QValue` (https://arxiv.org/abs/1707.06887)."""

    name: ClassVar[str] = "distributional"
    atoms: np.ndarray
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        _check_probability(self.epsilon)
        object.__setattr__(self, "atoms", np.array(self.atoms, np.float32).ravel())

    def size(self, action_space: Any) -> int:
        return len(self.atoms) * _discrete_size(self, action_space)

    def compile(self, action_space: Any) -> Select:
        choose = selection.greedy(action_space, self.epsilon)
        atoms, shape = self.atoms, (-1, int(action_space.n), len(self.atoms))
        return lambda output, *rest: choose(selection.means(output.reshape(shape), atoms), *rest)


HEADS: dict[str, type[Head]] = {
    head.name: head
    for head in (Categorical, DiagonalGaussian, SquashedGaussian, Deterministic, Linear, QValue,
                 Quantile, Distributional)
}  # fmt: skip


def _is_discrete(space: Any) -> bool:
    return hasattr(space, "n") and hasattr(space, "start")


def _is_binary(space: Any) -> bool:
    return hasattr(space, "n") and not hasattr(space, "start")


def _box_size(head: Head, space: Any) -> int:
    if not hasattr(space, "low"):
        raise _wrong_space(head, space, "Box")
    return int(np.prod(space.shape))


def _discrete_size(head: Head, space: Any) -> int:
    if not _is_discrete(space):
        raise _wrong_space(head, space, "Discrete")
    return int(space.n)


def _wrong_space(head: Head, space: Any, fitting: str) -> ZooError:
    return ZooError(f"a {head.name} head cannot act in {space}", f"It needs a {fitting} space")


def _check_probability(value: Any) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ZooError(f"epsilon must be between 0 and 1, not {value!r}")
