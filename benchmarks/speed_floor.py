"""The floor of speed.py: what nobody can avoid who computes with these networks here."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import gymnasium as gym
import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from speed import Work


class Passes(NamedTuple):
    """How often an update goes through networks of a kind, as means over the updates."""

    inputs: str
    """what the networks read: `rows`, or `rows and actions`"""
    outputs: str
    """what they put out: a `value`, an `action`, or an action's `mean and deviation`"""
    forward: float
    weights: float
    """passes that give the gradient by the weights"""
    through: float = 0.0
    """passes that give the gradient by the input, and by no weights"""


ON_POLICY = [Passes("rows", "action", 1, 1), Passes("rows", "value", 1, 1)]
PASSES = {
    "ppo": ON_POLICY,
    "a2c": ON_POLICY,
    "dqn": [Passes("rows", "action", 2, 1)],
    "sac": [
        Passes("rows", "mean and deviation", 2, 1),
        *[Passes("rows and actions", "value", 3, 1, 1)] * 2,
    ],
    # the policy is updated every other time, by the first critic
    "td3": [
        Passes("rows", "action", 1.5, 0.5),
        Passes("rows and actions", "value", 2.5, 1, 0.5),
        Passes("rows and actions", "value", 2, 1),
    ],
}


def floor(work: Work) -> float:
    """Return the seconds of the matrix products of all updates and of the environment's steps."""
    env = gym.make(work.env).unwrapped
    space = env.action_space
    inputs = env.observation_space.shape[0]
    actions = int(getattr(space, "n", 0)) or space.shape[0]
    widths = {
        "rows": inputs, "rows and actions": inputs + actions,
        "value": 1, "action": actions, "mean and deviation": 2 * actions,
    }  # fmt: skip
    units = work.config.get("policy_kwargs", {}).get("net_arch", [64, 64])
    rows = work.config.get("batch_size", work.n_envs * work.config.get("n_steps", 1))
    with threadpool_limits(1, user_api="blas"):
        products = sum(
            _products([widths[of.inputs], *units, widths[of.outputs]], rows, of)
            for of in PASSES[work.algorithm]
        )
    env.reset(seed=0)
    action = space.sample()

    def step() -> None:
        if env.step(action)[2]:
            env.reset()

    return work.updates() * products + work.steps * _fastest(step)


def _products(sizes: list[int], rows: int, passes: Passes) -> float:
    """Return the seconds of the matrix products of `passes` through a network."""
    rng, seconds = np.random.default_rng(0), 0.0
    for number, (m, n) in enumerate(pairwise(sizes)):
        x, w, y = (rng.random(s, np.float32) for s in ((rows, m), (m, n), (rows, n)))
        by_input = passes.through + (passes.weights if number else 0.0)
        seconds += passes.forward * _fastest(lambda x=x, w=w: x @ w)
        seconds += passes.weights * _fastest(lambda x=x, y=y: x.T @ y)
        seconds += by_input * _fastest(lambda w=w, y=y: y @ w.T)
    return seconds


def _fastest(function: Callable[[], object], calls: int = 500, repeats: int = 7) -> float:
    """Return the processor's seconds for a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(calls):
            function()
        times.append((time.process_time() - start) / calls)
    return min(times)
