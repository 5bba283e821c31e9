"""Checks of continuing: from a checkpoint on disk, with and without the episodes under way."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from zoo.storage.checkpoint import load_checkpoint, save_checkpoint
from zoo.testing.failure import ConformanceFailure, require
from zoo.testing.subject import Subject, copies, difference, same

_HINT = (
    "Put everything that the next step depends on into state() and take it over in load_state: "
    "parameters, target networks, optimiser, replay, running statistics, schedules, counters "
    "and every generator"
)


def half_way(subject: Subject) -> dict[str, Any]:
    """Return a checkpoint of a short training half-way, as it was read from the disk: `algorithm`
    and `environment`; each call gives another copy."""
    if subject not in _made:
        _made[subject] = _make_checkpoint(subject)
    return copy.deepcopy(_made[subject])


_made: WeakKeyDictionary[Subject, dict[str, Any]] = WeakKeyDictionary()


def _make_checkpoint(subject: Subject) -> dict[str, Any]:
    """Train half-way, write a checkpoint, read it; whatever the process keeps is disturbed."""
    with subject.trial() as trial, tempfile.TemporaryDirectory() as directory:
        for _ in trial.run(subject.short_steps, until=subject.straight.pause):
            pass
        state = {"algorithm": trial.algorithm.state(), "environment": trial.env.state()}
        save_checkpoint(Path(directory), state, steps=trial.progress[-1].steps)
        trial.stop()
        with subject.trial(seed=5, env_seed=5) as other:  # leaves nothing behind that helps
            next(iter(other.run(subject.short_steps)), None)
        loaded = load_checkpoint(Path(directory))
        assert loaded is not None
        return loaded[0]


def state_round_trip(subject: Subject) -> None:
    """After `load_state`, `state` returns what was loaded."""
    checkpoint = half_way(subject)
    expected = copy.deepcopy(checkpoint["algorithm"])
    with subject.trial(seed=9) as trial:
        trial.algorithm.load_state(checkpoint["algorithm"])
        path = _first_difference(expected, trial.algorithm.state(), "state()")
    require(not path, f"after load_state, state() is not what was loaded: {path}", _HINT)


def exact_resume(subject: Subject) -> None:
    """Training to N, a checkpoint on disk, and M more steps in fresh objects give the agent of
    N + M steps without a stop, bit for bit.
    """
    straight = subject.straight
    checkpoint = half_way(subject)
    with subject.trial() as trial:
        trial.algorithm.load_state(checkpoint["algorithm"])
        resumed = copies(trial.algorithm.agent())
        require(
            same(resumed, straight.middle),
            f"the agent is another one after load_state: {difference(resumed, straight.middle)}",
            _HINT,
        )
        restored = trial.env.load_state(checkpoint["environment"])
        require(
            np.all(restored),
            "the probe's episodes could not be restored",
            "This is a fault of the zoo: report it",
        )
        after = copies(trial.finish(subject.short_steps))
        tail = [(p.steps, p.episodes) for p in trial.progress]
    expected = [(p.steps, p.episodes) for p in straight.progress][-len(tail) :]
    require(
        tail == expected,
        f"a resumed training reports (steps, episodes) {tail[0]} first and {tail[-1]} last, "
        f"not {expected[0]} and {expected[-1]}",
        "Restore the counters, and take info['resumed'] into account after env.reset(): those "
        "rows continue their episode",
    )
    require(
        same(after, straight.after),
        f"a resumed training ends differently: {difference(after, straight.after)}",
        _HINT,
    )


def resume_with_fresh_episodes(subject: Subject) -> None:
    """Training continues where the environment starts afresh: what the state holds of the
    episodes under way is dropped.
    """
    checkpoint = half_way(subject)
    with subject.trial(env_seed=3) as trial:
        trial.algorithm.load_state(checkpoint["algorithm"])
        done = next(p for p in subject.straight.progress if p.steps >= subject.straight.pause)
        try:
            trial.finish(subject.short_steps)
        except Exception as error:
            raise ConformanceFailure(
                "training that is resumed where the environment starts afresh raises "
                f"{type(error).__name__}: {error}",
                'info["resumed"] may be missing or False after env.reset(): begin new episodes',
            ) from error
        first, last = trial.progress[0], trial.progress[-1]
        before = sum(env.unwrapped.episodes_ended for env in trial.env.envs)
    require(
        first.steps >= done.steps and last.steps >= subject.short_steps,
        f"training resumed at {done.steps} steps reports {first.steps} first and {last.steps} "
        f"last on the way to {subject.short_steps}",
        "Steps go on counting after load_state",
    )
    if not subject.plans:
        require(
            last.episodes == done.episodes + before,
            f"{before} episodes ended after the resume at {done.episodes}, but Progress says "
            f"{last.episodes}",
            "Episodes go on counting after load_state",
        )


def _first_difference(one: Any, other: Any, path: str) -> str:
    """Return the place of the first difference between two states and what it is, or ''."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if one.keys() != other.keys():
            return f"{path} has keys {sorted(other)} instead of {sorted(one)}"
        pairs = [(one[key], other[key], f"{path}[{key!r}]") for key in one]
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            return f"{path} has {len(other)} items instead of {len(one)}"
        pairs = [(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        a, b = np.asarray(one), np.asarray(other)
        equal = a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        return "" if equal else f"{path} is another array"
    else:
        equal = one == other or repr(one) == repr(other) == "nan"
        return "" if equal else f"{path} is {other!r} instead of {one!r}"
    return next((found for pair in pairs if (found := _first_difference(*pair))), "")
