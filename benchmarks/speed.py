"""The zoo's deep algorithms against Stable-Baselines3's, and SBX's where it is installed.

    python benchmarks/speed.py [--repeats 1] [--only ppo-cartpole] [--steps 100_000]

Each side trains in a process of its own, on one thread, with the same environment,
hyperparameters, steps and number of updates; the sides take turns. The zoo's side is
`zoo.train` as a user calls it, with metrics and checkpoints, without evaluations, which the
others have none of either. Seconds are those of whole processes, from the interpreter's start to
its end, imports and any compilation included, by the clock and by the processor: the latter is
disturbed less by whatever else the machine does. With repeats, the fastest counts.

The floor is what nobody can avoid who computes with these networks on this machine: the matrix
products of all updates at the speed of NumPy's BLAS, and the bare steps of the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Work:
    """What both sides do; `config` is the whole of it, in the names of RL Zoo."""

    algorithm: str
    env: str
    n_envs: int
    steps: int
    config: dict[str, Any] = field(default_factory=dict)
    target: float = 475.0

    def updates(self) -> int:
        """Return how many gradient steps that is."""
        rollout = self.n_envs * self.config["n_steps"]
        minibatches = -(-rollout // self.config.get("batch_size", rollout))
        return -(-self.steps // rollout) * minibatches * self.config.get("n_epochs", 1)


PPO = {"ent_coef": 0.0, "gae_lambda": 0.95, "clip_range": 0.2, "learning_rate": 3e-4}
TUNED = {
    "n_steps": 32, "batch_size": 256, "n_epochs": 20, "gae_lambda": 0.8, "gamma": 0.98,
    "learning_rate": 1e-3,
}  # fmt: skip
MINIBATCHES = {"n_steps": 128, "batch_size": 64, "n_epochs": 10, "gamma": 0.99}
PENDULUM = {"n_steps": 1024, "batch_size": 64, "n_epochs": 10, "gamma": 0.9, "learning_rate": 1e-3}
WORK = {
    "ppo-cartpole": Work("ppo", "CartPole-v1", 8, 100_000, PPO | TUNED),
    "ppo-minibatches": Work("ppo", "CartPole-v1", 4, 100_000, PPO | MINIBATCHES),
    "ppo-pendulum": Work("ppo", "Pendulum-v1", 4, 100_000, PPO | PENDULUM, target=-200.0),
    "a2c-cartpole": Work("a2c", "CartPole-v1", 8, 100_000, {"n_steps": 5, "ent_coef": 0.0}),
}

ZOO = """
import json, sys, tempfile, time
begin = time.perf_counter()
import zoo
name, env, n_envs, steps, config, target = json.loads(sys.argv[1])
with tempfile.TemporaryDirectory() as runs:
    run = zoo.train(name, env, steps=steps, n_envs=n_envs, seed=int(sys.argv[2]), set=config,
                    device="cpu", eval_every=0, runs=runs)
    from zoo.storage.checkpoint import load_checkpoint
    from zoo.storage.metrics import read_metrics
    state = load_checkpoint(run.checkpoints)[0]
    rows = [row for row in read_metrics(run.metrics) if row.get("return", -1e9) >= target]
    spent = time.perf_counter() - begin - state["host"]["seconds"]
recipe = {key for key, source in run.info["sources"].items() if source.startswith("hyperparams")}
assert recipe <= {"n_envs", "n_timesteps"}, f"the recipe changes {recipe}, not so the other side"
reached = rows[0]["seconds"] + spent if rows else None
print(json.dumps({"updates": state["algorithm"]["updates"], "reached": reached}))
"""
SB3 = """
import json, sys, time, warnings
begin = time.perf_counter()
warnings.simplefilter("ignore")
import numpy, torch
torch.set_num_threads(1)
from LIBRARY import A2C, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
name, env, n_envs, steps, config, target = json.loads(sys.argv[1])
class Watch(BaseCallback):
    reached = None
    def _on_rollout_end(self):
        returns = [one["r"] for one in self.model.ep_info_buffer]
        if self.reached is None and returns and numpy.mean(returns) >= target:
            self.reached = time.perf_counter() - begin
    def _on_step(self):
        return True
watch = Watch()
model = {"ppo": PPO, "a2c": A2C}[name](
    "MlpPolicy", make_vec_env(env, n_envs, seed=int(sys.argv[2])), seed=int(sys.argv[2]),
    device="cpu", **config)
model.learn(steps, callback=watch)
optimizer = getattr(model.policy, "optimizer", None)
updates = None
if optimizer is not None:
    updates = int(next(iter(optimizer.state.values()))["step"])
print(json.dumps({"updates": updates, "reached": watch.reached}))
"""
SIDES = {"zoo": ZOO, "sb3": SB3.replace("LIBRARY", "stable_baselines3")}
if find_spec("sbx") is not None:
    SIDES["sbx"] = SB3.replace("LIBRARY", "sbx")


@dataclass(frozen=True)
class Measured:
    """One process: its seconds by the clock and by the processor, and what it says."""

    wall: float
    cpu: float
    updates: int | None
    reached: float | None


def run(side: str, work: Work, seed: int) -> Measured:
    """Train in a process and measure all of it."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    said = [work.algorithm, work.env, work.n_envs, work.steps, work.config, work.target]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SIDES[side], json.dumps(said), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | dict.fromkeys(threads, "1") | {"XLA_FLAGS": flags},
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = json.loads(done.stdout.splitlines()[-1])
    return Measured(wall, cpu, told["updates"], told["reached"])


def floor(work: Work) -> float:
    """Return the seconds of the matrix products of all updates and of the environment's steps."""
    import gymnasium as gym
    import numpy as np

    env = gym.make(work.env).unwrapped
    rows = min(work.config.get("batch_size", 1 << 30), work.n_envs * work.config["n_steps"])
    inputs, action = env.observation_space.shape[0], env.action_space.sample()
    outputs = int(getattr(env.action_space, "n", 0)) or env.action_space.shape[0]
    rng, products = np.random.default_rng(0), 0.0
    for sizes in ((inputs, 64, 64, outputs), (inputs, 64, 64, 1)):
        for number, (m, n) in enumerate(pairwise(sizes)):
            x, w, y = (rng.random(s, np.float32) for s in ((rows, m), (m, n), (rows, n)))
            products += _fastest(lambda x=x, w=w: x @ w) + _fastest(lambda x=x, y=y: x.T @ y)
            products += _fastest(lambda w=w, y=y: y @ w.T) if number else 0.0
    env.reset(seed=0)

    def step() -> None:
        if env.step(action)[2]:
            env.reset()

    return work.updates() * products + work.steps * _fastest(step)


def _fastest(function: Any, calls: int = 500, repeats: int = 7) -> float:
    """Return the processor's seconds for a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(calls):
            function()
        times.append((time.process_time() - start) / calls)
    return min(times)


def compare(name: str, work: Work, repeats: int) -> None:
    """Let the sides take turns, and print a row for each."""
    measured: dict[str, list[Measured]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in SIDES:
            measured[side].append(run(side, work, repeat))
    updates = work.updates()
    counted = {one.updates for many in measured.values() for one in many} - {None}
    assert counted == {updates}, f"the sides made {counted} updates, not {updates}"
    best = {side: (min(m.wall for m in many), min(m.cpu for m in many), many[0].reached)
            for side, many in measured.items()}  # fmt: skip
    print(f"\n{name}: {work.steps:,} steps, {updates:,} updates, floor {floor(work):.1f} s")
    print("side     wall s    cpu s  steps/s  updates/s  target at s  wall ratio  cpu ratio")
    for side, (wall, cpu, reached) in best.items():
        at = "-" if reached is None else f"{reached:.1f}"
        print(
            f"{side:6} {wall:8.1f} {cpu:8.1f} {work.steps / wall:8.0f} {updates / wall:10.0f} "
            f"{at:>12} {wall / best['zoo'][0]:10.1f}x {cpu / best['zoo'][1]:9.1f}x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", choices=WORK, action="append")
    parser.add_argument("--steps", type=int, help="of each work, in place of its own")
    arguments = parser.parse_args()
    for name in arguments.only or WORK:
        work = WORK[name]
        if arguments.steps:
            work = Work(**(vars(work) | {"steps": arguments.steps}))
        compare(name, work, arguments.repeats)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
