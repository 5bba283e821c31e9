"""The zoo's deep algorithms against Stable-Baselines3's, and SBX's where it is installed.

    python benchmarks/speed.py [--repeats 1] [--only ppo-cartpole] [--steps 100_000]
                               [--sbx-python /path/to/its/python]

Each side trains in a process of its own, on one thread, with the same environment,
hyperparameters, steps and number of updates; the sides take turns. Where the system lets them,
all are bound to one core: XLA's threads are otherwise as many as the cores. The zoo's side is
`zoo.train` as a user calls it, with metrics and checkpoints, without evaluations, which the
others have none of either. Seconds are those of whole processes, from the interpreter's start to
its end, imports and any compilation included, by the clock and by the processor: the latter is
disturbed less by whatever else the machine does. With repeats, the fastest counts.

SBX pins what others do not, so that it lives best in an environment of its own, whose
interpreter `--sbx-python` names:

    pip install torch==2.13.0 jax==0.10.2 sbx-rl==0.28.0 ale-py opencv-python-headless

It has no A2C, and its DQN does not clip the gradient, which makes its work the lesser.

The floor is what nobody can avoid who computes with these networks on this machine: the matrix
products of all updates at the speed of NumPy's BLAS, and the bare steps of the environment. A
step of Pong is four frames; it has no floor.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from speed_floor import floor
from speed_sides import Measured, run

from zoo.plugin.registry import get_registry


@dataclass(frozen=True)
class Work:
    """What all sides do; `config` is the whole of it, in the names of RL Zoo."""

    algorithm: str
    env: str
    n_envs: int
    steps: int
    config: dict[str, Any] = field(default_factory=dict)
    target: float = 475.0

    @property
    def images(self) -> bool:
        """Whether it is a game of Atari's, seen and preprocessed as is usual."""
        return "NoFrameskip" in self.env

    def updates(self) -> int:
        """Return how many gradient steps that is."""
        if "train_freq" in self.config:
            return self._updates_from_memory()
        rollout = self.n_envs * self.config["n_steps"]
        minibatches = -(-rollout // self.config.get("batch_size", rollout))
        return -(-self.steps // rollout) * minibatches * self.config.get("n_epochs", 1)

    def _updates_from_memory(self) -> int:
        rollout = self.n_envs * self.config["train_freq"]
        idle = self.config["learning_starts"] // rollout
        each = self.config["gradient_steps"]
        return max(-(-self.steps // rollout) - idle, 0) * (rollout if each < 0 else each)


PPO = {"ent_coef": 0.0, "gae_lambda": 0.95, "clip_range": 0.2, "learning_rate": 3e-4}
TUNED = {
    "n_steps": 32, "batch_size": 256, "n_epochs": 20, "gae_lambda": 0.8, "gamma": 0.98,
    "learning_rate": 1e-3,
}  # fmt: skip
MINIBATCHES = {"n_steps": 128, "batch_size": 64, "n_epochs": 10, "gamma": 0.99}
PENDULUM = {"n_steps": 1024, "batch_size": 64, "n_epochs": 10, "gamma": 0.9, "learning_rate": 1e-3}
DQN = {
    "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000,
    "gamma": 0.99, "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128,
    "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}  # fmt: skip
CONTINUOUS = {
    "learning_rate": 1e-3, "batch_size": 256, "buffer_size": 200_000, "learning_starts": 100,
    "gamma": 0.98, "train_freq": 1, "gradient_steps": 1,
    "policy_kwargs": {"net_arch": [256, 256]},
}  # fmt: skip
NOISE = {"noise_type": "normal", "noise_std": 0.1}
PPO_PONG = {
    "n_steps": 128, "batch_size": 256, "n_epochs": 4, "learning_rate": 2.5e-4, "clip_range": 0.1,
    "vf_coef": 0.5, "ent_coef": 0.01,
}  # fmt: skip
DQN_PONG = {
    "learning_rate": 1e-4, "batch_size": 32, "buffer_size": 10_000, "learning_starts": 1000,
    "target_update_interval": 1000, "train_freq": 4, "gradient_steps": 1,
    "exploration_fraction": 0.1, "exploration_final_eps": 0.01,
}  # fmt: skip
WORK = {
    "ppo-cartpole": Work("ppo", "CartPole-v1", 8, 100_000, PPO | TUNED),
    "ppo-cartpole-long": Work("ppo", "CartPole-v1", 8, 1_000_000, PPO | TUNED),
    "ppo-minibatches": Work("ppo", "CartPole-v1", 4, 100_000, PPO | MINIBATCHES),
    "ppo-pendulum": Work("ppo", "Pendulum-v1", 4, 100_000, PPO | PENDULUM, target=-200.0),
    "a2c-cartpole": Work("a2c", "CartPole-v1", 8, 100_000, {"n_steps": 5, "ent_coef": 0.0}),
    "dqn-cartpole": Work("dqn", "CartPole-v1", 1, 50_000, DQN),
    "sac-pendulum": Work("sac", "Pendulum-v1", 1, 20_000, CONTINUOUS, target=-200.0),
    "td3-pendulum": Work("td3", "Pendulum-v1", 1, 20_000, CONTINUOUS | NOISE, target=-200.0),
    "ppo-pong": Work("ppo", "PongNoFrameskip-v4", 8, 8192, PPO_PONG, target=0.0),
    "dqn-pong": Work("dqn", "PongNoFrameskip-v4", 1, 5000, DQN_PONG, target=0.0),
}


def compare(name: str, work: Work, repeats: int, pythons: dict[str, str]) -> None:
    """Let the sides take turns, and print a row for each."""
    sides = [side for side in pythons if (side, work.algorithm) != ("sbx", "a2c")]
    measured: dict[str, list[Measured]] = {side: [] for side in sides}
    for repeat in range(repeats):
        for side in sides:
            measured[side].append(run(side, pythons[side], work, repeat))
    updates = work.updates()
    counted = {one.updates for many in measured.values() for one in many}
    assert counted == {updates}, f"the sides made {counted} updates, not {updates}"
    best = {side: (min(m.wall for m in many), min(m.cpu for m in many), many[0].reached)
            for side, many in measured.items()}  # fmt: skip
    least = "none" if work.images else f"{floor(work):.1f} s"
    print(f"\n{name}: {work.steps:,} steps, {updates:,} updates, floor {least}")
    print("side     wall s    cpu s  steps/s  updates/s  target at s  wall ratio  cpu ratio")
    for side, (wall, cpu, reached) in best.items():
        at = "-" if reached is None else f"{reached:.1f}"
        print(
            f"{side:6} {wall:8.1f} {cpu:8.1f} {work.steps / wall:8.0f} {updates / wall:10.0f} "
            f"{at:>12} {wall / best['zoo'][0]:10.1f}x {cpu / best['zoo'][1]:9.1f}x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", choices=WORK, action="append")
    parser.add_argument("--steps", type=int, help="of each work, in place of its own")
    parser.add_argument("--sbx-python", help="the interpreter that has SBX")
    arguments = parser.parse_args()
    pythons = {"zoo": sys.executable, "sb3": sys.executable}
    if arguments.sbx_python or find_spec("sbx") is not None:
        pythons["sbx"] = arguments.sbx_python or sys.executable
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name in arguments.only or WORK:
        work = WORK[name]
        if arguments.steps:
            work = replace(work, steps=arguments.steps)
        if work.algorithm not in get_registry().algorithms:
            print(f"\n{name}: skipped, there is no algorithm {work.algorithm} yet")
            continue
        compare(name, work, arguments.repeats, pythons)


if __name__ == "__main__":
    main()
