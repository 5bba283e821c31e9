"""The hyperparameters that all algorithms share that learn action values by acting."""

from __future__ import annotations

from pydantic import Field, model_validator

from zoo import Config
from zoo_tabular.exploration import METHODS, Exploration, Method, StepSize


class TabularConfig(Config):
    """What all algorithms of this base have."""

    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    alpha: float = Field(0.1, gt=0, le=1, description="Step size.")
    alpha_power: float = Field(
        0.0, ge=0, le=1, description="The step size is alpha / N(s, a)^alpha_power: 0 is constant."
    )
    initial_value: float = Field(
        0.0, description="All action values at first; optimistic ones make the learner explore."
    )
    exploration: Method = Field(
        "epsilon-greedy",
        description="How actions are chosen; epsilon-by-visits is epsilon / N(s).",
    )
    epsilon: float = Field(0.1, ge=0, le=1, description="Probability of a random action.")
    temperature: float = Field(1.0, gt=0, description="That of softmax.")
    bonus: float = Field(1.0, ge=0, description="Weight c of UCB's bonus.")
    final: float | None = Field(
        None,
        ge=0,
        description="What epsilon, temperature or bonus falls to; by default it stays.",
    )
    exploration_steps: int = Field(
        0, ge=0, description="Steps over which it falls in a line to `final`."
    )

    @model_validator(mode="after")
    def _check_exploration(self) -> TabularConfig:
        if self.exploration == "softmax" and self.final == 0:
            raise ValueError("final must be above 0 for softmax: it is a temperature")
        if self.exploration != "epsilon-by-visits" and (
            (self.final is None) != (self.exploration_steps == 0)
        ):
            raise ValueError("final and exploration_steps go together: give both or none")
        return self

    def explorer(self) -> Exploration:
        """Return the numbers that `select` reads."""
        starts = {"softmax": self.temperature, "ucb": self.bonus}
        first = starts.get(self.exploration, self.epsilon)
        by_visits = self.exploration == "epsilon-by-visits"
        last = (0.0 if by_visits else first) if self.final is None else self.final
        steps = max(self.exploration_steps, 1)
        return Exploration(METHODS[self.exploration], float(first), float(last), float(steps))

    def step_size(self) -> StepSize:
        """Return the numbers that the function `step_size` reads."""
        return StepSize(float(self.alpha), float(self.alpha_power))
