"""Prioritised experience replay: Schaul et al. (2016), https://arxiv.org/abs/1511.05952.

Algorithm 1 of the paper: double DQN with proportional prioritisation.
"""

from __future__ import annotations

from collections.abc import Iterator

from zoo_dqn.configuration import EpsilonConfig, PrioritizedConfig
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, regression
from zoo_torch.prioritized import PrioritizedReplay
from zoo_torch.replay import Batch


class PERDQNConfig(PrioritizedConfig, EpsilonConfig):
    """Double DQN with prioritised replay."""


class PERDQN(ValueLearner):
    """Draw most what surprised most, and let it count less in return."""

    Config = PERDQNConfig
    replay: PrioritizedReplay | None

    def make_replay(self, copies: int) -> PrioritizedReplay:
        """Return a memory that draws by P(i) = p_i^alpha / sum_k p_k^alpha (equation 1), where
        p_i = |delta_i| + epsilon."""
        return self.memory(PrioritizedReplay, copies, alpha=self.config.alpha)

    def batches(self, count: int, remaining: float) -> Iterator[Batch]:
        """Yield batches whose weights are (N P(i))^-beta / max_k w_k, section 3.4."""
        assert self.replay is not None
        beta = self.config.correction(remaining)
        return self.replay.batches(self.rng, self.config.batch_size, count, beta)

    def slopes(self, batch: Batch) -> Slopes:
        """The loss of double DQN (https://arxiv.org/abs/1509.06461), weighted:

        y = r + gamma Q(s', argmax_a' Q(s', a'; theta); theta-),
        L = mean(w huber(delta)),    delta = Q(s, a; theta) - y
        """
        chosen = self.online.infer(batch.next_rows).argmax(1)
        worth = of_actions(self.target.infer(batch.next_rows), chosen)
        y = batch.rewards + batch.discounts * worth
        return regression(self.online.forward(batch.rows), y, batch)

    def learnt(self, batch: Batch, slopes: Slopes) -> None:
        """Line 12 of the algorithm: p_j <- |delta_j|."""
        assert self.replay is not None
        self.replay.update_priorities(batch.indices, slopes.errors)
