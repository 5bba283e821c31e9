"""Policy evaluation: Sutton & Barto (2018), section 4.1, box on page 75."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from zoo import Progress, TransitionModel
from zoo_tabular.planning.backup import under_policy, update
from zoo_tabular.planning.base import Planner, PlanningConfig
from zoo_tabular.planning.solve import solve, without_idle_states
from zoo_tabular.policies import MEANING, load_policy


class PolicyEvaluationConfig(PlanningConfig):
    policy: str = Field("uniform", description=f"What is evaluated: {MEANING}.")
    method: Literal["iterative", "linear"] = Field(
        "iterative", description="Sweeps (equation 4.5), or one linear solve (equation 4.4)."
    )


class PolicyEvaluation(Planner):
    """v(s) <- (sum over a) pi(a|s) (sum over s', r) p(s', r | s, a) (r + gamma v(s')), eq. 4.5.

    The values that it leaves are those of the given policy. Its agent acts greedily on them,
    which is one step of policy improvement (section 4.2), so it scores at least as well.
    """

    Config = PolicyEvaluationConfig

    def check(self, env: Any) -> None:
        """Refuse, by a `ZooError`, a policy for other spaces, and values that cannot be finite."""
        super().check(env)
        load_policy(self.config.policy, self.observation_space, self.action_space)

    def train(self, env: TransitionModel, steps: int) -> Iterator[Progress]:
        gamma = self.config.gamma
        policy = load_policy(self.config.policy, self.observation_space, self.action_space)
        process = under_policy(self.begin(env), policy)
        if gamma == 1:
            process = without_idle_states(process)
        while self.steps < steps:
            if self.config.method == "linear":
                self.v = solve(process, gamma)
            self.v, delta = update(process, self.v, gamma)
            self.steps += 1
            yield self.progress(env, delta)
            if self.has_converged(delta) or self.config.method == "linear":
                return
