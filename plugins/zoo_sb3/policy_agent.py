"""The agent kind `sb3-policy`: a policy of SB3 that is more than fully connected layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from gymnasium import Space, spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecTransposeImage

from zoo import Agent, ZooError, did_you_mean
from zoo_sb3.normalization import Normalization
from zoo_sb3.policies import needs_transpose, policy_kwargs, transposed

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    model.__name__: model
    for model in (
        stable_baselines3.A2C,
        stable_baselines3.DDPG,
        stable_baselines3.DQN,
        stable_baselines3.PPO,
        stable_baselines3.SAC,
        stable_baselines3.TD3,
        sb3_contrib.MaskablePPO,
        sb3_contrib.QRDQN,
        sb3_contrib.RecurrentPPO,
        sb3_contrib.TQC,
        sb3_contrib.TRPO,
    )
}
"""Whose policies an agent may have: a bundle says a name, never an import path."""
NOT_ACTING = (
    "value_net.",
    "mlp_extractor.value_net.",
    "vf_features_extractor.",
    "lstm_critic.",
    "critic.",
    "critic_target.",
    "actor_target.",
    "q_net_target.",
    "quantile_net_target.",
)
"""Where the names of numbers begin that training needs and acting does not."""
MOST_NUMBERS = 500_000_000
"""Of a policy with its critics, generously counted; SB3's usual ones have a few million."""
_USUAL_LAYERS = 400, 300
"""Of SB3's policies that are told nothing else, at most."""
_USUAL = {"QRDQN": {"n_quantiles": 200}}
NOT_ACTING_KWARGS = {"optimizer_class", "optimizer_kwargs"}


class SB3PolicyAgent(Agent):
    """A policy of SB3, rebuilt from names and numbers; it acts on the CPU.

    The description has `algorithm` and `policy` (names), `policy_kwargs` (as in a recipe),
    `use_sde`, `epsilon` and `normalize` (null, or what `Normalization.describe` returns).
    """

    kind: ClassVar[str] = "sb3-policy"

    def __init__(
        self,
        description: Mapping[str, Any],
        tensors: Mapping[str, np.ndarray],
        observation_space: Space[Any],
        action_space: Space[Any],
    ) -> None:
        """Rebuild the policy for the environment's spaces; `ZooError` where parts do not fit."""
        super().__init__(observation_space, action_space)
        self._description = dict(description)
        normalize = description["normalize"]
        self._normalization = normalize and Normalization.restore(normalize, tensors)
        self._epsilon = float(description["epsilon"])
        self.takes_action_masks = description["algorithm"] == "MaskablePPO"  # type: ignore[misc]
        self._is_recurrent = description["algorithm"] == "RecurrentPPO"
        self._space = self._seen_space()
        with _random_numbers(0):
            self.policy = self._build()
        self._load({n.removeprefix("policy."): t for n, t in tensors.items()})
        self._memory: Any = None
        self._starts = np.ones(0, np.bool_)

    @classmethod
    def of(
        cls,
        policy: torch.nn.Module,
        description: dict[str, Any],
        observation_space: Space[Any],
        action_space: Space[Any],
        normalization: Normalization | None,
    ) -> SB3PolicyAgent:
        """Return an agent with a copy of `policy`."""
        normalize = None if normalization is None else normalization.describe()
        tensors = {} if normalization is None else normalization.tensors()
        numbers = {n: t.detach().cpu().numpy().copy() for n, t in _acting(policy).items()}
        return cls(
            {**description, "normalize": normalize},
            tensors | {f"policy.{name}": array for name, array in numbers.items()},
            observation_space,
            action_space,
        )

    def act(
        self,
        observations: Any,
        *,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> np.ndarray:
        seen = self._see(observations)
        n = len(next(iter(seen.values())) if isinstance(seen, dict) else seen)
        if deterministic:
            actions = self._predict(seen, n, True, action_masks)
        else:
            with _random_numbers(int(self.rng.integers(1 << 63))):
                if self._description["use_sde"]:
                    self.policy.reset_noise(n)
                actions = self._predict(seen, n, False, action_masks)
            if self._epsilon:
                anything = self.rng.integers(self.action_space.n, size=n)  # type: ignore[attr-defined]
                actions = np.where(self.rng.random(n) < self._epsilon, anything, actions)
        if isinstance(self.action_space, spaces.Box):  # rounding may have left the bounds
            actions = np.clip(actions, self.action_space.low, self.action_space.high)
        return actions.astype(self.action_space.dtype, copy=False)

    def reset(self, dones: np.ndarray | None = None) -> None:
        if dones is None:
            self._memory = None
        elif self._memory is not None:
            self._starts |= np.asarray(dones, np.bool_)

    def describe(self) -> dict[str, Any]:
        return deepcopy(self._description)

    def tensors(self) -> dict[str, np.ndarray]:
        numbers = {f"policy.{name}": t.numpy() for name, t in _acting(self.policy).items()}
        return numbers | (self._normalization.tensors() if self._normalization else {})

    @classmethod
    def restore(
        cls,
        description: dict[str, Any],
        tensors: dict[str, np.ndarray],
        observation_space: Space[Any],
        action_space: Space[Any],
    ) -> SB3PolicyAgent:
        return cls(description, tensors, observation_space, action_space)

    def _predict(
        self, seen: Any, n: int, deterministic: bool, masks: np.ndarray | None
    ) -> np.ndarray:
        if self.takes_action_masks:
            return self.policy.predict(seen, deterministic=deterministic, action_masks=masks)[0]
        if not self._is_recurrent:
            return self.policy.predict(seen, deterministic=deterministic)[0]
        if self._memory is None or len(self._starts) != n:
            self._memory, self._starts = None, np.ones(n, np.bool_)
        actions, self._memory = self.policy.predict(
            seen, self._memory, self._starts, deterministic=deterministic
        )
        self._starts = np.zeros(n, np.bool_)
        return actions

    def _see(self, observations: Any) -> Any:
        """Return observations (n, ...) as the policy learnt to see them."""
        if self._normalization is not None:
            observations = self._normalization(observations)
        if isinstance(self._space, spaces.Dict):
            return {
                key: _channels_first(np.asarray(observations[key]), space)
                for key, space in self._space.spaces.items()
            }
        return _channels_first(np.asarray(observations), self._space)

    def _seen_space(self) -> Space[Any]:
        """Return the observation space after normalisation, its own copy."""
        space = deepcopy(self.observation_space)
        return space if self._normalization is None else self._normalization.space(space)

    def _build(self) -> Any:
        name, policy = self._description["algorithm"], self._description["policy"]
        if name not in ALGORITHMS:
            raise ZooError(f"unknown algorithm {name!r} in the agent", _other(name, ALGORITHMS))
        known = ALGORITHMS[name].policy_aliases
        if policy not in known:
            raise ZooError(f"unknown policy {policy!r} of {name}", _other(policy, known))
        kwargs = policy_kwargs(self._description["policy_kwargs"])
        kwargs = {key: value for key, value in kwargs.items() if key not in NOT_ACTING_KWARGS}
        if self._description["use_sde"]:
            kwargs["use_sde"] = True
        seen = transposed(self._space)
        try:
            _check_size(seen, self.action_space, _USUAL.get(name, {}) | kwargs, policy)
            built: Any = known[policy](seen, deepcopy(self.action_space), lambda _: 0.0, **kwargs)
        except (AssertionError, ValueError, TypeError, RuntimeError) as error:
            said = str(error).split("\n")[0]
            raise ZooError(f"the agent's {policy} of {name} cannot be built: {said}") from error
        built.set_training_mode(False)
        return built

    def _load(self, tensors: Mapping[str, np.ndarray]) -> None:
        for name, tensor in _acting(self.policy).items():
            array = tensors.get(name)
            if array is None or tuple(array.shape) != tuple(tensor.shape):
                found = "missing" if array is None else f"of shape {array.shape}"
                raise ZooError(
                    f"the agent's weights do not fit its description: {name} is {found}",
                    "Fetch or export the agent again",
                )
            tensor.copy_(torch.from_numpy(np.array(array)))


def _check_size(
    seen: Space[Any], actions: Space[Any], kwargs: Mapping[str, Any], name: str
) -> None:
    """Raise `ZooError` for a description that would fill the memory: it may be a stranger's.

    Raises `TypeError` for a size that is no whole number.
    """
    inputs = spaces.flatdim(seen)
    memory, quantiles = (_size(kwargs.get(key)) for key in ("lstm_hidden_size", "n_quantiles"))
    extractor = kwargs.get("features_extractor_kwargs") or {}
    if not isinstance(extractor, Mapping):
        raise TypeError("its features_extractor_kwargs are no mapping")
    features = max(512, memory, *(v for v in extractor.values() if isinstance(v, int)))
    copies = 1 + _size(kwargs.get("n_critics")) + _size(kwargs.get("n_lstm_layers"))
    outputs = spaces.flatdim(actions) * max(quantiles, 1)
    layers = 0
    for units in _lists(kwargs.get("net_arch")) or [_USUAL_LAYERS]:
        sizes = max(features, inputs), *map(_size, units), outputs
        layers += sum(one * two for one, two in pairwise(sizes))
    if features * inputs + copies * (layers + 8 * memory * features) > MOST_NUMBERS:
        raise ZooError(
            f"the agent's {name} is too large to be built", "It was damaged, or made to do harm"
        )


def _size(value: Any) -> int:
    """Return a size, 0 where none is given."""
    if value is not None and (type(value) is not int or value < 0):
        raise TypeError("a size in it is no whole number")
    return value or 0


def _lists(architecture: Any) -> list[Any]:
    """Return the lists of layers in a `net_arch`."""
    parts = architecture.values() if isinstance(architecture, Mapping) else [architecture]
    return [part for part in parts if isinstance(part, list | tuple)]


def _acting(policy: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the numbers that acting needs, by name, those of shared parts once."""
    found = {**dict(policy.named_parameters()), **dict(policy.named_buffers())}
    return {n: t.detach() for n, t in found.items() if not n.startswith(NOT_ACTING)}


def _channels_first(images: np.ndarray, space: Space[Any]) -> np.ndarray:
    return VecTransposeImage.transpose_image(images) if needs_transpose(space) else images


def _other(name: Any, known: Mapping[str, Any]) -> str:
    return did_you_mean(str(name), known) or "Upgrade with: pip install --upgrade agent-zoo"


@contextmanager
def _random_numbers(seed: int) -> Iterator[None]:
    """Seed torch's global generator for a while, and leave it as it was."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
