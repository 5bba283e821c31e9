"""Tables whose drawing can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from zoo import Bundle
from zoo.agents.table import TableAgent
from zoo.storage.bundle import save_bundle

# The first state prefers left, the second down, and so on; the value of state i is i / 10.
ARROWS = "←↓→↑" * 4


def lake(**tables: np.ndarray) -> TableAgent:
    """Return an agent for FrozenLake-v1; by default by the action values above."""
    env = gym.make("FrozenLake-v1")
    q = np.arange(16)[:, None] / 10 - 1 + np.eye(4)[np.arange(16) % 4]
    return TableAgent(env.observation_space, env.action_space, **(tables or {"q": q}))  # type: ignore[arg-type]


def saved(path: Path, agent: Any, env_id: str, **environment: Any) -> Bundle:
    """Write an agent as a bundle of the algorithm `counting`."""
    return save_bundle(
        path,
        agent,
        algorithm="counting",
        plugin="test",
        versions={},
        config={},
        environment={"id": env_id, **environment},
        training={},
    )
