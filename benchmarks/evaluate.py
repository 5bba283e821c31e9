"""How fast 100 episodes of CartPole-v1 are evaluated, beside SB3's `evaluate_policy`.

    python benchmarks/evaluate.py [--episodes 100] [--repeats 3]

Both sides load the same policy from disk, a network of two layers of 64 with hand-set weights:
SB3's side as PPO's zip, the zoo's as a bundle. Both evaluate it with one copy of the environment
and seed 0, on one thread, in fresh processes that take turns, so that a busy machine slows both
alike. One policy balances for the full 500 steps; the other falls at different times, which shows
that both sides play the same episodes: the returns must be equal. `start` is what a user waits
for in addition: the whole process, from the command to its end. The figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PREPARE = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import numpy as np, torch
from stable_baselines3 import PPO
from zoo.agents.heads import Categorical
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.storage.bundle import save_bundle

for name, gains in ("balances", (0.1, 0.5, 2.0, 2.0)), ("falls", (0.0, -0.2, 1.0, 0.5)):
    first, second = np.zeros((64, 4), np.float32), np.eye(64, dtype=np.float32)
    first[0] = gains
    last = np.zeros((2, 64), np.float32)
    last[1, 0] = 1.0
    model = PPO("MlpPolicy", "CartPole-v1", device="cpu")
    layers = [model.policy.mlp_extractor.policy_net[0], model.policy.mlp_extractor.policy_net[2],
              model.policy.action_net]
    with torch.no_grad():
        for layer, weight in zip(layers, (first, second, last)):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.zero_()
    model.save(Path(sys.argv[1]) / name)
    zeros = [np.zeros(len(weight), np.float32) for weight in (first, second, last)]
    network = [Layer(first, zeros[0], "tanh"), Layer(second, zeros[1], "tanh"),
               Layer(last, zeros[2], "identity")]
    agent = MLPAgent(model.observation_space, model.action_space, network, Categorical())
    save_bundle(Path(sys.argv[1]) / name, agent, algorithm="sb3-ppo", plugin="sb3", versions={},
                config={}, environment={"id": "CartPole-v1"}, training={})
"""
SB3 = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import torch
torch.set_num_threads(1)
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
model = PPO.load(sys.argv[1], device="cpu")
start = time.perf_counter()
envs = make_vec_env("CartPole-v1", 1, seed=0)
returns, _ = evaluate_policy(model, envs, int(sys.argv[2]), return_episode_rewards=True)
print(json.dumps({"seconds": time.perf_counter() - start, "returns": returns}))
"""
ZOO = """
import json, sys, time
import zoo
agent = zoo.load(sys.argv[1])
start = time.perf_counter()
evaluation = zoo.evaluate(agent, episodes=int(sys.argv[2]), n_envs=1, seed=0)
print(json.dumps({"seconds": time.perf_counter() - start, "returns": evaluation.returns}))
"""


def run(program: str, *arguments: object) -> dict[str, Any]:
    """Run one side in a process of its own; return its report, with the process's time."""
    start = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    total = time.perf_counter() - start
    lines = answer.stdout.strip().splitlines()
    return {**(json.loads(lines[-1]) if lines else {}), "total": total}


def compare(policy: Path, episodes: int, repeats: int) -> None:
    """Print the times of both sides and their ratios; exit with 1 where the returns differ."""
    sides: dict[str, list[dict[str, Any]]] = {"sb3": [], "zoo": []}
    for _ in range(repeats):
        sides["sb3"].append(run(SB3, policy.with_suffix(".zip"), episodes))
        sides["zoo"].append(run(ZOO, policy, episodes))
    returns = [report["returns"] for reports in sides.values() for report in reports]
    for what in ("seconds", "total"):
        sb3, zoo = (statistics.median(r[what] for r in reports) for reports in sides.values())
        name = "evaluation" if what == "seconds" else "with start"
        mean = statistics.mean(returns[0])
        print(
            f"{policy.name:<10} {mean:>8.2f} {name:<12} {sb3:>7.2f} {zoo:>7.2f} {sb3 / zoo:>6.1f}",
            flush=True,
        )
    if any(other != returns[0] for other in returns):
        sys.exit(f"The returns differ: {returns}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'policy':<10} {'return':>8} {'':<12} {'SB3 s':>7} {'zoo s':>7} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        run(PREPARE, folder)
        for name in ("balances", "falls"):
            compare(Path(folder) / name, options.episodes, options.repeats)
    print("The returns of all runs of a policy are equal.")


if __name__ == "__main__":
    main()
