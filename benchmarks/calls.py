"""What is done over and over takes: the help, an action of an agent, a step of an environment.

    python benchmarks/calls.py [--repeats 7]

The help of the command line, a process of its own, stands beside one that imports click and does
nothing else; a step of several copies of CartPole-v1 beside one of Gymnasium's vector environment.
An action is that of a policy of two layers of 64 units for one observation. The sides take turns,
and each has its fastest time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from zoo.agents.heads import Categorical
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make_vector


def fastest(repeats: int, calls: int, *sides: Callable[[], object]) -> list[float]:
    """Return the least milliseconds that each side took for a call."""
    times = [float("inf")] * len(sides)
    for _ in range(repeats):
        for index, side in enumerate(sides):
            begin = perf_counter()
            for _ in range(calls):
                side()
            times[index] = min(times[index], (perf_counter() - begin) / calls * 1e3)
    return times


def process(*arguments: str) -> Callable[[], object]:
    """Return what runs the interpreter with these arguments, to its end."""
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def act() -> Callable[[], object]:
    """Return what asks an agent for an action."""
    rng = np.random.default_rng(0)
    sizes = [(4, 64, "tanh"), (64, 64, "tanh"), (64, 2, "identity")]
    layers = [
        Layer(rng.standard_normal((n, m), np.float32), np.zeros(n, np.float32), activation)
        for m, n, activation in sizes
    ]
    agent = MLPAgent(spaces.Box(-1, 1, (4,)), spaces.Discrete(2), layers, Categorical())
    observation = np.zeros((1, 4), np.float32)
    return lambda: agent.act(observation)


def steps(copies: int) -> list[Callable[[], object]]:
    """Return what takes a step of the zoo's and of Gymnasium's copies of CartPole-v1."""
    actions = np.zeros(copies, np.int64)
    ours = make_vector(EnvironmentConfig("CartPole-v1"), copies, seed=0)
    theirs = SyncVectorEnv(
        [lambda: gym.make("CartPole-v1")] * copies, autoreset_mode=AutoresetMode.SAME_STEP
    )
    for env in (ours, theirs):
        env.reset(seed=0)
    return [lambda: ours.step(actions), lambda: theirs.step(actions)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    sides = [process("-m", "zoo", "--help"), process("-c", "import click")]
    mine, others = fastest(repeats, 1, *sides)
    print(f"zoo --help    {mine:8.1f} ms  {mine / others:.2f} times `import click`")
    print(f"one action    {fastest(repeats, 500, act())[0] * 1e3:8.1f} us")
    for copies in (1, 8):
        mine, others = fastest(repeats, 400, *steps(copies))
        print(f"a step of {copies}   {mine * 1e3:8.1f} us  {mine / others:.2f} times Gymnasium's")


if __name__ == "__main__":
    main()
