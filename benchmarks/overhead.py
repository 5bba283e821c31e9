"""What the host adds to Stable-Baselines3's own training time.

    python benchmarks/overhead.py [--repeats 3] [--only PPO]

Both sides train the same algorithm with the same hyperparameters, seed and number of updates on
one thread, in fresh processes that take turns, so that a busy machine slows both alike. SB3's
side is its own `learn` on its own vector environment. The zoo's side is `zoo.train` as a user
calls it, with metrics and checkpoints, without evaluations, which SB3's side has none of either.
The figures are medians of the seconds from the first call to the end of training, imports left
out, and their ratio; then the same for the processor's time, which other work on the machine
disturbs less and which leaves out the waits for the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

CLOCKS = """
import time
def clocks():
    return time.perf_counter(), time.process_time()
def report(start):
    print(*(end - begin for begin, end in zip(start, clocks())))
"""
SB3 = """
import json, sys, warnings
warnings.simplefilter("ignore")
import gymnasium, torch, torch._dynamo
torch.set_num_threads(1)
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.env_util import make_vec_env
cls, env, n_envs, steps, config = json.loads(sys.argv[1])
start = clocks()
envs = make_vec_env(env, n_envs, seed=0)
model = globals()[cls]("MlpPolicy", envs, seed=0, device="cpu", **config)
model.learn(steps)
report(start)
"""
ZOO = """
import json, sys, tempfile
import torch, torch._dynamo
torch.set_num_threads(1)
import zoo
name, env, n_envs, steps, config = json.loads(sys.argv[1])
from zoo.plugin.registry import get_registry
get_registry().algorithm_class(name)  # imports SB3, as the other side has done
import zoo.evaluate, zoo.training.driver
with tempfile.TemporaryDirectory() as runs:
    start = clocks()
    run = zoo.train(name, env, steps=steps, n_envs=n_envs, seed=0, set=config, device="cpu",
                    eval_every=0, runs=runs)
    report(start)
host = {"n_envs", "n_timesteps"}
recipe = {key for key, source in run.info["sources"].items() if source.startswith("hyperparams")}
assert recipe <= host, f"the recipe changes {recipe - host}, which SB3's side does not have"
"""
WORK = [
    # algorithm, environment, copies, steps, hyperparameters that differ from SB3's
    (
        "PPO", "CartPole-v1", 8, 50_000,
        {"n_steps": 32, "batch_size": 256, "n_epochs": 20, "gae_lambda": 0.8, "gamma": 0.98,
         "ent_coef": 0.0, "learning_rate": 0.001, "clip_range": 0.2},
    ),
    ("A2C", "CartPole-v1", 8, 50_000, {"ent_coef": 0.0}),
    (
        "DQN", "CartPole-v1", 1, 50_000,
        {"learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000,
         "learning_starts": 1000, "gamma": 0.99, "target_update_interval": 10, "train_freq": 256,
         "gradient_steps": 128, "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
         "policy_kwargs": {"net_arch": [256, 256]}},
    ),
    ("SAC", "Pendulum-v1", 1, 5_000, {"learning_rate": 1e-3}),
]  # fmt: skip


def times(program: str, work: list[object]) -> tuple[float, float]:
    """Run one side in a process of its own; return its seconds and its processor seconds."""
    answer = subprocess.run(
        [sys.executable, "-c", CLOCKS + program, json.dumps(work)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    seconds, processor = map(float, answer.stdout.strip().splitlines()[-1].split())
    return seconds, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=[work[0] for work in WORK])
    options = parser.parse_args()
    print(f"{'':10} {'':>7} {'seconds':^24} {'processor seconds':^24}")
    print(f"{'algorithm':<10} {'steps':>7}" + f" {'SB3':>8} {'zoo':>8} {'ratio':>6}" * 2)
    for cls, env, n_envs, steps, config in WORK:
        if options.only not in (None, cls):
            continue
        sides: dict[str, list[tuple[float, float]]] = {"sb3": [], "zoo": []}
        for _ in range(options.repeats):
            sides["sb3"].append(times(SB3, [cls, env, n_envs, steps, config]))
            name = f"sb3-{cls.lower()}"
            sides["zoo"].append(times(ZOO, [name, env, n_envs, steps, config]))
        row = f"{cls:<10} {steps:>7}"
        for clock in range(2):
            sb3, zoo = (statistics.median(t[clock] for t in side) for side in sides.values())
            row += f" {sb3:>8.2f} {zoo:>8.2f} {zoo / sb3:>6.3f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
