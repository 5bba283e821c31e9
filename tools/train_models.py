"""Train the agents that ship in `models/`, five seeds each, and choose among them.

    python tools/train_models.py [--only ALGORITHM/ENV] [--seeds 0-4] [--jobs 2] [--runs DIR]

Each seed is one run by the shipped recipe; a run that is already finished is not repeated. The
best agent of every seed plays the same validation episodes, the one with the highest mean ships,
and all of them are then evaluated on fresh episodes, so that what the card claims was not
measured on what the agent was chosen by. All scores stand in `evaluation.json` under `runs`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zoo import Bundle, Evaluation, evaluate, record
from zoo.hub.card import card_files
from zoo.storage.bundle import attach, open_bundle, save_bundle
from zoo.storage.runs import FINISHED, Run, find_run, folder_name

MODELS = Path(__file__).resolve().parents[1] / "models"
SHIPPED = (
    ("sb3-ppo", "CartPole-v1"),
    ("sb3-dqn", "MountainCar-v0"),
    ("sb3-ppo", "Pendulum-v1"),
    ("sb3-a2c", "Acrobot-v1"),
    ("sb3-ppo", "LunarLander-v3"),
)
EPISODES = 100
VALIDATION_SEED, FRESH_SEED = 10_000_000, 20_000_000
VIDEO_STEPS = 400
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


def ship(runs: list[Run]) -> Bundle:
    """Choose the best of the runs' agents and put it into `models/`."""
    bundles = [open_bundle(run.bundle_path("best")) for run in runs]
    validations = [evaluate(bundle, episodes=EPISODES, seed=VALIDATION_SEED) for bundle in bundles]
    fresh = [evaluate(bundle, episodes=EPISODES, seed=FRESH_SEED) for bundle in bundles]
    chosen = max(range(len(runs)), key=lambda index: validations[index].mean_return)
    run, evaluation = runs[chosen], fresh[chosen]
    scores = [_score(*parts) for parts in zip(runs, validations, fresh, strict=True)]
    content = evaluation.to_json() | {"algorithm": run.algorithm, "runs": scores}
    best = bundles[chosen]
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "replay.mp4"
        record(best, video, seed=FRESH_SEED, max_steps=VIDEO_STEPS)
        bundle = save_bundle(
            MODELS / run.algorithm / folder_name(run.env_id),
            best.agent(),
            **{key: best.manifest[key] for key in FACTS},
            files={
                "curve.csv": best.read("curve.csv"),
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
    parser.add_argument("--only", metavar="ALGORITHM/ENV", help="just this one")
    parser.add_argument("--seeds", default="0-4", metavar="A-B")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    parser.add_argument("--runs", type=Path, default=Path("runs/models"))
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    for algorithm, env_id in SHIPPED:
        if options.only not in (None, f"{algorithm}/{env_id}"):
            continue
        with ThreadPoolExecutor(options.jobs) as pool:
            trainings = [
                pool.submit(train, algorithm, env_id, seed, options.runs)
                for seed in range(first, last + 1)
            ]
            bundle = ship([training.result() for training in trainings])
        assert bundle.evaluation is not None
        print(f"{algorithm}/{env_id}: {bundle.evaluation['mean_return']:.2f}", flush=True)


if __name__ == "__main__":
    main()
