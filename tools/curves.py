"""Train the deep families, draw their learning curves, and show them in their READMEs.

    python tools/curves.py [ALGORITHM]... [--seeds 5] [--jobs 2] [--runs DIR]
    python tools/curves.py --check

Each seed is one run by the shipped recipe, in a process of its own; a run that is already
finished is not repeated. Of its periodic evaluations, 20 over a run with 10 episodes each, the
mean returns go to `curves/ALGORITHM.csv` in the plugin's folder; pictures and tables are made of
these alone. `--check` exits with 1 where a picture or a README is not current.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from train_models import train

from docs import ROOT, fill, in_tree_plugins, table
from zoo.cli.output import interval, number
from zoo.components.statistics import bootstrap_ci
from zoo.hub.curve import Axes, Line, lines_svg
from zoo.storage.runs import Run


@dataclass(frozen=True)
class Exhibit:
    """A picture: an algorithm learning an environment, and one `beside` it to compare with."""

    plugin: str
    algorithm: str
    env_id: str
    beside: str | None = None

    @property
    def returns(self) -> Path:
        return ROOT / "plugins" / self.plugin / "curves" / f"{self.algorithm}.csv"

    @property
    def picture(self) -> Path:
        return self.returns.with_suffix(".svg")


LIMITS = {"CartPole-v1": (0, 500), "Pendulum-v1": (-1600, 0)}
DQN, PG, AC = "zoo_dqn", "zoo_policy_gradient", "zoo_actor_critic"
CARTPOLE = {
    DQN: (
        *("dqn", "double-dqn", "dueling-dqn", "per-dqn", "n-step-dqn", "noisy-dqn", "c51"),
        *("qr-dqn", "iqn", "rainbow", "async-q"),
    ),
    PG: ("reinforce", "vpg", "trpo", "ppo", "ppo-kl", "recurrent-ppo"),
    AC: ("q-actor-critic", "td-actor-critic", "a2c", "a3c", "sac-discrete"),
}
PENDULUM = ("ddpg", "td3", "sac", "tqc", "crossq", "droq", "redq")
BESIDE = {
    "dqn": CARTPOLE[DQN][1:-1],
    "ppo": ("reinforce", "vpg", "trpo", "ppo-kl"),
    "a2c": ("q-actor-critic", "td-actor-critic", "a3c"),
    "sac": ("ddpg", "td3", "tqc", "crossq", "droq", "redq"),
}
"""The reference of a picture -> the algorithms that are drawn beside it."""


def exhibits() -> Iterator[Exhibit]:
    """Yield what is shown, in the order of the READMEs."""
    beside = {name: reference for reference, names in BESIDE.items() for name in names}
    for plugin, names in CARTPOLE.items():
        for name in names:
            yield Exhibit(plugin, name, "CartPole-v1", beside.get(name))
    for name in PENDULUM:
        yield Exhibit(AC, name, "Pendulum-v1", beside.get(name))


EXHIBITS = {one.algorithm: one for one in exhibits()}


def write_returns(exhibit: Exhibit, runs: list[Run]) -> None:
    """Write the mean returns of the runs' evaluations: a row for each, of seed and steps."""
    exhibit.returns.parent.mkdir(exist_ok=True)
    with exhibit.returns.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "steps", "mean_return"])
        for run in runs:
            for line in run.evaluations.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                writer.writerow([run.info["seed"], row["steps"], round(row["mean_return"], 3)])


def line_of(exhibit: Exhibit) -> tuple[Line, int]:
    """Return the mean over the seeds with its 95 % bootstrap interval, and of how many seeds.

    Where workers make evaluations come at somewhat different steps, they are moved to those of
    the first seed, linearly.
    """
    seeds: dict[str, list[tuple[float, float]]] = {}
    with exhibit.returns.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            point = float(row["steps"]), float(row["mean_return"])
            seeds.setdefault(row["seed"], []).append(point)
    curves = [np.array(points).T for points in seeds.values()]
    steps = curves[0][0]
    values = np.array([np.interp(steps, *curve) for curve in curves]).T
    points = [
        (float(x), float(at.mean()), *bootstrap_ci(at)) for x, at in zip(steps, values, strict=True)
    ]
    return Line(points, exhibit.algorithm), len(seeds)


def draw(exhibit: Exhibit) -> str:
    """Return the picture of an algorithm."""
    lines = [line_of(exhibit)[0]]
    if exhibit.beside:
        reference = line_of(EXHIBITS[exhibit.beside])[0]
        end = lines[0].points[-1][0]
        points = [point for point in reference.points if point[0] <= end]
        if len(points) > 1:
            lines.append(Line(points, reference.name))
    title = f"{exhibit.algorithm} on {exhibit.env_id}"
    return lines_svg(lines, title, Axes("steps", "return", limits=LIMITS[exhibit.env_id]))


def figures(plugin: str) -> str:
    """Return the table of what a plugin's algorithms come to, and their pictures in pairs."""
    rows, pictures = [], []
    for one in EXHIBITS.values():
        if one.plugin != plugin or not one.returns.exists():
            continue
        line, seeds = line_of(one)
        steps, mean, low, high = line.points[-1]
        best = max(point[1] for point in line.points)
        cells = one.env_id, f"{steps:,.0f}", str(seeds), number(mean), interval((low, high))
        rows.append((f"`{one.algorithm}`", *cells, number(best)))
        pictures.append(f"![{one.algorithm}](curves/{one.picture.name})")
    pairs = [pictures[i : i + 2] for i in range(0, len(pictures), 2)]
    columns = ["algorithm", "environment", "steps", "seeds", "at the end", "95 %", "at best"]
    said = table(columns, rows)
    shown = table(["", ""], [(*pair, *[""] * (2 - len(pair))) for pair in pairs])
    return f"{said}\n\n{shown}"


def files() -> Iterator[tuple[Path, str]]:
    """Yield what is made of the returns: each file and its text."""
    for one in EXHIBITS.values():
        if one.returns.exists():
            yield one.picture, draw(one)
    for plugin in CARTPOLE:
        readme = ROOT / "plugins" / plugin / "README.md"
        text = readme.read_text(encoding="utf-8")
        yield readme, fill(text, "curves", figures(plugin), by="tools/curves.py")


def main() -> None:
    """Train and draw, or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("algorithms", metavar="ALGORITHM", nargs="*", help="all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    parser.add_argument("--runs", type=Path, default=Path("runs/curves"))
    parser.add_argument("--check", action="store_true", help="whether all is current")
    options = parser.parse_args()
    os.environ["ZOO_PLUGINS"] = ",".join(in_tree_plugins())
    if options.check:
        for path, text in files():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                sys.exit(f"{path.relative_to(ROOT)} is not current. Run: python tools/curves.py")
        return
    if unknown := sorted(set(options.algorithms) - set(EXHIBITS)):
        parser.error(f"{unknown[0]} has no picture; those that have: {', '.join(EXHIBITS)}")
    for name in options.algorithms or EXHIBITS:
        env_id = EXHIBITS[name].env_id
        with ThreadPoolExecutor(options.jobs) as pool:
            trained = [
                pool.submit(train, name, env_id, seed, options.runs)
                for seed in range(options.seeds)
            ]
            write_returns(EXHIBITS[name], [training.result() for training in trained])
    for path, text in files():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
