"""REINFORCE: Williams (1992), https://doi.org/10.1007/BF00992696, and Sutton & Barto (2018,
http://incompleteideas.net/book/the-book-2nd.html), sections 13.3 and 13.4, with the book's names.

An update is made of the whole episodes that ended in a rollout; one that the rollout cuts waits
for its end, so its first steps may be by a policy that is some updates older. With a baseline
v(S, w) an episode that was truncated is worth what its last observation promises; without one
there is nothing to promise it, and a truncation counts as an end. Steps are Adam's, not the
book's plain ones. The baseline is a network of its own, as the book's w is apart from theta, with
an encoder of its own where there are images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue, State
from zoo_policy_gradient.episodes import Episode, Unfinished
from zoo_torch.advantages import normalized
from zoo_torch.configuration import RolloutConfig
from zoo_torch.encoders import Encoder
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Adam


class ReinforceConfig(RolloutConfig):
    """REINFORCE, with or without a baseline."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size of Adam, for the policy."
    )
    reward_to_go: bool = Field(
        True,
        description="Credit an action with the rewards after it; false: with the whole episode's.",
    )
    normalize_advantage: bool = Field(
        True,
        description="Whiten the returns, less the baseline: mean 0 and deviation 1 in each update.",
    )
    discount_steps: bool = Field(
        False,
        description="Weigh step t of an episode by gamma^t, as the book's boxes do; few others do.",
    )
    baseline: bool = Field(
        True, description="Learn the value of states, to subtract it from the returns."
    )
    vf_learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size of Adam, for the baseline."
    )
    n_critic_updates: int = Field(10, ge=1, description="Steps of the baseline in each update.")


class Batch(NamedTuple):
    """The n steps of some whole episodes."""

    rows: np.ndarray
    actions: np.ndarray
    returns: np.ndarray
    """(n,): G_t"""
    times: np.ndarray
    """(n,): t, counted from 0 in each episode"""

    @classmethod
    def of(cls, episodes: Sequence[Episode], gamma: float) -> Batch:
        return cls(
            np.concatenate([one.rows for one in episodes]),
            np.concatenate([one.actions for one in episodes]),
            np.concatenate([one.returns(gamma) for one in episodes]),
            np.concatenate([np.arange(len(one.rewards)) for one in episodes]),
        )


class Reinforce(OnPolicyAlgorithm):
    """Run the policy, step along the gradient of each whole episode, repeat."""

    Config = ReinforceConfig
    reads_images = True

    def __init__(self, config: ReinforceConfig, *spaces: Any, **settings: Any) -> None:
        super().__init__(config, *spaces, **settings)
        self.unfinished = Unfinished()
        if not config.baseline:  # a value function that is 0, and stays so, promises nothing
            for weight, bias in self.model.value.parameters:
                weight[:], bias[:] = 0, 0

    def make_optimizer(self) -> Adam:
        return self.adam(eps=1e-8)

    def make_value_encoder(self) -> Encoder | None:
        return self.make_encoder() if self.config.baseline else None

    def make_value_optimizer(self) -> Adam:
        return self.adam(eps=1e-8)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: ReinforceConfig = self.config
        with self.experience(env) as collector:
            self.unfinished.begin(collector.resumed)
            while self.steps < steps:
                episodes = self.unfinished.finish(collector.collect(self.rng, self.steps))
                self.count(collector)
                remaining = max(1 - self.steps / steps, 0.0)
                rate = config.learning_rate(remaining)
                metrics = {"train/learning_rate": rate, "train/episodes": float(len(episodes))}
                if episodes:
                    batch = Batch.of(episodes, config.gamma)
                    nothing = np.zeros_like(batch.returns)
                    V = self.model.values(batch.rows) if config.baseline else nothing
                    self._improve(batch, V, rate)
                    if config.baseline:
                        self._fit(batch, config.vf_learning_rate(remaining))
                    metrics |= self._measure(batch)
                yield self.progress(metrics)

    @np.errstate(all="ignore")
    def _improve(self, batch: Batch, V: np.ndarray, rate: float) -> None:
        """Take a step of the policy: L = -mean(delta log pi(A_t|S_t)) over n steps, where delta
        is what they are credited with, and so d L / d log pi = -delta / n."""
        pi = self.model.distributions(batch.rows)
        delta = credit(batch, V, self.config)
        by_log_prob = delta * np.float32(-1 / len(delta))
        self.model.backward_log_prob(pi, batch.actions, by_log_prob)
        self.descend(rate)

    @np.errstate(all="ignore")
    def _fit(self, batch: Batch, rate: float) -> None:
        """Take the steps of the baseline: L = mean((v(S_t) - G_t)^2)."""
        for _ in range(self.config.n_critic_updates):
            error = self.model.values(batch.rows) - batch.returns
            self.model.backward_value(error * np.float32(2 / len(error)))
            self.descend(rate, self.value_optimizer)

    @np.errstate(all="ignore")
    def _measure(self, batch: Batch) -> dict[str, float]:
        """Return how things stand after an update."""
        pi, V = self.model.assess(batch.rows)
        metrics = {"train/entropy": float(pi.entropy().mean())}
        if self.config.baseline:
            metrics["train/value_loss"] = float(np.square(V - batch.returns).mean())
        return metrics

    def state(self) -> State:
        return {**super().state(), "unfinished": self.unfinished.state()}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.unfinished.load_state(state["unfinished"])


def credit(batch: Batch, V: np.ndarray, config: ReinforceConfig) -> np.ndarray:
    """Return delta (n,), what each step is credited with: the return G_t of the box of section
    13.3, less the baseline v(S_t) of section 13.4; or, as Williams has it, G_0 for all steps of
    an episode, less v(S_0)."""
    delta = batch.returns - V
    if not config.reward_to_go:
        firsts = np.arange(len(delta)) - batch.times
        delta = delta[firsts]
    if config.normalize_advantage:
        delta = normalized(delta)
    if config.discount_steps:
        delta = delta * np.float32(config.gamma) ** batch.times.astype(np.float32)
    return delta
