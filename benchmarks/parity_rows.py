"""The rows of parity.csv, and what they say: see parity.py."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from zoo.components.statistics import bootstrap_ci, iqm

SIDES = {"sb3": "sb3-", "zoo": ""}
"""side -> what its algorithms' names begin with"""
LEAST_SEEDS, RESAMPLES = 3, 10_000


@dataclass(frozen=True)
class Row:
    """One training and what came of it."""

    algorithm: str
    env: str
    side: str
    seed: int
    steps: int
    final_mean: float
    final_iqm: float
    auc: float
    seconds: float
    settings: str
    versions: str


def area(metrics: Iterable[dict[str, Any]]) -> float:
    """Return the mean of the training return over the steps of a run's metrics."""
    points = [(row["steps"], row["return"]) for row in metrics if row.get("return") is not None]
    steps, returns = np.array(points, np.float64).reshape(-1, 2).T
    if len(steps) < 2:
        return float(returns[0]) if len(returns) else float("nan")
    return float(np.trapezoid(returns, steps) / (steps[-1] - steps[0]))


def read_rows(path: Path) -> list[Row]:
    """Return the rows of the file, none where there is none."""
    if not path.exists():
        return []
    types = get_type_hints(Row)
    with path.open(newline="") as file:
        return [
            Row(**{key: types[key](value) for key, value in line.items()})
            for line in csv.DictReader(file)
        ]


def append_row(path: Path, row: Row) -> None:
    """Add a row to the file, with its header where it is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))


def difference(zoo_scores: list[float], sb3_scores: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the difference of the interquartile means."""
    rng = np.random.default_rng(0)
    ours, theirs = (
        np.apply_along_axis(iqm, 1, rng.choice(np.array(scores), (RESAMPLES, len(scores))))
        for scores in (zoo_scores, sb3_scores)
    )
    low, high = np.quantile(ours - theirs, [0.025, 0.975])
    return float(low), float(high)


def verdict(zoo_scores: list[float], sb3_scores: list[float]) -> str:
    """Return `worse`, `better`, `not significant`, or that there are too few seeds to say."""
    if min(len(zoo_scores), len(sb3_scores)) < LEAST_SEEDS:
        return "too few seeds"
    low, high = difference(zoo_scores, sb3_scores)
    return "worse" if high < 0 else "better" if low > 0 else "not significant"


HEADER = """# Learning beside Stable-Baselines3

Written by `python benchmarks/parity.py --table` from `parity.csv`; what the columns mean stands
at the top of `parity.py`. Interquartile means over the seeds, of the final agents' mean returns
and of the areas under the learning curves, with 95 % bootstrap intervals. The verdict is on the
final agents.

| algorithm | environment | steps | seeds | SB3 | zoo | zoo - SB3 | verdict | area SB3 | area zoo | zoo - SB3 |
|---|---|--:|--:|--:|--:|--:|---|--:|--:|--:|
"""  # noqa: E501


def table(rows: Iterable[Row]) -> str:
    """Return the comparison in Markdown: a line for each work, whose sides have equal settings."""
    groups: dict[tuple[str, str, int, str], dict[str, list[Row]]] = defaultdict(
        lambda: {side: [] for side in SIDES}
    )
    for row in rows:
        groups[row.algorithm, row.env, row.steps, row.settings][row.side].append(row)
    lines = []
    for (algorithm, env, steps, _), sides in groups.items():
        if not all(sides.values()):
            continue
        finals, areas = (
            {side: [getattr(row, name) for row in of] for side, of in sides.items()}
            for name in ("final_mean", "auc")
        )
        cells = [algorithm, env, f"{steps:,}", " + ".join(str(len(of)) for of in sides.values())]
        cells += [*compared(finals), verdict(finals["zoo"], finals["sb3"]), *compared(areas)]
        lines.append(f"| {' | '.join(cells)} |\n")
    return HEADER + "".join(lines)


def compared(scores: dict[str, list[float]]) -> list[str]:
    """Return what each side comes to, and how far they are apart."""
    apart = iqm(scores["zoo"]) - iqm(scores["sb3"])
    return [
        *[shown(iqm(of), bootstrap_ci(of, statistic="iqm")) for of in scores.values()],
        shown(apart, difference(scores["zoo"], scores["sb3"])),
    ]


def shown(value: float, interval: tuple[float, float]) -> str:
    """Return a figure with its interval."""
    return f"{value:.1f} [{interval[0]:.1f}, {interval[1]:.1f}]"
