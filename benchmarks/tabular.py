"""How fast Q-learning learns FrozenLake-v1 on one core, beside a plain Python loop.

    python benchmarks/tabular.py [--steps 100_000_000] [--plain-steps 200_000] [--repeats 3]

The zoo's side is the algorithm `q-learning` as `zoo train` runs it, with the environment's own
time limit, a table, epsilon-greedy exploration with random ties, and Progress on the way. The
other side is the same algorithm as one would write it down: a loop over `env.step`. Both sides
run in fresh processes that take turns, so that a busy machine slows both alike, and the fastest
of each is told, as others' work only ever adds to a time. Start-up is told apart: what the zoo
needs until its first Progress, and until its loop runs compiled, without and with a cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

GAMMA, ALPHA, EPSILON = 0.99, 0.1, 0.1

PLAIN = """
import json, sys, time
import gymnasium as gym
import numpy as np
steps, gamma, alpha, epsilon = json.loads(sys.argv[1])
env = gym.make("FrozenLake-v1")
rng = np.random.default_rng(0)
q = np.zeros((env.observation_space.n, env.action_space.n))
start = time.perf_counter()
s, _ = env.reset(seed=0)
for _ in range(steps):
    if rng.random() < epsilon:
        a = int(rng.integers(4))
    else:
        best = np.flatnonzero(q[s] == q[s].max())
        a = int(best[0]) if len(best) == 1 else int(rng.choice(best))
    s_next, r, terminated, truncated, _ = env.step(a)
    target = r if terminated else r + gamma * q[s_next].max()
    q[s, a] += alpha * (target - q[s, a])
    s = s_next
    if terminated or truncated:
        s, _ = env.reset()
print(json.dumps({"seconds": time.perf_counter() - start, "steps": steps}))
"""
ZOO = """
import time
begin = time.perf_counter()
import json, sys
steps, gamma, alpha, epsilon = json.loads(sys.argv[1])
from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make_vector
from zoo.plugin.registry import get_registry
cls = get_registry().algorithm_class("q-learning")
env = make_vector(EnvironmentConfig(id="FrozenLake-v1"), 1, seed=0)
config = cls.Config(gamma=gamma, alpha=alpha, epsilon=epsilon)
algorithm = cls(config, env.single_observation_space, env.single_action_space, seed=0)
times = []
for progress in algorithm.train(env, steps):
    times.append((time.perf_counter() - begin, progress.steps))
(first, _), (compiled, before), (end, done) = times[0], times[1], times[-1]
print(json.dumps({"first": first, "compiled": compiled, "seconds": end - compiled,
                  "steps": done - before}))
"""


def measure(program: str, steps: int, cache: str) -> dict[str, float]:
    """Run one side in a process of its own and return what it reports."""
    one_core = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "NUMBA_CACHE_DIR": cache}
    answer = subprocess.run(
        [sys.executable, "-c", program, json.dumps([steps, GAMMA, ALPHA, EPSILON])],
        env=os.environ | one_core,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(answer.stderr)
    return json.loads(answer.stdout.splitlines()[-1])


def main() -> None:
    """Print steps a second of both sides, their ratio, and start-up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000_000)
    parser.add_argument("--plain-steps", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    zoo, plain = [], []
    with tempfile.TemporaryDirectory() as cache:
        for repeat in range(args.repeats):
            zoo.append(measure(ZOO, args.steps, cache))
            plain.append(measure(PLAIN, args.plain_steps, cache))
            print(f"{repeat + 1} of {args.repeats}", file=sys.stderr)
    speeds = [max(run["steps"] / run["seconds"] for run in side) for side in (zoo, plain)]
    print(f"zoo, compiled     {speeds[0]:14,.0f} steps/s")
    print(f"plain Python loop {speeds[1]:14,.0f} steps/s")
    print(f"ratio             {speeds[0] / speeds[1]:14,.0f}")
    print(f"first progress after {min(run['first'] for run in zoo):.2f} s from the process's start")
    cached = min(run["compiled"] for run in zoo[1:]) if len(zoo) > 1 else float("nan")
    print(f"compiled after {zoo[0]['compiled']:.2f} s without a cache, {cached:.2f} s with one")


if __name__ == "__main__":
    main()
