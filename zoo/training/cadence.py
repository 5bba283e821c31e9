"""How often the host logs, evaluates and writes checkpoints."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

EVALUATIONS_PER_RUN = 20
CHECKPOINTS_PER_RUN = 10


@dataclass(frozen=True, slots=True)
class Cadence:
    """Intervals in environment steps, where 0 means never; and over how many episodes the
    host evaluates, during training and at the end."""

    eval_every: int
    eval_episodes: int
    final_episodes: int
    checkpoint_every: int

    @classmethod
    def choose(
        cls,
        steps: int,
        *,
        eval_every: int | None,
        eval_episodes: int,
        final_episodes: int,
        checkpoint_every: int | None,
    ) -> Cadence:
        """Fill in what the user left open for a run of `steps`."""
        if eval_every is None:
            eval_every = max(steps // EVALUATIONS_PER_RUN, 1)
        if checkpoint_every is None:
            checkpoint_every = max(steps // CHECKPOINTS_PER_RUN, 1)
        return cls(eval_every, eval_episodes, final_episodes, checkpoint_every)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Every:
    """Is due once for each multiple of `interval` that the steps reach or pass."""

    def __init__(self, interval: int, steps: int) -> None:
        self._interval = interval
        self._set_next(steps)

    def due(self, steps: int) -> bool:
        """Whether `steps` has come to the next multiple; the one after it is then awaited."""
        if steps < self._next:
            return False
        self._set_next(steps)
        return True

    def _set_next(self, steps: int) -> None:
        self._next = (steps // self._interval + 1) * self._interval if self._interval else math.inf
