"""Small agents and environments whose returns can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo import Agent, Bundle, Run
from zoo.agents.heads import Categorical
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.table import TableAgent
from zoo.storage.bundle import save_bundle
from zoo.storage.runs import create_run

ENV_ID = "ZooTestRiddle-v0"


class Riddle(gym.Env):
    """Rewards each step whose action is the number of steps since the reset, modulo 4.

    An agent earns all of it only if its memory is emptied exactly when an episode begins. The
    length of an episode is drawn from 1 to 30. `trouble` makes it misbehave.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array", "human"], "render_fps": 10}
    observation_space = spaces.Box(0, 1000, (1,), np.float32)
    action_space = spaces.Discrete(4)

    def __init__(self, trouble: str = "", tells: str = "", render_mode: str | None = None) -> None:
        self.trouble, self.tells, self.render_mode = trouble, tells, render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.length, self.count = int(self.np_random.integers(1, 31)), 0
        if self.trouble == "reset":
            raise OSError("no such level")
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(action == self.count % 4)
        self.count += 1
        if self.trouble == "step" and self.count == 3:
            raise ValueError("the ground\nopened")
        if self.trouble == "reward":
            reward = float("nan")
        ended = self.count >= self.length and self.trouble != "endless"
        is_long = self.length > 15
        info = {"is_success": is_long} if ended and self.tells and (
            is_long or self.tells == "always"
        ) else {}  # fmt: skip
        return self._observation(), reward, ended and is_long, ended and not is_long, info

    def render(self) -> Any:
        if self.trouble == "render":
            raise RuntimeError("no light")
        if self.trouble == "picture":
            return np.zeros((4, 4, 3), np.float64)
        picture = np.full((33, 47, 3), 255, np.uint8)
        picture[:, :16] = (200, 30, 60)
        picture[:16, 16:32] = 8 * min(self.count, 31)
        return picture

    def _observation(self) -> np.ndarray:
        return np.array([self.count], np.float32)


class Masked(Riddle):
    """A riddle that allows one action at a time: the right one."""

    def action_masks(self) -> np.ndarray:
        return np.arange(4) == self.count % 4


class Paper(Riddle):
    """A riddle that cannot be drawn."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self) -> None:
        super().__init__()


for env_id, env_class in {
    ENV_ID: Riddle,
    "ZooTestMasked-v0": Masked,
    "ZooTestPaper-v0": Paper,
}.items():
    if env_id not in gym.registry:
        gym.register(env_id, env_class)


class Plain(Agent):
    """What the agents below share: none of them is ever saved."""

    kind = "plain"

    def __init__(self, observation_space: Any = None, action_space: Any = None) -> None:
        super().__init__(
            observation_space or Riddle.observation_space, action_space or Riddle.action_space
        )

    def describe(self) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, np.ndarray]:
        return {}

    @classmethod
    def restore(cls, *parts: Any) -> Agent:
        return cls()


class Remembering(Plain):
    """Counts its own steps, so it solves the riddle if its memory is reset when it should be."""

    def reset(self, dones: np.ndarray | None = None) -> None:
        if dones is None:
            self.counts = None
        else:
            assert self.counts is not None
            self.counts[dones] = 0

    def act(
        self, observations: Any, *, deterministic: bool = True, action_masks: Any = None
    ) -> Any:
        if self.counts is None:
            self.counts = np.zeros(len(observations), np.int64)
        actions = self.counts % 4
        self.counts += 1
        return actions


class Guessing(Plain):
    """Draws its actions, from what is allowed where it takes masks; deterministic ones are 0."""

    def __init__(self, *, takes_action_masks: bool = False) -> None:
        super().__init__()
        self.takes_action_masks = takes_action_masks  # type: ignore[misc]

    def act(
        self, observations: Any, *, deterministic: bool = True, action_masks: Any = None
    ) -> Any:
        if action_masks is not None:
            assert action_masks.shape == (len(observations), 4)
            assert action_masks.dtype == np.bool_
            return action_masks.argmax(axis=1)
        if deterministic:
            return np.zeros(len(observations), np.int64)
        return self.rng.integers(4, size=len(observations))


class Broken(Plain):
    """Acts in Pendulum-v1 with NaN."""

    def __init__(self) -> None:
        super().__init__(
            spaces.Box(-8, 8, (3,), np.float32), spaces.Box(-2.0, 2.0, (1,), np.float32)
        )

    def act(
        self, observations: Any, *, deterministic: bool = True, action_masks: Any = None
    ) -> Any:
        return np.full((len(observations), 1), np.nan, np.float32)


def balancer(*gains: float) -> MLPAgent:
    """Return a CartPole-v1 agent that pushes by the sign of a weighted sum of the observation.

    Gains of (0.1, 0.5, 2, 2) hold the pole up for ever, (0, -0.2, 1, 0.5) for a while.
    """
    env = gym.make("CartPole-v1")
    weight = np.array([np.zeros(4), gains], np.float32)
    layer = Layer(weight, None, "identity")
    return MLPAgent(env.observation_space, env.action_space, [layer], Categorical())


def walker(seed: int = 0) -> TableAgent:
    """Return an agent of FrozenLake-v1's spaces with a random table."""
    q = np.random.default_rng(seed).random((16, 4))
    return TableAgent(spaces.Discrete(16), spaces.Discrete(4), q=q)


def saved(
    path: Path, agent: Agent, env_id: str, *, files: Any = None, **environment: Any
) -> Bundle:
    """Save an agent as a bundle of the algorithm `ours`."""
    return save_bundle(
        path,
        agent,
        algorithm="ours",
        plugin="test",
        versions={},
        config={},
        environment={"id": env_id, **environment},
        training={},
        files=files,
    )


def run_of(env_id: str, name: str | None = None, which: str = "best", seed: int = 0) -> Run:
    """Make a run of `ours` that has a walker as its agent, or none where `which` is empty."""
    asked = {"algorithm": "ours", "environment": {"id": env_id}, "name": name, "seed": seed}
    counts = {"steps": 10, "n_envs": 1}
    facts = {"plugin": "test", "device": "cpu", "config": {}, "versions": {}, "cadence": {}}
    run = create_run({**asked, **counts, **facts})
    if which:
        saved(run.bundle_path(which), walker(seed), env_id)
    return run
