"""Value iteration: one Progress a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from pydantic import Field

from zoo import Agent, Algorithm, Config, Progress, State, TransitionModel, ZooError
from zoo.agents.heads import QValue
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent


class PlannerConfig(Config):
    gamma: float = Field(0.95, ge=0, lt=1, description="Discount factor.")


class Planner(Algorithm):
    """Q(s, a) = sum over P of p (r + gamma max Q(s') (1 - terminated))."""

    Config = PlannerConfig

    def __init__(
        self, config: Any, observation_space: Any, action_space: Any, *, seed: int, device: str
    ) -> None:
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        if not all(isinstance(s, spaces.Discrete) for s in (observation_space, action_space)):
            raise ZooError("value iteration needs Discrete states and actions")
        self.q = np.zeros((int(observation_space.n), int(action_space.n)))
        self.sweeps = 0

    def train(self, env: TransitionModel, steps: int) -> Iterator[Progress]:
        while self.sweeps < steps:
            v = self.q.max(axis=1)
            ahead = np.add.reduceat(env.continuation * v[env.next_states], env.offsets[:-1])
            q = (env.expected_rewards + self.config.gamma * ahead).reshape(self.q.shape)
            residual, self.q = float(np.abs(q - self.q).max()), q
            self.sweeps += 1
            yield Progress(self.sweeps, 0, {"train/residual": residual})

    def agent(self) -> Agent:
        layers = [Layer(self.q.T)]
        return MLPAgent(self.observation_space, self.action_space, layers, QValue())

    def state(self) -> State:
        return {"q": self.q.copy(), "sweeps": self.sweeps}

    def load_state(self, state: State) -> None:
        self.q, self.sweeps = state["q"].copy(), state["sweeps"]
