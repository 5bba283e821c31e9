"""Updates per second on a GPU, beside the CPU's and beside Stable-Baselines3's.

    python benchmarks/gpu.py [--devices cuda cpu] [--only ppo] [--steps N]

The environments cost nothing (`free_environments.py`), so what is measured is acting and
learning: PPO and DQN on frames like Atari's, SAC and TD3 on numbers like HalfCheetah's. Each side
trains through `zoo.train` in a process of its own, SB3's as `sb3-...`, with the same
hyperparameters and number of updates; seconds are those of training, after start-up. It prints
the machine and a Markdown table, for RESULTS.md.

On a GPU the zoo computes what reads images there, and everything else on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speed import CONTINUOUS, DQN_PONG, NOISE, PPO_PONG

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Load:
    """An algorithm at work on a free environment; `steps` take a CPU here about a minute."""

    env: str
    n_envs: int
    steps: int
    config: dict[str, Any]


LOADS = {
    "ppo": Load("Frames", 8, 4096, PPO_PONG),
    "dqn": Load("Frames", 1, 9000, DQN_PONG),
    "sac": Load("Joints", 1, 4000, CONTINUOUS),
    "td3": Load("Joints", 1, 6000, CONTINUOUS | NOISE),
}

TRAIN = """
import json, sys, tempfile
import zoo
name, env, n_envs, steps, config, device = json.loads(sys.argv[1])
with tempfile.TemporaryDirectory() as runs:
    run = zoo.train(name, env, steps=steps, n_envs=n_envs, seed=0, set=config, device=device,
                    eval_every=0, runs=runs)
    from zoo.storage.checkpoint import load_checkpoint
    state = load_checkpoint(run.checkpoints)[0]
print(json.dumps({"seconds": state["host"]["seconds"], "steps": run.steps}))
"""


def train(name: str, load: Load, device: str, steps: int) -> dict[str, float]:
    """Return the `seconds` and the `steps` of a training in a process of its own."""
    env = f"{HERE / 'free_environments.py'}:{load.env}"
    said = json.dumps([name, env, load.n_envs, steps, load.config, device])
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, said], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def updates(load: Load, steps: int) -> int:
    """Return how many gradient steps a training of so many steps makes."""
    from speed import Work

    return Work("", "", load.n_envs, steps, load.config).updates()


def machine(device: str) -> str:
    """Return the name of what computes."""
    if device == "cpu":
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    import torch

    return torch.cuda.get_device_name(device)


def devices() -> list[str]:
    """Return what there is to compute with."""
    import torch

    return ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", nargs="+", metavar="DEVICE")
    parser.add_argument("--only", choices=LOADS, action="append")
    parser.add_argument("--steps", type=int, help="of each, in place of its own")
    arguments = parser.parse_args()
    print("| algorithm | device | side | steps/s | updates/s |\n|---|---|---|---|---|")
    for device in arguments.devices or devices():
        for name in arguments.only or LOADS:
            load = LOADS[name]
            for side, prefix in (("zoo", ""), ("SB3", "sb3-")):
                told = train(prefix + name, load, device, arguments.steps or load.steps)
                steps, seconds = int(told["steps"]), told["seconds"]
                print(
                    f"| {name} | {machine(device)} | {side} | {steps / seconds:.0f} | "
                    f"{updates(load, steps) / seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
