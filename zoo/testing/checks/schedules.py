"""The check of what falls over a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from zoo.algorithm import Progress
from zoo.components.schedules import Schedule
from zoo.testing.checks.resume import half_way
from zoo.testing.failure import ConformanceFailure, NotApplicable, require
from zoo.testing.subject import Subject

RATE, LOGGED = "learning_rate", "train/learning_rate"
NOTHING = 1e-6
"""Share of a learning rate with which next to nothing is learnt."""
MARGIN = 0.1
"""What is learnt need not be in exact proportion to the rate: this share of it may be more."""


def learning_rates_fall(subject: Subject) -> None:
    """A learning rate written as `lin_NUMBER` has fallen when a training ends: the last update
    changes as little as its rate then says; and a rate that is logged is the one of that moment.
    """
    rates = {
        name: value.initial
        for name, value in subject.recipe.config
        if isinstance(value, Schedule) and name.endswith(RATE)
    }
    if not rates:
        raise NotApplicable("no learning rate is a schedule")
    for name, rate in rates.items():
        _check(subject, name, rate)


def _check(subject: Subject, name: str, rate: float) -> None:
    """End the same training, of which little is left, with a constant rate, with next to none,
    and with one that falls to 0 there.
    """
    first = subject.straight.pause
    goal, whole = _shortest_end(subject, name, rate)
    falling, progress = _ended(subject, goal, name, Schedule("linear", rate))
    nothing, _ = _ended(subject, goal, name, Schedule("constant", rate * NOTHING))
    learnt, left = _distance(falling, nothing) / whole, 1 - first / goal
    written = f"{name} {Schedule('linear', rate)}"
    require(
        learnt <= left + MARGIN,
        f"with {written}, what is learnt from {first} to {goal} steps of a training of {goal} is "
        f"{learnt:.2f} of what it is with {rate}, though only {left:.2f} of the rate are left",
        "Ask the schedule before each update, and not once: "
        f"config.{name}(max(1 - self.steps / steps, 0))",
    )
    if name == RATE:
        _check_log(written, rate, left, progress)


def _shortest_end(subject: Subject, name: str, rate: float) -> tuple[int, float]:
    """Return a goal soon after half-way at which the rate has made a difference, and how large
    one.
    """
    first = subject.straight.pause
    for stretch in (1, 2, 4, 8, 16, 32, first // 2, first):
        constant, progress = _ended(subject, first + stretch, name, Schedule("constant", rate))
        if not progress:
            raise NotApplicable("training goes far beyond the steps that it is told to stop at")
        goal = progress[-1].steps  # that a batch ends there leaves nothing of the schedule
        nothing, _ = _ended(subject, goal, name, Schedule("constant", rate * NOTHING))
        whole = _distance(constant, nothing)
        if whole > 0:
            return goal, whole
    raise ConformanceFailure(
        f"{name} makes no difference from {first} to {goal} steps",
        f"Use {name} in the update; if there is none in that time, lower batch and rollout sizes "
        "in the recipe `probe`",
    )


def _check_log(written: str, rate: float, left: float, progress: list[Progress]) -> None:
    """Compare what is logged with the schedule, if it is."""
    for now in progress:
        logged = now.metrics.get(LOGGED, 0.0)
        require(
            -1e-9 <= logged <= rate * left * 1.001,
            f"with {written}, {LOGGED} is {logged:.3g} at the end of a training, where the rate "
            f"falls from {rate * left:.3g} to 0",
            "Report the rate of the last update",
        )


def _ended(
    subject: Subject, goal: int, name: str, rate: Schedule
) -> tuple[dict[str, np.ndarray], list[Progress]]:
    """Go on from half-way to `goal` with this rate; return what is there then, and the progress."""
    overrides = {**subject.overrides, name: rate.to_json()}
    checkpoint = half_way(subject)
    with Subject(subject.name, overrides, subject.steps).trial() as trial:
        trial.algorithm.load_state(checkpoint["algorithm"])
        trial.env.load_state(checkpoint["environment"])
        agent = trial.finish(goal)
        found = {f"agent/{key}": np.array(tensor) for key, tensor in agent.tensors().items()}
        return found | dict(_floats(trial.algorithm.state(), "state")), trial.progress


def _floats(tree: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of floats in a state, copied."""
    if isinstance(tree, Mapping):
        for key, part in tree.items():
            yield from _floats(part, f"{path}/{key}")
    elif isinstance(tree, (list, tuple)):
        for i, part in enumerate(tree):
            yield from _floats(part, f"{path}/{i}")
    elif isinstance(tree, np.ndarray) and tree.dtype.kind == "f":
        yield path, np.array(tree)


def _distance(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> float:
    """Return the Euclidean distance of two, as far as both have the same arrays."""
    squares = [
        float(np.sum(np.square(array.astype(np.float64) - other[key])))
        for key, array in one.items()
        if key in other and array.shape == other[key].shape
    ]
    return float(np.sqrt(np.nansum(squares)))
