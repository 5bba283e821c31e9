"""What the sides of speed.py run, each in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speed import Work

ZOO = """
import json, sys, tempfile, time
begin = time.perf_counter()
import zoo
name, env, images, n_envs, steps, config, target = json.loads(sys.argv[1])
atari = ["atari", "atari-episodic-life", "atari-clip-reward"] if images else []
if images:
    config |= {"env_wrapper": atari, "frame_stack": 4}
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
assert len(run.info["environment"]["wrappers"]) == (4 if images else 0), run.info["environment"]
reached = rows[0]["seconds"] + spent if rows else None
print(json.dumps({"updates": state["algorithm"]["updates"], "reached": reached}))
"""
OTHERS = """
import inspect, json, sys, time, warnings
begin = time.perf_counter()
warnings.simplefilter("ignore")
import numpy, torch
torch.set_num_threads(1)
import LIBRARY
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecFrameStack
name, env, images, n_envs, steps, config, target = json.loads(sys.argv[1])
seed, policy = int(sys.argv[2]), "CnnPolicy" if images else "MlpPolicy"
class Watch(BaseCallback):
    reached = None
    def _on_rollout_end(self):
        returns = [one["r"] for one in self.model.ep_info_buffer]
        if self.reached is None and returns and numpy.mean(returns) >= target:
            self.reached = time.perf_counter() - begin
    def _on_step(self):
        return True
if images:
    import ale_py, gymnasium
    gymnasium.register_envs(ale_py)
    envs = VecFrameStack(make_atari_env(env, n_envs, seed=seed), 4)
else:
    envs = make_vec_env(env, n_envs, seed=seed)
if config.pop("noise_type", None):
    size = envs.action_space.shape[0]
    config["action_noise"] = NormalActionNoise(
        numpy.zeros(size), config.pop("noise_std") * numpy.ones(size))
algorithm, watch = getattr(LIBRARY, name.upper()), Watch()
if LIBRARY.__name__ == "sbx" and name == "dqn" and images:
    config["policy_kwargs"] = {"net_arch": [512]}  # the features, of which SB3 has 512
accepted = inspect.signature(algorithm).parameters
assert set(config) <= set(accepted), set(config) - set(accepted)
model = algorithm(policy, envs, seed=seed, device="cpu", **config)
model.learn(steps, callback=watch)
if name not in ("ppo", "a2c"):
    updates = model._n_updates
elif LIBRARY.__name__ == "sbx":
    updates = int(model.policy.actor_state.step)
else:
    updates = int(next(iter(model.policy.optimizer.state.values()))["step"])
print(json.dumps({"updates": updates, "reached": watch.reached}))
"""
SIDES = {
    "zoo": ZOO,
    "sb3": OTHERS.replace("LIBRARY", "stable_baselines3"),
    "sbx": OTHERS.replace("LIBRARY", "sbx"),
}


@dataclass(frozen=True)
class Measured:
    """One process: its seconds by the clock and by the processor, and what it says."""

    wall: float
    cpu: float
    updates: int
    reached: float | None


def run(side: str, python: str, work: Work, seed: int) -> Measured:
    """Train in a process of the interpreter `python`, and measure all of it."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    said = [
        work.algorithm,
        work.env,
        work.images,
        work.n_envs,
        work.steps,
        work.config,
        work.target,
    ]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [python, "-c", SIDES[side], json.dumps(said), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | dict.fromkeys(threads, "1") | {"XLA_FLAGS": flags},
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = json.loads(done.stdout.splitlines()[-1])
    return Measured(wall, cpu, told["updates"], told["reached"])
