"""Updates per second on a GPU, beside the CPU's and beside Stable-Baselines3's.

    python benchmarks/gpu.py [--devices cuda cpu] [--only ppo] [--steps N]

The environments cost nothing (`free_environments.py`), so what is measured is acting and
learning: PPO and DQN on frames like Atari's, SAC and TD3 on numbers like HalfCheetah's. Each side
trains through `zoo.train` in a process of its own, SB3's as `sb3-...`, with the same
hyperparameters and number of updates, without checkpoints. Seconds are those of training after
the first fifth of the steps, by then whatever is loaded or chosen once is there. It prints a
Markdown table with the machine's name, for RESULTS.md.

On a GPU the zoo computes what reads images there, and everything else on the CPU: SAC and TD3 as a
whole, whose rows then name the CPU. SB3 makes cuDNN repeatable when it seeds, and so does the zoo.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speed import CONTINUOUS, DQN_PONG, NOISE, PPO_PONG

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Load:
    """An algorithm at work on a free environment; `steps` take a CPU here about a minute, a GPU
    does ten times as many."""

    env: str
    n_envs: int
    steps: int
    config: dict[str, Any]

    @property
    def images(self) -> bool:
        """Whether the zoo has something to compute on a GPU."""
        return self.env == "Frames"


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
                    eval_every=0, checkpoint_every=0, final_episodes=1, runs=runs)
    from zoo.storage.metrics import read_metrics
    rows = [{"steps": 0, "seconds": 0.0}, *read_metrics(run.metrics)]
first = next(row for row in rows if 5 * row["steps"] >= rows[-1]["steps"] or row is rows[-2])
print(json.dumps([[row["steps"], row["seconds"]] for row in (first, rows[-1])]))
"""


def train(name: str, load: Load, device: str, steps: int) -> list[list[float]]:
    """Return the steps and seconds at the beginning and at the end of what is measured of a
    training in a process of its own."""
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
        info = Path("/proc/cpuinfo")
        found = re.search(r"model name\s*: (.+)", info.read_text() if info.exists() else "")
        name = found[1] if found else platform.processor() or platform.machine()
        return f"{name}, {os.cpu_count()} cores"
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
            usual = load.steps * (1 if device == "cpu" else 10)
            for side, prefix in (("zoo", ""), ("SB3", "sb3-")):
                where = device if prefix or load.images else "cpu"
                begin, end = train(prefix + name, load, where, arguments.steps or usual)
                seconds = end[1] - begin[1]
                made = updates(load, int(end[0])) - updates(load, int(begin[0]))
                print(
                    f"| {name} | {machine(where)} | {side} | {(end[0] - begin[0]) / seconds:.0f} | "
                    f"{made / seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
