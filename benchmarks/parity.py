"""Whether the zoo's deep algorithms learn as well as Stable-Baselines3's, at equal settings.

    python benchmarks/parity.py [--only ppo/CartPole-v1] [--seeds 5] [--side zoo] [--jobs 1]
    python benchmarks/parity.py --table

Each training is a process of its own on one thread: `zoo.train` of an algorithm, or of the same
one of Stable-Baselines3 by the plugin `sb3`. Both get the recipe of SB3's side, less what the
zoo's side has no setting for (gSDE, with the networks that were tuned for it), which stays as it
is by default; that the run came to have these values, and no others, is asserted. The steps are
the recipe's, or fewer where SB3 would take more than a few minutes here.

A training's score is the mean return of its final agent, not of its best one, over 100 fresh
episodes. A work's score is the interquartile mean of those of its seeds. The zoo is
`worse` where the 95 % bootstrap interval of the difference of these, zoo minus SB3, lies wholly
below 0, the seeds of the sides drawn independently; `better` where it lies above. Five seeds are
few, and the interval rather too narrow: a verdict calls for more seeds before it is believed.
The area under the learning curve is the mean over the training's steps of the training return
that the run logs, the mean of the last 100 episodes, from the first that ended on.

Each training adds a row to parity.csv when it ends, and is skipped when its row for the same
settings is there: the whole can be run in pieces and interrupted. Rows of changed settings, or of
an algorithm that changed its mind, are to be deleted by hand. `--table` writes PARITY.md. The
seconds are those of a machine that others use too, and no measure of speed: see speed.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from parity_rows import SIDES, Row, append_row, area, read_rows, table

import zoo
from zoo.config.recipes import load_recipe
from zoo.config.schema import to_json
from zoo.plugin.registry import get_registry
from zoo.storage.metrics import read_metrics

HERE = Path(__file__).parent
ROWS, TABLE = HERE / "parity.csv", HERE / "PARITY.md"
EPISODES, FIRST_EVALUATION_SEED = 100, 10_000


class Work(NamedTuple):
    """What is trained: an algorithm by the zoo's name, on what, how long, and with which seeds."""

    algorithm: str
    env: str
    steps: int
    seeds: int = 5

    @property
    def name(self) -> str:
        return f"{self.algorithm}/{self.env}"


WORK = [
    Work("ppo", "CartPole-v1", 100_000),
    Work("a2c", "CartPole-v1", 100_000),
    Work("ppo", "Pendulum-v1", 100_000),
    Work("ppo", "Acrobot-v1", 100_000),
    Work("a2c", "Pendulum-v1", 100_000),
    Work("a2c", "Acrobot-v1", 100_000),
    Work("dqn", "CartPole-v1", 50_000),
    Work("ppo", "LunarLander-v3", 1_000_000),
    Work("a2c", "LunarLander-v3", 200_000),
    Work("dqn", "LunarLander-v3", 100_000),
    Work("sac", "Pendulum-v1", 10_000),
    Work("td3", "Pendulum-v1", 20_000),
    Work("ddpg", "Pendulum-v1", 20_000),
    Work("sac", "Hopper-v5", 200_000, seeds=1),
]
ACTOR_CRITIC = {"net_arch": [64, 64], "activation_fn": "tanh", "ortho_init": True,
                "log_std_init": 0.0}  # fmt: skip
NETWORKS: dict[str, dict[str, Any]] = {
    "ppo": ACTOR_CRITIC,
    "a2c": ACTOR_CRITIC,
    "dqn": {"net_arch": [64, 64], "activation_fn": "relu"},
    "sac": {"net_arch": [256, 256], "activation_fn": "relu", "n_critics": 2},
    "td3": {"net_arch": [400, 300], "activation_fn": "relu", "n_critics": 2},
    "ddpg": {"net_arch": [400, 300], "activation_fn": "relu", "n_critics": 1},
}
"""What SB3's networks are where a recipe does not say, which its configs leave to SB3."""


@dataclass(frozen=True)
class Settings:
    """What both sides train with: `shared` in the names of RL Zoo, the rest left as it is.

    `digest` names all that is not SB3's default; more keys in common leave it as it is.
    """

    n_envs: int
    shared: dict[str, Any]
    digest: str

    def config(self, algorithm: str) -> dict[str, Any]:
        """Return the whole config of a side's algorithm."""
        cls = get_registry().algorithm_class(algorithm).Config
        own = to_json(cls())
        networks = (own["policy_kwargs"] or {}) | self.shared["policy_kwargs"]
        return to_json(cls.model_validate(own | self.shared | {"policy_kwargs": networks}))


@cache
def settings(work: Work) -> Settings:
    """Return the settings of the recipe of SB3's side that the zoo's side has too."""
    recipe = load_recipe(SIDES["sb3"] + work.algorithm, work.env)
    theirs = to_json(recipe.config)
    ours = to_json(get_registry().algorithm_class(work.algorithm).Config())
    networks = {} if theirs.get("use_sde") else theirs["policy_kwargs"] or {}
    chosen = {key: value for key, value in networks.items() if value is not None}
    networks = NETWORKS[work.algorithm] | chosen
    shared = {key: value for key, value in theirs.items() if key in ours}
    shared["policy_kwargs"] = {k: v for k, v in networks.items() if k in ours["policy_kwargs"]}
    n_envs = recipe.settings.n_envs
    defaults = to_json(type(recipe.config)())
    told = {key: value for key, value in shared.items() if value != defaults[key]}
    whole = [*work[:3], n_envs, told | {"policy_kwargs": networks}, EPISODES]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]
    return Settings(n_envs, shared, digest)


def train(work: Work, side: str, seed: int) -> Row:
    """Train in this process, evaluate the final agent, and return the row."""
    given, algorithm = settings(work), SIDES[side] + work.algorithm
    config = given.config(algorithm)
    with tempfile.TemporaryDirectory() as runs:
        run = zoo.train(
            algorithm, work.env, steps=work.steps, n_envs=given.n_envs, seed=seed, set=config,
            device="cpu", threads=1, eval_every=0, checkpoint_every=0, runs=runs,
        )  # fmt: skip
        if run.status != "finished" or run.last is None:
            sys.exit(f"{work.name} of {side} was interrupted")
        became = {"config": run.info["config"], "wrappers": run.info["environment"]["wrappers"]}
        assert became == {"config": config, "wrappers": []}, f"{became} is not what was asked for"
        final = zoo.evaluate(run.last, episodes=EPISODES, seed=FIRST_EVALUATION_SEED + seed)
        auc = area(read_metrics(run.metrics))
    versions = run.info["versions"] | {"commit": str(run.info["commit"])[:9]}
    return Row(
        work.algorithm, work.env, side, seed, work.steps,
        final_mean=round(final.mean_return, 3), final_iqm=round(final.iqm_return, 3),
        auc=round(auc, 3), seconds=round(run.info["progress"]["seconds"], 1),
        settings=given.digest, versions="; ".join(" ".join(one) for one in versions.items()),
    )  # fmt: skip


def missing(
    works: Iterable[Work],
    sides: Iterable[str],
    seeds: int | None,
    rows: Iterable[Row],
    digest: Callable[[Work], str],
) -> list[tuple[Work, str, int]]:
    """Return the trainings that have no row of their settings, the sides taking turns."""
    done = {(row.algorithm, row.env, row.side, row.seed, row.settings) for row in rows}
    return [
        (work, side, seed)
        for work in works
        for seed in range(seeds or work.seeds)
        for side in sides
        if (work.algorithm, work.env, side, seed, digest(work)) not in done
    ]


def in_own_process(job: tuple[Work, str, int]) -> Row | str:
    """Train in a process of its own, on one thread; return the row, or what went wrong."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, __file__, "--worker", json.dumps(job)],
        capture_output=True,
        text=True,
        env=os.environ | dict.fromkeys(threads, "1"),
        check=False,
    )
    if done.returncode:
        return (done.stderr or done.stdout).strip()[-2000:]
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def run(jobs: list[tuple[Work, str, int]], at_once: int) -> int:
    """Do all trainings, keep the row of each as it ends; return how many failed."""
    failed = 0
    with ThreadPoolExecutor(at_once) as pool:
        names = {pool.submit(in_own_process, job): job for job in jobs}
        try:
            for future in as_completed(names):
                (work, side, seed), row = names[future], future.result()
                if isinstance(row, Row):
                    append_row(ROWS, row)
                    said = f"final {row.final_mean:.1f}, area {row.auc:.1f}, {row.seconds:.0f} s"
                else:
                    failed, said = failed + 1, f"failed\n{row}"
                print(f"{work.name} {side} seed {seed}: {said}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", help="part of `algorithm/environment`")
    parser.add_argument("--seeds", type=int, help="of each work, in place of its own")
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--table", action="store_true", help="write PARITY.md and train nothing")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work, side, seed = json.loads(options.worker)
        print(json.dumps(asdict(train(Work(*work), side, seed))))
        return
    if options.table:
        TABLE.write_text(table(read_rows(ROWS)))
        return
    works = [w for w in WORK if any(text in w.name for text in options.only or [""])]
    known = get_registry().algorithms
    for work in works:
        if work.algorithm not in known:
            print(f"{work.name}: skipped, there is no algorithm {work.algorithm} yet")
    works = [work for work in works if work.algorithm in known]
    sides = [options.side] if options.side else list(SIDES)
    jobs = missing(works, sides, options.seeds, read_rows(ROWS), lambda w: settings(w).digest)
    print(f"{len(jobs)} trainings to do", flush=True)
    sys.exit(1 if run(jobs, options.jobs) else 0)


if __name__ == "__main__":
    main()
