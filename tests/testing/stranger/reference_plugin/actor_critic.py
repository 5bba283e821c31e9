"""A linear actor-critic in NumPy, small enough to see that it is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from pydantic import Field

from zoo import (
    Agent,
    Algorithm,
    Config,
    Progress,
    Schedule,
    ScheduleValue,
    State,
    ZooError,
)
from zoo.agents.heads import Categorical, DiagonalGaussian, Head
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, example, standard_steps


class LinearActorCriticConfig(Config):
    gamma: float = Field(0.9, ge=0, le=1, description="Discount factor.")
    learning_rate: ScheduleValue = Field(Schedule.parse(0.03), description="Step size of Adam.")
    rollout: int = Field(8, ge=1, description="Steps of each copy between two updates.")
    deviation: float = Field(
        0.4, gt=0, description="Standard deviation of Box actions, in units of the upper bound."
    )


class LinearActorCritic(Algorithm):
    """delta = r + gamma V(s') (1 - terminated) - V(s); policy and value follow it by Adam."""

    Config = LinearActorCriticConfig

    def __init__(
        self, config: Any, observation_space: Any, action_space: Any, *, seed: int, device: str
    ) -> None:
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.preprocess = Preprocess(standard_steps(observation_space))
        self.policy = make_policy(action_space, config.deviation)
        self.rng = np.random.default_rng(seed)
        inputs = self.features(example(observation_space)).shape[1]
        outputs = self.policy.head.size(action_space)
        self.weights = {
            "actor": 0.01 * self.rng.standard_normal((inputs, outputs)),
            "critic": np.zeros((inputs, 1)),
        }
        self.optimiser = {name: Adam(array.shape) for name, array in self.weights.items()}
        self.steps = self.episodes = 0
        self.rate = 0.0

    def features(self, observations: Any) -> np.ndarray:
        """Return the preprocessed observations (n, size) and a column of ones for the bias."""
        rows = self.preprocess(observations).astype(np.float64)
        return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        observations, _ = env.reset()
        x = self.features(observations)
        while self.steps < steps:
            batch = []
            for _ in range(self.config.rollout):
                actions, score = self.policy.sample(x @ self.weights["actor"], self.rng)
                observations, r, terminated, truncated, info = env.step(actions)
                done = terminated | truncated
                x_next = self.features(observations)
                batch.append((x, score, r, terminated, self.last(x_next, done, info)))
                x = x_next
                self.steps += env.num_envs
                self.episodes += int(done.sum())
            self.rate = self.rate_at(max(1 - self.steps / steps, 0.0))
            loss = self.update(*(np.concatenate(parts) for parts in zip(*batch, strict=True)))
            metrics = {"train/value_loss": loss, "train/learning_rate": self.rate}
            yield Progress(self.steps, self.episodes, metrics)

    def rate_at(self, remaining: float) -> float:
        """Return Adam's step size when `remaining`, from 1 to 0, is left of the training."""
        return self.config.learning_rate(remaining)

    def last(self, x_next: np.ndarray, done: np.ndarray, info: Any) -> np.ndarray:
        """Return the features of s', which is not the next episode's first observation."""
        x_last = x_next.copy()
        for i in np.flatnonzero(done):
            x_last[i] = self.features(as_batch(info["final_obs"][i]))[0]
        return x_last

    def update(
        self, x: np.ndarray, score: np.ndarray, r: np.ndarray, terminated: np.ndarray, x_last: Any
    ) -> float:
        """Do one step of Adam on a batch; `score` is the gradient of log pi by its outputs."""
        values = x @ self.weights["critic"]
        targets = r[:, None] + self.config.gamma * (1 - terminated[:, None]) * (
            x_last @ self.weights["critic"]
        )
        delta = targets - values
        gradients = {"actor": x.T @ (delta * score) / len(x), "critic": x.T @ delta / len(x)}
        for name, gradient in gradients.items():
            self.weights[name] += self.rate * self.optimiser[name].direction(gradient)
        return float(np.mean(delta**2))

    def agent(self) -> Agent:
        actor = self.weights["actor"]
        layer = Layer(actor[:-1].T, actor[-1])
        spaces_ = self.observation_space, self.action_space
        return MLPAgent(*spaces_, [layer], self.policy.head, self.preprocess)

    def state(self) -> State:
        return {
            "weights": {name: array.copy() for name, array in self.weights.items()},
            "optimiser": {name: adam.state() for name, adam in self.optimiser.items()},
            "rng": self.rng.bit_generator.state,
            "steps": self.steps,
            "episodes": self.episodes,
        }

    def load_state(self, state: State) -> None:
        self.weights = {name: array.copy() for name, array in state["weights"].items()}
        for name, adam in state["optimiser"].items():
            self.optimiser[name].load_state(adam)
        self.rng.bit_generator.state = state["rng"]
        self.steps, self.episodes = state["steps"], state["episodes"]


class Adam:
    """https://arxiv.org/abs/1412.6980, algorithm 1."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.m, self.v, self.t = np.zeros(shape), np.zeros(shape), 0

    def direction(self, g: np.ndarray) -> np.ndarray:
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        return self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)

    def state(self) -> State:
        return {"m": self.m.copy(), "v": self.v.copy(), "t": self.t}

    def load_state(self, state: State) -> None:
        self.m, self.v, self.t = state["m"].copy(), state["v"].copy(), state["t"]


class Choices:
    """Independent choices (Discrete, MultiDiscrete) by softmax of their logits."""

    head: Head = Categorical()

    def __init__(self, space: Any) -> None:
        self.discrete = isinstance(space, spaces.Discrete)
        sizes = [int(space.n)] if self.discrete else np.ravel(space.nvec).tolist()
        self.cuts = np.cumsum(sizes)[:-1]

    def sample(self, outputs: np.ndarray, rng: np.random.Generator) -> Any:
        """Return actions and the gradient of their log probability by `outputs`."""
        columns, scores = [], []
        for logits in np.split(outputs, self.cuts, axis=1):
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            below = rng.random((len(p), 1)) > np.cumsum(p, axis=1)
            chosen = np.minimum(below.sum(axis=1), p.shape[1] - 1)
            columns.append(chosen)
            scores.append(np.eye(p.shape[1])[chosen] - p)
        actions = columns[0] if self.discrete else np.stack(columns, axis=1)
        return actions, np.concatenate(scores, axis=1)


class Bits:
    """Independent bits (MultiBinary) by the logistic function of their logits."""

    head: Head = Categorical()

    def sample(self, outputs: np.ndarray, rng: np.random.Generator) -> Any:
        p = 1 / (1 + np.exp(-outputs))
        bits = (rng.random(p.shape) < p).astype(np.int8)
        return bits, bits - p


class Gaussian:
    """Normal actions (Box) around the outputs, clipped to the bounds when they are taken."""

    def __init__(self, space: Any, deviation: float) -> None:
        self.space, self.deviation = space, deviation * space.high.ravel().astype(np.float64)
        self.head: Head = DiagonalGaussian(np.log(self.deviation))

    def sample(self, outputs: np.ndarray, rng: np.random.Generator) -> Any:
        noise = self.deviation * rng.standard_normal(outputs.shape)
        low, high = self.space.low.ravel(), self.space.high.ravel()
        actions = np.clip(outputs + noise, low, high).astype(np.float32)
        return actions.reshape(-1, *self.space.shape), noise / self.deviation**2


def make_policy(space: Any, deviation: float) -> Any:
    """Return the distribution for an action space; raise `ZooError` where there is none."""
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        return Choices(space)
    if isinstance(space, spaces.MultiBinary):
        return Bits()
    if isinstance(space, spaces.Box):
        return Gaussian(space, deviation)
    raise ZooError(f"a linear actor-critic cannot act in {space}")


def as_batch(observation: Any) -> Any:
    """Return one observation as a batch of one."""
    if isinstance(observation, dict):
        return {key: np.asarray(value)[None] for key, value in observation.items()}
    return np.asarray(observation)[None]
