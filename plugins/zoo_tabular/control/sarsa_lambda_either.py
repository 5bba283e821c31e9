"""The algorithm `sarsa-lambda`: with a table, or with weights for binary features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gymnasium import Space, spaces

from zoo import Agent, Algorithm, Progress, State
from zoo_tabular.base import NumPyAlgorithm
from zoo_tabular.control.linear_sarsa_lambda import LinearSarsaLambda
from zoo_tabular.control.sarsa_lambda import SarsaLambda, SarsaLambdaConfig


class SarsaLambdaOfEither(NumPyAlgorithm):
    """Hands everything to the learner that fits the observations.

    MultiBinary ones, as tile coding makes them, are features; all others index a table.
    """

    Config = SarsaLambdaConfig

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        is_binary = isinstance(observation_space, spaces.MultiBinary)
        learner: type[Algorithm] = LinearSarsaLambda if is_binary else SarsaLambda
        self.learner = learner(config, observation_space, action_space, seed=seed, device=device)

    def check(self, env: Any) -> None:
        """Refuse what the learner refuses."""
        self.learner.check(env)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        """Learn as the learner does."""
        return self.learner.train(env, steps)

    def agent(self) -> Agent:
        """Return the learner's policy."""
        return self.learner.agent()

    def state(self) -> State:
        """Return the learner's state."""
        return self.learner.state()

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.learner.load_state(state)
