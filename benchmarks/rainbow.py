"""What each part of Rainbow brings: DQN with each of them, and Rainbow without each.

    pip install --no-deps minatar
    python benchmarks/rainbow.py [--only noisy] [--seeds 3] [--steps 100000]
    python benchmarks/rainbow.py --table

The environment is Breakout of MinAtar (https://arxiv.org/abs/1903.03176), 10 x 10 cells and 4
objects, with its sticky actions and all of its six actions. All variants are the algorithm
`rainbow` with parts switched on or off, and `CONFIG` for everything else: without any part it is
`dqn`, bit for bit, as a test holds. So that many can be trained in an hour on one core, the
cells go to a network of one hidden layer and not through convolutions, and trainings are short:
the figures say how fast the variants learn at the beginning, not what they come to.

Each training is a process of its own on one thread. It adds a row to rainbow.csv when it ends and
is skipped when its row is there, so the whole can be run in pieces. `final` is the mean return of
the final agent over 100 fresh episodes, `area` the mean over the training's steps of the training
return, which is the mean of the last 100 episodes; `--table` writes RAINBOW.md. The seconds are
those of a machine that others use too.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from parity_rows import area

HERE = Path(__file__).parent
ROWS, TABLE = HERE / "rainbow.csv", HERE / "RAINBOW.md"
ENV = "MinAtar/Breakout-v1"
EPISODES, FIRST_EVALUATION_SEED = 100, 10_000
CONFIG: dict[str, Any] = {
    "policy_kwargs": {"encoder": "flatten", "net_arch": [128]},
    "learning_rate": 3e-4,
    "batch_size": 32,
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "train_freq": 4,
    "gradient_steps": 1,
    "target_update_interval": 1000,
    "exploration_fraction": 0.2,
    "exploration_final_eps": 0.02,
    "n_atoms": 51,
    "v_min": 0.0,
    "v_max": 10.0,
}
WITH: dict[str, Any] = {"double": True, "dueling": True, "prioritized": True, "n_steps": 3,
                        "distributional": True, "noisy": True}  # fmt: skip
WITHOUT: dict[str, Any] = {part: 1 if part == "n_steps" else False for part in WITH}
VARIANTS: dict[str, dict[str, Any]] = {
    "DQN": WITHOUT,
    **{f"DQN + {part}": WITHOUT | {part: WITH[part]} for part in WITH},
    "Rainbow": WITH,
    **{f"Rainbow - {part}": WITH | {part: WITHOUT[part]} for part in WITH},
}


@dataclass(frozen=True)
class Row:
    """One training and what came of it."""

    variant: str
    seed: int
    steps: int
    final: float
    area: float
    seconds: float


def train(variant: str, seed: int, steps: int) -> Row:
    """Train in this process and evaluate the final agent."""
    import minatar.gym

    import zoo
    from zoo.storage.metrics import read_metrics

    minatar.gym.register_envs()
    with tempfile.TemporaryDirectory() as runs:
        run = zoo.train(
            "rainbow", ENV, steps=steps, seed=seed, set=CONFIG | VARIANTS[variant], threads=1,
            eval_every=0, checkpoint_every=0, final_episodes=1, runs=runs,
        )  # fmt: skip
        assert run.last is not None
        found = zoo.evaluate(run.last, episodes=EPISODES, seed=FIRST_EVALUATION_SEED + seed)
        learnt = area(read_metrics(run.metrics))
    seconds = round(run.info["progress"]["seconds"], 1)
    return Row(variant, seed, steps, round(found.mean_return, 3), round(learnt, 3), seconds)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of the file, none where there is none."""
    if not path.exists():
        return []
    types = get_type_hints(Row)
    with path.open(newline="") as file:
        return [Row(**{k: types[k](v) for k, v in line.items()}) for line in csv.DictReader(file)]


def append_row(path: Path, row: Row) -> None:
    """Add a row to the file, with its header where it is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))


def table(rows: Iterable[Row]) -> str:
    """Return what the variants came to, in Markdown, with 95 % intervals over the seeds."""
    from parity_rows import shown

    from zoo.components.statistics import bootstrap_ci

    groups: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.steps, row.variant].append(row)
    lines = []
    for steps, variant in sorted(groups, key=lambda one: (one[0], list(VARIANTS).index(one[1]))):
        of = groups[steps, variant]
        cells = [variant, f"{steps:,}", str(len(of))]
        for name in ("final", "area"):
            values = [getattr(row, name) for row in of]
            mean = sum(values) / len(values)
            cells.append(shown(mean, bootstrap_ci(values, statistic="mean")))
        cells.append(f"{sum(row.seconds for row in of) / len(of):.0f}")
        lines.append(f"| {' | '.join(cells)} |\n")
    return HEADER + "".join(lines)


HEADER = """# The parts of Rainbow, one by one

Written by `python benchmarks/rainbow.py --table` from `rainbow.csv`; what was trained and what
the columns mean stands at the top of `rainbow.py`. Means over the seeds with 95 % bootstrap
intervals, which with so few seeds are rather too narrow.

| variant | steps | seeds | return of the final agent | area under the curve | seconds |
|---|--:|--:|--:|--:|--:|
"""


def in_own_process(variant: str, seed: int, steps: int) -> Row | str:
    """Train in a process of its own, on one thread; return the row, or what went wrong."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, __file__, "--worker", json.dumps([variant, seed, steps])],
        capture_output=True,
        text=True,
        env=os.environ | dict.fromkeys(threads, "1"),
        check=False,
    )
    if done.returncode:
        return (done.stderr or done.stdout).strip()[-2000:]
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", help="part of a variant's name")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--table", action="store_true", help="write RAINBOW.md and train nothing")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(asdict(train(*json.loads(options.worker)))))
        return
    if options.table:
        TABLE.write_text(table(read_rows(ROWS)))
        return
    done = {(row.variant, row.seed, row.steps) for row in read_rows(ROWS)}
    chosen = [name for name in VARIANTS if any(part in name for part in options.only or [""])]
    for seed in range(options.seeds):
        for variant in chosen:
            if (variant, seed, options.steps) in done:
                continue
            row = in_own_process(variant, seed, options.steps)
            if isinstance(row, str):
                sys.exit(f"{variant}, seed {seed}: {row}")
            append_row(ROWS, row)
            print(f"{variant}, seed {seed}: final {row.final:.2f}, area {row.area:.2f}", flush=True)


if __name__ == "__main__":
    main()
