"""Environments whose episodes can be repeated, and SB3 and the plugin learning on them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from zoo.environments.episodes import SeededEpisodes
from zoo.environments.make import vectorize
from zoo_sb3.base import SB3Algorithm

MakeEnv = Callable[[], gym.Env[Any, Any]]


class Reach(gym.Env[dict[str, np.ndarray], np.ndarray]):
    """Move a point to a goal within 20 steps; the info at the end says whether it is there."""

    def __init__(self) -> None:
        point = spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.observation_space = spaces.Dict(
            {"observation": point, "achieved_goal": point, "desired_goal": point}
        )
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.point = np.zeros(2, np.float32)
        self.goal = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        self.elapsed = 0
        return self._observe(), {}

    def step(self, action: np.ndarray) -> Any:
        self.point = np.clip(self.point + 0.3 * action, -2, 2).astype(np.float32)
        self.elapsed += 1
        reward = float(self.compute_reward(self.point, self.goal, {}))
        truncated = self.elapsed == 20
        return self._observe(), reward, False, truncated, {"is_success": reward == 0}

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> Any:
        return -(np.linalg.norm(achieved - desired, axis=-1) > 0.4).astype(np.float32)

    def _observe(self) -> dict[str, np.ndarray]:
        velocity = np.full(2, self.elapsed / 10, np.float32)
        return {"observation": velocity, "achieved_goal": self.point, "desired_goal": self.goal}


class Doors(gym.Env[np.ndarray, int]):
    """Four doors, of which some are locked: the mask says which; behind one there is a prize."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0.0, 1.0, (4,), np.float32)
        self.action_space = spaces.Discrete(4)
        self.locked_tried = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._draw()
        return self.view, {}

    def step(self, action: int) -> Any:
        self.locked_tried += not self.mask[action]
        reward = float(action == self.prize)
        self._draw()
        return self.view, reward, bool(self.np_random.random() < 0.1), False, {}

    def action_masks(self) -> np.ndarray:
        return self.mask

    def _draw(self) -> None:
        self.prize = int(self.np_random.integers(4))
        self.mask = self.np_random.random(4) < 0.5
        self.mask[self.prize] = True
        self.view = np.eye(4, dtype=np.float32)[self.prize]


def cartpole() -> gym.Env[Any, Any]:
    return gym.make("CartPole-v1")


def pendulum() -> gym.Env[Any, Any]:
    """Pendulum with shorter episodes, so that some end and some are under way."""
    return gym.make("Pendulum-v1", max_episode_steps=70)


def learner(
    algorithm: type[SB3Algorithm],
    make: MakeEnv,
    config: dict[str, Any],
    *,
    num_envs: int = 1,
    seed: int = 3,
) -> tuple[SB3Algorithm, Any]:
    """Return the plugin's learner and its environment, whose episodes are those of `sb3`."""
    env = vectorize([make] * num_envs, seed=100)
    spaces_ = env.single_observation_space, env.single_action_space
    return algorithm(algorithm.Config(**config), *spaces_, seed=seed), env


def train(algorithm: SB3Algorithm, env: Any, steps: int) -> int:
    """Train to the end; return how often there was progress."""
    return sum(1 for _ in algorithm.train(env, steps))


def sb3(
    model: type[BaseAlgorithm],
    make: MakeEnv,
    arguments: dict[str, Any],
    *,
    policy: str,
    num_envs: int,
    normalize: bool,
    seed: int = 3,
) -> Any:
    """Return a model as a user of SB3 would make it, on the same episodes."""

    def copy(i: int) -> MakeEnv:
        def made() -> gym.Env[Any, Any]:
            seeded = SeededEpisodes(make())
            seeded.rng = np.random.default_rng([100, i])
            return Monitor(_Unseeded(seeded))

        return made

    env: Any = DummyVecEnv([copy(i) for i in range(num_envs)])
    if normalize:
        env = VecNormalize(env, gamma=arguments.get("gamma", 0.99))
    return model(policy, env, seed=seed, device="cpu", **arguments)


class _Unseeded(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps SB3's own seeds from the generator that draws them."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset()


def weights(model: Any) -> dict[str, np.ndarray]:
    """Return copies of everything that learning changes in a model, optimisers included."""
    names, tensors = model._get_torch_save_params()
    found: dict[str, np.ndarray] = {}
    for name in names:
        module: Any = model
        for part in name.split("."):
            module = getattr(module, part)
        for key, value in _leaves(module.state_dict(), name):
            found[key] = value
    for name in tensors:
        found[name] = getattr(model, name).detach().numpy().copy()
    return found


def _leaves(tree: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(tree, torch.Tensor):
        yield name, tree.detach().numpy().copy()
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, f"{name}.{key}")
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from _leaves(value, f"{name}.{index}")
    elif isinstance(tree, int | float):
        yield name, np.array(tree)


def differing(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> list[str]:
    """Return the names whose arrays are not equal bit for bit."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]
