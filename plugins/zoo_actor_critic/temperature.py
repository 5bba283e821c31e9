"""The weight of the policy's entropy, fixed or learnt: section 5 of
https://arxiv.org/abs/1812.05905."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from zoo import State
from zoo_torch.optimizers import Adam


class Temperature:
    """alpha, and how it follows the entropy of the policy."""

    def __init__(
        self, ent_coef: float | str, target: float | Literal["auto"], automatic: float
    ) -> None:
        """`ent_coef` is alpha, or `auto` or `auto_<the first alpha>` where it is learnt; `target`
        is the entropy that it then aims at, where `auto` stands for `automatic`."""
        self.learnt = isinstance(ent_coef, str)
        first = float(ent_coef.partition("_")[2] or 1) if isinstance(ent_coef, str) else ent_coef
        self._fixed = first
        self.target = automatic if target == "auto" else target
        self._log_alpha = np.array([math.log(first) if self.learnt else 0.0], np.float32)
        self._optimizer = Adam(self._log_alpha, eps=1e-8)

    @property
    def alpha(self) -> float:
        return float(np.exp(self._log_alpha[0])) if self.learnt else self._fixed

    def descend(self, log_prob: np.ndarray, rate: float) -> None:
        """Step along the gradient, given log-probabilities (n,) of actions that the policy drew.

        eq. 18 with log alpha in place of alpha, as its authors' code has it:

            J = -log(alpha) mean(log pi(a | s) + target)
        """
        self.descend_by_entropy(-float(log_prob.mean()), rate)

    def descend_by_entropy(self, entropy: float, rate: float) -> None:
        """Do the same, given the mean of the policy's entropies."""
        if self.learnt:
            gradient = np.array([entropy - self.target], np.float32)
            self._optimizer.step(self._log_alpha, gradient, rate)

    def state(self) -> State:
        return {"log_alpha": self._log_alpha.copy(), "optimizer": self._optimizer.state()}

    def load_state(self, state: State) -> None:
        self._log_alpha[:] = state["log_alpha"]
        self._optimizer.load_state(state["optimizer"])
