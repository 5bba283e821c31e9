"""Published agents, imported and evaluated, beside the scores that their authors report.

    python benchmarks/published.py DIR [--episodes 100] [--only TEXT] [--old-masses]

DIR holds `<algorithm>/<environment>_1/` run folders of RL Zoo and a `published.csv` with the
columns algo, env_id, mean_reward, std_reward and eval_episodes. The last column is

    z = (ours - published) / sqrt(var / episodes + published var / published episodes)

so that |z| above 3 asks for a cause; those that are known are printed below the table.
"""

from __future__ import annotations

import argparse
import csv
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import zoo

MUJOCO = "MuJoCo computes the masses of capsules exactly since 2.1.1: compare with --old-masses"
CORRECTED = {("ppo", "BipedalWalker-v3"): 213.3}
"""(algorithm, environment) -> the score of the file, where the published one is a later model's.
Its spread is not known and taken to be the one that is measured."""


@dataclass(frozen=True)
class Row:
    """One agent: what is published and what was measured."""

    name: str
    published: float
    mean: float
    std: float
    z: float
    cause: str


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    rows, missing = [], []
    with open(arguments.directory / "published.csv", newline="") as file:
        for line in csv.DictReader(file):
            name = f"{line['algo']} {line['env_id']}"
            if arguments.only in name:
                try:
                    rows.append(_row(arguments, line))
                    _print(rows[-1])
                except zoo.ZooError as error:
                    missing.append(f"{name}: {error}")
    inside = sum(abs(row.z) <= 3 for row in rows)
    print(f"\n{inside} of {len(rows)} within |z| = 3")
    for row in rows:
        if abs(row.z) > 3 or (row.cause and row.cause != MUJOCO):
            print(f"  {row.name}: {row.cause or 'no cause is known'}")
    for line_of_missing in missing:
        print(f"  not evaluated: {line_of_missing}")


def _row(arguments: argparse.Namespace, line: dict[str, str]) -> Row:
    algorithm, env_id = line["algo"], line["env_id"]
    is_mujoco = env_id.endswith("-v3") and "Walker-v3" not in env_id
    folder = arguments.directory / algorithm / f"{env_id}_1"
    with tempfile.TemporaryDirectory() as temporary:
        bundle, _ = zoo.import_agent(
            folder,
            Path(temporary) / "agent",
            old_masses=arguments.old_masses and is_mujoco,
        )
        found = zoo.evaluate(bundle, episodes=arguments.episodes, seed=arguments.seed)
    mean, std = float(line["mean_reward"]), float(line["std_reward"])
    cause = MUJOCO if is_mujoco else ""
    if (algorithm, env_id) in CORRECTED:
        cause = f"compared with the file's own row: the published {mean:.1f} is a later model's"
        mean, std = CORRECTED[algorithm, env_id], found.std_return
    error = math.hypot(
        found.std_return / math.sqrt(found.episodes), std / math.sqrt(int(line["eval_episodes"]))
    )
    difference = found.mean_return - mean
    z = difference / error if error else (0.0 if difference == 0 else math.copysign(99, difference))
    return Row(f"{algorithm} {env_id}", mean, found.mean_return, found.std_return, z, cause)


def _print(row: Row) -> None:
    figures = f"{row.published:>10.1f}{row.mean:>10.1f} ± {row.std:<8.1f}{row.z:>7.2f}"
    print(f"{row.name:<28}{figures}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of `algorithm environment`")
    parser.add_argument("--old-masses", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
