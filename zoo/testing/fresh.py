"""The other side of the bundle check: `python -m zoo.testing.fresh DIRECTORY`.

Reads which packages to do without and which agents to load, lets each act on the observations
saved beside it, and saves the actions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

JOBS = "jobs.json"
RESULT = "result.npz"
_OBSERVATIONS = "observations.npz"


def actions_of(agent: Any, observations: Any) -> list[np.ndarray]:
    """Return what an agent does with a batch: the mode, a sample, and a sample after a reset of
    every other row, as at the end of episodes.
    """
    agent.reset()
    agent.seed(5)
    actions = [agent.act(observations, deterministic=True)]
    actions.append(agent.act(observations, deterministic=False))
    agent.reset(np.arange(len(actions[0])) % 2 == 0)
    actions.append(agent.act(observations, deterministic=False))
    return actions


def save_observations(directory: Path, batch: Any) -> None:
    """Write a batch of observations; a dict or tuple of arrays keeps its form."""
    if isinstance(batch, dict):
        np.savez(directory / _OBSERVATIONS, **{f"dict:{key}": batch[key] for key in batch})
    elif isinstance(batch, tuple):
        np.savez(directory / _OBSERVATIONS, **{f"tuple:{i}": part for i, part in enumerate(batch)})
    else:
        np.savez(directory / _OBSERVATIONS, array=batch)


def load_observations(directory: Path) -> Any:
    """Read what `save_observations` wrote."""
    with np.load(directory / _OBSERVATIONS, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if "array" in arrays:
        return arrays["array"]
    form = next(iter(arrays)).partition(":")[0]
    parts = {name.partition(":")[2]: array for name, array in arrays.items()}
    return parts if form == "dict" else tuple(parts.values())


def main(directory: Path) -> None:
    """Do the jobs of a directory."""
    jobs = json.loads((directory / JOBS).read_text())
    for name in jobs["blocked"]:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it raises ImportError
    from zoo.storage.bundle import open_bundle

    for folder in map(Path, jobs["directories"]):
        agent = open_bundle(folder / "agent").agent()
        actions = actions_of(agent, load_observations(folder))
        np.savez(folder / RESULT, *actions)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
