"""Sarsa(lambda) with binary features and linear function approximation.

Q(s, a) = initial_value + the sum of w[a, i] over the features i that are active in s. Tile coding
gives such features; any MultiBinary observation is taken as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import Space

from zoo import Agent, Progress, State, ZooError
from zoo.agents.heads import QValue
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo_tabular.base import NumPyAlgorithm
from zoo_tabular.exploration import scheduled, select
from zoo_tabular.learning import check_memory
from zoo_tabular.traces import DUTCH, KINDS, REPLACING
from zoo_tabular.world import VectorWorld, restore_world, world_state

STRETCH = 1000
"""Steps between two moments at which the host is given control."""


class Rows:
    """Keeps binary observations as they are: the `index` of a `VectorWorld` without a table."""

    def __call__(self, observations: Any) -> np.ndarray:
        """Return the features (n, n_features) of a batch."""
        rows = np.array(observations, np.int8)
        return rows.reshape(len(rows), -1)

    def one(self, observation: Any) -> np.ndarray:
        """Return the features (n_features,) of a single observation."""
        return np.ravel(observation)


class LinearSarsaLambda(NumPyAlgorithm):
    """Learns on policy a weight for each action and feature."""

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, exploration and step sizes that count visits to states."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        if config.exploration not in ("epsilon-greedy", "softmax") or config.alpha_power:
            what = "alpha_power" if config.alpha_power else f"exploration {config.exploration}"
            raise ZooError(
                f"{what} counts the visits to each state, which binary features do not tell apart",
                "Use exploration epsilon-greedy or softmax, and alpha_power 0",
            )
        shape = (int(action_space.n), int(np.prod(observation_space.shape or ())))  # type: ignore[attr-defined]
        check_memory(shape[1], shape[0], 16)
        self.w = np.zeros(shape)
        self.rng = np.random.default_rng([seed, 0x711E5])
        self.steps = 0
        self.z, self.q_old = np.zeros((0, *shape)), np.zeros(0)
        self.world: VectorWorld | None = None
        self._saved: State | None = None

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        """Sutton & Barto (2018), page 305; with dutch traces page 307."""
        world = self._begin(env)
        config, explorer = self.config, self.config.explorer()
        kind, gamma = KINDS[config.traces], float(config.gamma)
        fading = gamma * float(config.trace_decay)
        while self.steps < steps:
            for i in np.flatnonzero(world.began).tolist():
                self.z[i], self.q_old[i] = 0.0, 0.0
                world.actions[i] = self._select(explorer, self.values(world.states[i]))
            world.step()
            for i, (x, a) in enumerate(zip(world.previous, world.actions.tolist(), strict=True)):
                active = np.flatnonzero(x)
                w, z = self.w, self.z[i]
                alpha = config.alpha / max(len(active), 1)  # as if Q(S, A) were one number
                q, q_next = self._value(a, active), 0.0
                if not world.terminated[i]:
                    values = self.values(world.next_states[i])
                    world.actions[i] = self._select(explorer, values)
                    q_next = float(values[world.actions[i]])
                delta = world.rewards[i] + gamma * q_next - q
                if kind == DUTCH:
                    z[a, active] += 1 - alpha * z[a, active].sum()
                    # w <- w + alpha (delta + Q - Q_old) z - alpha (Q - Q_old) x
                    w += alpha * (delta + q - self.q_old[i]) * z
                    w[a, active] -= alpha * (q - self.q_old[i])
                    self.q_old[i] = q_next
                else:
                    z[a, active] = 1.0 if kind == REPLACING else z[a, active] + 1.0
                    w += alpha * delta * z
                z *= fading
            before = self.steps // STRETCH
            self.steps += len(world.states)
            if self.steps // STRETCH > before or self.steps >= steps:
                yield Progress(self.steps, int(world.episodes[0]), self._metrics())

    def values(self, features: np.ndarray) -> np.ndarray:
        """Return Q (n_actions,) for the features (n_features,) of a state."""
        return self.w[:, np.flatnonzero(features)].sum(1) + self.config.initial_value

    def agent(self) -> Agent:
        """Return the greedy policy as a network of one linear layer."""
        initial = np.full(len(self.w), self.config.initial_value)
        return MLPAgent(
            self.observation_space,
            self.action_space,
            [Layer(self.w, initial)],
            QValue(epsilon=self._epsilon()),
        )

    def state(self) -> State:
        """Return weights, traces, the episodes under way, counters and random numbers, copied."""
        if self._saved is not None:
            return self._saved
        return {
            "steps": self.steps,
            "w": self.w.copy(),
            "z": self.z.copy(),
            "q_old": self.q_old.copy(),
            "world": None if self.world is None else world_state(self.world),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.steps, self.w = state["steps"], np.array(state["w"])
        self.rng.bit_generator.state = state["rng"]
        self._saved = state

    def _begin(self, env: Any) -> VectorWorld:
        """Return the world to learn in, where it stood when the state was saved."""
        before, saved, self._saved = self.world, self._saved, None
        world = self.world = VectorWorld(env, Rows())
        self.z, self.q_old = np.zeros((env.num_envs, *self.w.shape)), np.zeros(env.num_envs)
        if before is not None:
            world.episodes[:] = before.episodes
        elif saved is not None and saved["world"] is not None:
            restore_world(world, saved["world"])
            self.z[:], self.q_old[:] = saved["z"], saved["q_old"]
        return world

    def _value(self, a: int, active: np.ndarray) -> float:
        return float(self.w[a, active].sum()) + self.config.initial_value

    def _select(self, explorer: Any, values: np.ndarray) -> int:
        """Choose as a table of one state would."""
        return select(explorer, values[None], values[None], 0, self.steps, self.rng)

    def _epsilon(self) -> float:
        if self.config.exploration != "epsilon-greedy":
            return 0.0
        return scheduled(self.config.explorer(), self.steps)

    def _metrics(self) -> dict[str, float]:
        is_greedy = self.config.exploration == "epsilon-greedy"
        return {"train/epsilon": self._epsilon()} if is_greedy else {}
