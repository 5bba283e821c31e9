"""Train the agents that ship in `models/`, five seeds each, and choose among them.

    python tools/train_models.py [--only ALGORITHM[/ENV]] [--jobs 2] [--runs DIR]

Each seed is one run by the shipped recipe; a run that is already finished is not repeated. One
agent of every seed plays the same validation episodes, the one with the highest mean ships, and
all of them are then evaluated on fresh episodes, so that what the card claims was not measured on
what the agent was chosen by. All scores stand in `evaluation.json` under `runs`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import Bundle, Evaluation, evaluate, record
from zoo.hub.card import card_files
from zoo.storage.bundle import attach, open_bundle, save_bundle
from zoo.storage.runs import FINISHED, Run, find_run, folder_name

MODELS = Path(__file__).resolve().parents[1] / "models"


@dataclass(frozen=True)
class Shipped:
    """How an agent comes to be.

    `keeps` is the agent of a run that counts: its `best`, or its `last` where learning converges
    and returns are so noisy that the ten episodes of an evaluation choose by luck. `filmed` is
    how many episodes the video shows, within `video_steps`.
    """

    algorithm: str
    env_id: str
    seeds: int = 5
    episodes: int = 100
    keeps: str = "best"
    filmed: int = 1
    video_steps: int = 400


def toy_texts() -> Iterator[Shipped]:
    """Yield the agents with tables. Planning draws no random numbers: one seed says it all."""
    for env_id in TOY_TEXTS:
        for algorithm, seeds in (("value-iteration", 1), *((name, 5) for name in LEARNERS)):
            yield Shipped(algorithm, env_id, seeds, 10_000, "last", filmed=4, video_steps=60)


TOY_TEXTS = ("FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4", "CliffWalking-v1", "Blackjack-v1")
LEARNERS = ("q-learning", "sarsa", "expected-sarsa")
SHIPPED = (
    Shipped("ppo", "CartPole-v1"),
    Shipped("ppo", "Acrobot-v1"),
    Shipped("dqn", "MountainCar-v0"),
    Shipped("td3", "Pendulum-v1"),
    Shipped("ppo", "LunarLander-v3"),
    Shipped("ppo", "LunarLanderContinuous-v3"),
    Shipped("ppo", "BipedalWalker-v3", video_steps=1600),
    Shipped("sb3-ppo", "CartPole-v1"),
    Shipped("sb3-dqn", "MountainCar-v0"),
    Shipped("sb3-ppo", "Pendulum-v1"),
    Shipped("sb3-a2c", "Acrobot-v1"),
    Shipped("sb3-ppo", "LunarLander-v3"),
    Shipped("q-learning", "CartPole-v1"),
    Shipped("sarsa-lambda", "MountainCar-v0"),
    *toy_texts(),
)
LISTED = 1000
"""Episodes up to which a bundle lists the return and the length of each."""
VALIDATION_SEED, FRESH_SEED = 10_000_000, 20_000_000
FACTS = ("algorithm", "plugin", "versions", "config", "environment", "training")


def train(algorithm: str, env_id: str, seed: int, runs: Path) -> Run:
    """Return the finished run of one seed, training it in a process of its own if need be."""
    name = f"seed-{seed}"
    try:
        run = find_run(f"{algorithm}/{env_id}/{name}", runs)
    except Exception:
        command = ["train", "--algo", algorithm, "--env", env_id, "--seed", str(seed)]
        _zoo(*command, "--name", name, "--device", "cpu", "--runs", str(runs))
        run = find_run(f"{algorithm}/{env_id}/{name}", runs)
    if run.status != FINISHED:
        _zoo("resume", run.id, "--runs", str(runs))
        run = find_run(run.id, runs)
    print(f"{algorithm} {env_id} seed {seed}: {run.status}", flush=True)
    return run


def ship(what: Shipped, runs: list[Run]) -> Bundle:
    """Choose the best of the runs' agents and put it into `models/`."""
    bundles = [open_bundle(run.bundle_path(what.keeps)) for run in runs]
    count = what.episodes
    validations = [evaluate(bundle, episodes=count, seed=VALIDATION_SEED) for bundle in bundles]
    fresh = [evaluate(bundle, episodes=count, seed=FRESH_SEED) for bundle in bundles]
    index = max(range(len(runs)), key=lambda index: validations[index].mean_return)
    run, chosen = runs[index], bundles[index]
    scores = [_score(*parts) for parts in zip(runs, validations, fresh, strict=True)]
    content = fresh[index].to_json() | {"algorithm": run.algorithm, "runs": scores}
    if count > LISTED:
        del content["returns"], content["lengths"]
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "replay.mp4"
        record(chosen, video, episodes=what.filmed, seed=FRESH_SEED, max_steps=what.video_steps)
        bundle = save_bundle(
            MODELS / run.algorithm / folder_name(run.env_id),
            chosen.agent(),
            **{key: chosen.manifest[key] for key in FACTS},
            files={
                "curve.csv": run.curve.read_bytes(),
                "evaluation.json": json.dumps(content, indent=2).encode(),
                "replay.mp4": video,
            },
        )
    return attach(bundle, card_files(bundle))


def _score(run: Run, validation: Evaluation, fresh: Evaluation) -> dict[str, Any]:
    return {
        "seed": run.info["seed"],
        "steps": run.steps,
        "validation_mean_return": validation.mean_return,
        "mean_return": fresh.mean_return,
        "ci95_return": list(fresh.ci95_return),
    }


def _zoo(*arguments: str) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", "zoo", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", metavar="ALGORITHM[/ENV]", help="just this one, or these")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    parser.add_argument("--runs", type=Path, default=Path("runs/models"))
    options = parser.parse_args()
    for what in SHIPPED:
        name = f"{what.algorithm}/{what.env_id}"
        if options.only not in (None, name, what.algorithm):
            continue
        with ThreadPoolExecutor(options.jobs) as pool:
            trainings = [
                pool.submit(train, what.algorithm, what.env_id, seed, options.runs)
                for seed in range(what.seeds)
            ]
            bundle = ship(what, [training.result() for training in trainings])
        assert bundle.evaluation is not None
        print(f"{name}: {bundle.evaluation['mean_return']:.4g}", flush=True)


if __name__ == "__main__":
    main()
