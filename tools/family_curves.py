"""Measure how the algorithms of the tabular family learn: the lines of `tools/family.py`.

Each function is given an algorithm, an environment, a config and what to call the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np
from scipy import stats

from zoo import EnvironmentConfig, Progress, find_model
from zoo.environments.make import make, make_vector, vectorize
from zoo.hub.curve import Line
from zoo.plugin.registry import get_registry

SEEDS = range(10)
POINTS = 100
"""How many points a curve is drawn with."""

Config = Mapping[str, Any]


def matrix_line(xs: np.ndarray, values: np.ndarray, name: str) -> Line:
    """Return the mean of `values` (seeds, n) over the seeds at `xs` (n,), with the 95 %
    interval that Student's distribution gives."""
    mean = values.mean(axis=0)
    width = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values, axis=0)
    points = np.stack([xs, mean, mean - width, mean + width], axis=1)
    return Line([tuple(point) for point in points.tolist()], name)


def learner(name: str, env: Any, config: Config, seed: int = 0) -> Any:
    """Return an algorithm for the spaces of a vector environment or a single one."""
    cls = get_registry().algorithm_class(name)
    observations = getattr(env, "single_observation_space", env.observation_space)
    actions = getattr(env, "single_action_space", env.action_space)
    return cls(cls.Config(**config), observations, actions, seed=seed, device="cpu")


class Recorder(gym.Wrapper[Any, Any, Any, Any]):
    """Notes the return of every episode. No algorithm knows the model behind it."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.returns: list[float] = []
        self.total = 0.0

    def reset(self, **arguments: Any) -> Any:
        """Begin to count anew."""
        self.total = 0.0
        return self.env.reset(**arguments)

    def step(self, action: Any) -> Any:
        """Count the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.total += float(reward)
        if terminated or truncated:
            self.returns.append(self.total)
        return observation, reward, terminated, truncated, info


EPISODES, WINDOW = 500, 10


def returns(name: str, env_id: str, config: Config, label: str) -> Line:
    """Measure the return of each episode while the algorithm learns, with a moving average."""
    rows = []
    for seed in SEEDS:
        recorder = Recorder(make(EnvironmentConfig(env_id)))
        env = vectorize([lambda recorder=recorder: recorder], seed=seed)
        for _ in learner(name, env, config, seed).train(env, 10_000_000):
            if len(recorder.returns) >= EPISODES:
                break
        row = np.array(recorder.returns[:EPISODES])
        rows.append(np.convolve(row, np.full(WINDOW, 1 / WINDOW), "valid"))
    ends = np.arange(WINDOW, EPISODES + 1, EPISODES // POINTS)
    return matrix_line(ends, np.array(rows)[:, ends - WINDOW], label)


def residuals(name: str, env_id: str, config: Config, label: str) -> Line:
    """Note the Bellman residual of each sweep; of many sweeps some, and all at which it rises."""
    env = make(EnvironmentConfig(env_id))
    progress = learner(name, env, config).train(find_model(env), 10_000)
    points = [(float(p.steps), p.metrics["train/residual"]) for p in progress]
    ys = np.array([y for _, y in points])
    rises = np.append(ys[1:] > 2 * ys[:-1], True)  # the first of two points that go up, the last
    shown = np.arange(len(ys)) % max(len(ys) // (2 * POINTS), 1) == 0
    shown |= rises | np.roll(rises, 1)
    chosen = [point for point, shows in zip(points, shown, strict=True) if shows and point[1] > 0]
    return Line([(x, y, y, y) for x, y in chosen], label)


STEPS = 20_000


def errors(name: str, env_id: str, config: Config, label: str) -> Line:
    """Measure how far the values are from the true ones, as learning goes on.

    The policy `optimal` is one that value iteration finds.
    """
    env = make(EnvironmentConfig(env_id))
    model = find_model(env)
    assert model is not None
    with TemporaryDirectory() as folder:
        if config.get("policy") == "optimal":
            path = Path(folder) / "optimal.npy"
            np.save(
                path, finished(learner("value-iteration", env, {"gamma": 1}), model).q.argmax(1)
            )
            config = {**config, "policy": str(path)}
        exact = {"policy": config["policy"], "gamma": config["gamma"], "method": "linear"}
        truth = finished(learner("policy-evaluation", env, exact), model).v
        counted = model.initial > 0
        rows = [
            [
                (progress.steps, np.sqrt(np.mean((algorithm.agent().v - truth)[counted] ** 2)))
                for algorithm, progress in steps_of(name, env_id, config, seed)
            ]
            for seed in SEEDS
        ]
    values = np.array(rows)
    return matrix_line(values[0, :, 0], values[..., 1], label)


def finished(planner: Any, model: Any) -> Any:
    """Return the agent of a planner after its last sweep."""
    for _ in planner.train(model, 10_000):
        pass
    return planner.agent()


def steps_of(name: str, env_id: str, config: Config, seed: int) -> Iterator[tuple[Any, Progress]]:
    """Let an algorithm learn without a model and yield it with each of its `Progress`."""
    env = vectorize([lambda: Recorder(make(EnvironmentConfig(env_id)))], seed=seed)
    algorithm = learner(name, env, config, seed)
    for progress in algorithm.train(env, STEPS):
        yield algorithm, progress


PULLS = 10_000


def regrets(name: str, env_id: str, config: Config, label: str) -> Line:
    """Note the regret of all pulls so far."""
    rows = []
    for seed in SEEDS:
        env = make_vector(EnvironmentConfig(env_id), 1, seed=seed)
        learning = learner(name, env, config, seed).train(env, PULLS)
        rows.append([(p.steps, p.metrics["train/regret"]) for p in learning])
    values = np.array(rows)
    return matrix_line(values[0, :, 0], values[..., 1], label)
