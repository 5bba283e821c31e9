"""Trainings that take a second, what they leave behind, and an observer that can act."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from tests.training.conftest import ALGORITHM
from zoo.storage.bundle import open_bundle
from zoo.storage.metrics import read_metrics

QUICK: dict[str, Any] = {
    "steps": 2000, "n_envs": 4, "seed": 1, "eval_every": 500, "eval_episodes": 3,
    "final_episodes": 5, "checkpoint_every": 400,
}  # fmt: skip


def train(env: str = "CartPole-v1", **changes: Any) -> zoo.Run:
    return zoo.train(ALGORITHM, env, **QUICK | changes)


def weights(run: zoo.Run) -> dict[str, np.ndarray]:
    return open_bundle(run.path / "last").agent().tensors()


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def lines(run: zoo.Run) -> list[dict[str, Any]]:
    """The metrics without what the clock says."""
    timed = {"seconds", "steps_per_second"}
    return [{k: v for k, v in row.items() if k not in timed} for row in read_metrics(run.metrics)]


class Watcher:
    """An observer that remembers, and can act on the n-th event of a kind."""

    def __init__(self, kind: str = "", at: int = 0, act: Any = None) -> None:
        self.events: list[str] = []
        self.notes: list[str] = []
        self.kind, self.at, self.act = kind, at, act

    def _see(self, kind: str) -> None:
        self.events.append(kind)
        if self.act and kind == self.kind and self.events.count(kind) == self.at:
            self.act()

    def started(self, run, steps):
        self._see("started")

    def progress(self, steps, metrics):
        self._see("progress")

    def evaluated(self, steps, evaluation):
        self._see("evaluated")

    def note(self, text):
        self.notes.append(text)

    def finished(self, run, outcome):
        self._see(f"finished {outcome}")
