"""What the host adds to Stable-Baselines3's own training time.

    python benchmarks/overhead.py [--steps 20000] [--repeats 3]

Both sides train the same algorithm with the same hyperparameters, seed and number of updates on
one thread, in fresh processes that take turns, so that a busy machine slows both alike. SB3's
side is its own `learn` on its own vector environment. The zoo's side is `zoo.train` as a user
calls it, with metrics and checkpoints, without evaluations, which SB3's side has none of either.
The figures are the medians of the training times, without imports, and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

SB3 = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import gymnasium, torch
torch.set_num_threads(1)
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.env_util import make_vec_env
cls, env, n_envs, steps, config = json.loads(sys.argv[1])
start = time.perf_counter()
envs = make_vec_env(env, n_envs, seed=0)
model = globals()[cls]("MlpPolicy", envs, seed=0, device="cpu", **config)
model.learn(steps)
print(time.perf_counter() - start)
"""
ZOO = """
import json, sys, tempfile, time
import torch
torch.set_num_threads(1)
import zoo
name, env, n_envs, steps, config = json.loads(sys.argv[1])
from zoo.plugin.registry import get_registry
get_registry().algorithm_class(name)  # imports SB3, as the other side has done
import zoo.training.driver, zoo.evaluate
with tempfile.TemporaryDirectory() as runs:
    start = time.perf_counter()
    zoo.train(name, env, steps=steps, n_envs=n_envs, seed=0, set=config, device="cpu",
              eval_every=0, runs=runs)
    print(time.perf_counter() - start)
"""
WORK = [
    ("PPO", "CartPole-v1", 8, {"n_steps": 32, "batch_size": 256, "n_epochs": 20}),
    ("A2C", "CartPole-v1", 8, {}),
    ("DQN", "CartPole-v1", 1, {"learning_starts": 1000, "train_freq": 4}),
    ("SAC", "Pendulum-v1", 1, {}),
]


def seconds(program: str, work: list[object]) -> float:
    """Run one side in a process of its own and return the seconds that it reports."""
    answer = subprocess.run(
        [sys.executable, "-c", program, json.dumps(work)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return float(answer.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'algorithm':<10} {'steps':>7} {'SB3 s':>8} {'zoo s':>8} {'ratio':>6}")
    for cls, env, n_envs, config in WORK:
        steps = options.steps // 4 if cls == "SAC" else options.steps
        sides: dict[str, list[float]] = {"sb3": [], "zoo": []}
        for _ in range(options.repeats):
            sides["sb3"].append(seconds(SB3, [cls, env, n_envs, steps, config]))
            sides["zoo"].append(seconds(ZOO, [f"sb3-{cls.lower()}", env, n_envs, steps, config]))
        sb3, zoo = (statistics.median(times) for times in sides.values())
        print(f"{cls:<10} {steps:>7} {sb3:>8.2f} {zoo:>8.2f} {zoo / sb3:>6.3f}", flush=True)


if __name__ == "__main__":
    main()
