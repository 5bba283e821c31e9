"""Rainbow: Hessel et al. (2018), https://arxiv.org/abs/1710.02298.

The six parts are as in section "The Integrated Agent", and each can be left out for an ablation.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from pydantic import Field

from zoo.agents.heads import Distributional, Head, QValue
from zoo.agents.selection import means
from zoo_dqn.categorical import log_softmax, project
from zoo_dqn.configuration import AtomsConfig, EpsilonConfig, PrioritizedConfig
from zoo_dqn.learner import Slopes, ValueLearner, huber, of_actions, spread
from zoo_dqn.networks import QNetwork
from zoo_torch.prioritized import PrioritizedReplay
from zoo_torch.replay import Batch, Replay


class RainbowConfig(PrioritizedConfig, AtomsConfig, EpsilonConfig):
    """Rainbow."""

    double: bool = Field(True, description="Choose the next action by the online network.")
    dueling: bool = Field(True, description="A stream for values and one for advantages.")
    prioritized: bool = Field(True, description="Draw transitions by their errors.")
    n_steps: int = Field(3, ge=1, description="Steps of reward before bootstrapping, n.")
    distributional: bool = Field(True, description="Learn distributions, not values.")
    noisy: bool = Field(True, description="Explore by noisy weights, not epsilon-greedily.")
    sigma: float = Field(
        0.5, gt=0, description="First deviation of the weights, times the root of the inputs."
    )
    alpha: float = Field(
        0.5, ge=0, le=1, description="How much priorities count (omega): 0 to draw all alike."
    )


class Rainbow(ValueLearner):
    """DQN with double, dueling, prioritised, n-step, distributional and noisy learning."""

    Config = RainbowConfig

    def row(self) -> tuple[int, ...]:
        """Return (actions, N), the logits of each action's distribution, or (actions,)."""
        return (self.actions, len(self.z)) if self.config.distributional else (self.actions,)

    @cached_property
    def z(self) -> np.ndarray:
        """The atoms (N,)."""
        return self.config.atoms()

    def values(self, outputs: np.ndarray) -> np.ndarray:
        return means(outputs, self.z) if self.config.distributional else outputs

    def head(self, epsilon: float) -> Head:
        return Distributional(self.z, epsilon) if self.config.distributional else QValue(epsilon)

    def make_network(self) -> QNetwork:
        config: RainbowConfig = self.config
        return self.network(dueling=config.dueling, sigma=config.sigma if config.noisy else None)

    def make_replay(self, copies: int) -> Replay:
        if not self.config.prioritized:
            return super().make_replay(copies)
        return self.memory(PrioritizedReplay, copies, alpha=self.config.alpha)

    def batches(self, count: int, remaining: float) -> Iterator[Batch]:
        if not isinstance(self.replay, PrioritizedReplay):
            return super().batches(count, remaining)
        beta = self.config.correction(remaining)
        return self.replay.batches(self.rng, self.config.batch_size, count, beta)

    def epsilon(self, remaining: float) -> float:
        return 0.0 if self.config.noisy else super().epsilon(remaining)

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        self.online.draw(self.rng)
        return super().explore(rows, remaining)

    def slopes(self, batch: Batch) -> Slopes:
        """Learn from what the target network says that a* is worth, n steps later. The online
        network chooses a*, with noise of its own; without double learning the target does."""
        self.target.draw(self.rng)
        next_outputs = choosing = self.target.infer(batch.next_rows)
        if self.config.double:
            self.online.draw(self.rng)
            choosing = self.online.infer(batch.next_rows)
        worth = of_actions(next_outputs, self.values(choosing).argmax(1))
        self.online.draw(self.rng)
        outputs = self.online.forward(batch.rows)
        taken = of_actions(outputs, batch.actions)
        learn = self._match if self.config.distributional else self._regress
        by_taken, loss, errors = learn(taken, worth, batch)
        return Slopes(spread(by_taken, batch.actions, outputs), loss, errors)

    def _match(
        self, taken: np.ndarray, worth: np.ndarray, batch: Batch
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Return derivatives (n, N) by the logits taken, the loss and its terms (n,), of

            L = mean(w KL(m || p(s, a; theta)))

        where m is the distribution of r^(n) + gamma^n z for a*, projected; the terms are what
        transitions are prioritised by.
        """
        m = project(np.exp(log_softmax(worth)), batch.rewards, batch.discounts, self.z)
        log_p = log_softmax(taken)
        log_m = np.log(m, where=m > 0, out=np.zeros_like(m))
        divergence = np.maximum((m * (log_m - log_p)).sum(1), 0)  # rounding may leave it below 0
        by_taken = (np.exp(log_p) - m) * (batch.weights / np.float32(len(m)))[:, None]
        return by_taken, float((batch.weights * divergence).mean()), divergence

    def _regress(
        self, taken: np.ndarray, worth: np.ndarray, batch: Batch
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Return the same of  L = mean(w huber(Q(s, a; theta) - r^(n) - gamma^n worth))."""
        delta = taken - (batch.rewards + batch.discounts * worth)
        by_taken, loss = huber(delta, batch.weights)
        return by_taken, loss, abs(delta)

    def learnt(self, batch: Batch, slopes: Slopes) -> None:
        if isinstance(self.replay, PrioritizedReplay):
            self.replay.update_priorities(batch.indices, slopes.errors)
