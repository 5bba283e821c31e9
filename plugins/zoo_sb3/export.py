"""From a model of SB3 to an agent."""

from __future__ import annotations

from typing import Any

from gymnasium import Space

from zoo import Agent
from zoo_sb3.normalization import Normalization
from zoo_sb3.policy_agent import SB3PolicyAgent
from zoo_sb3.portable import portable_agent


def export_agent(
    model: Any,
    policy_name: str,
    plain_kwargs: dict[str, Any],
    observation_space: Space[Any],
    action_space: Space[Any],
) -> Agent:
    """Return a copy of the model's policy as an agent for the environment's own spaces.

    It is of the portable kind `mlp` where the policy consists of fully connected layers only.
    """
    normalization = Normalization.of(model.get_vec_normalize_env())
    epsilon = float(getattr(model, "exploration_rate", 0.0))
    agent = portable_agent(
        model.policy, observation_space, action_space, normalization, epsilon=epsilon
    )
    if agent is not None:
        return agent
    return SB3PolicyAgent.of(
        model.policy,
        {
            "algorithm": type(model).__name__,
            "policy": policy_name,
            "policy_kwargs": plain_kwargs,
            "use_sde": bool(model.use_sde),
            "epsilon": epsilon,
        },
        observation_space,
        action_space,
        normalization,
    )
