"""The check that an agent survives as a bundle: in a fresh process, without its trainer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.agent import Agent
from zoo.config.schema import to_json
from zoo.plugin.registry import get_registry
from zoo.storage.bundle import save_bundle
from zoo.testing.contexts import encode_batch
from zoo.testing.failure import ConformanceFailure, require
from zoo.testing.fresh import JOBS, RESULT, actions_of, save_observations
from zoo.testing.probes import BanditProbe
from zoo.testing.subject import Subject

TRAINERS = ("torch", "stable_baselines3", "sb3_contrib", "tensorflow", "jax")
TRAINED = 16
"""Steps of training before an agent is saved, so that normalisers have seen something."""
SECONDS = 300


def bundle_round_trip(subject: Subject) -> None:
    """An agent saved as a bundle acts the same in a fresh process; where its kind is one of the
    portable kinds of zoo.agents, without the training library and without the plugin.
    """
    with tempfile.TemporaryDirectory() as directory:
        jobs = [
            _save(subject, pair, Path(directory) / str(number))
            for number, pair in enumerate(subject.pairs(all_of_them=False))
        ]
        for portable in (True, False):
            chosen = [job for job in jobs if job["portable"] is portable]
            if chosen:
                _check_in_a_fresh_process(subject, chosen, Path(directory), portable=portable)


def _save(subject: Subject, pair: tuple[str, str], directory: Path) -> dict[str, Any]:
    """Train a little, save agent, observations and the actions to expect; return the job."""
    directory.mkdir()
    make = (lambda: BanditProbe(*pair, horizon=7)) if not subject.plans else subject.default_probe
    with subject.trial(make) as trial:
        for _ in trial.run(subject.learning_steps, until=TRAINED):
            pass
        agent = trial.algorithm.agent()
    portable = _is_portable(agent)
    save_bundle(
        directory / "agent",
        agent,
        algorithm=subject.name,
        plugin=get_registry().owner(subject.name),
        versions={},
        config=to_json(subject.recipe.config),
        environment={"id": "Probe-v0", "kwargs": {}, "wrappers": []},
        training={"steps": trial.progress[-1].steps, "seed": 0},
    )
    contexts = np.random.default_rng(0).integers(3, size=16)
    batch = encode_batch(pair[0], contexts)
    save_observations(directory, batch)
    np.savez(directory / "expected.npz", *actions_of(agent, batch))
    return {"directory": str(directory), "portable": portable, "pair": pair, "kind": agent.kind}


def _is_portable(agent: Agent) -> bool:
    """Say whether the core itself loads the agent; raise where no plugin registers its kind."""
    registry = get_registry()
    kind = getattr(agent, "kind", None)
    require(
        kind in registry.agents,
        f"agent() returns a {type(agent).__name__} of kind {kind!r}, which no plugin registers",
        "Return it as AgentSpec from the hook zoo_agents, or use a kind of zoo.agents",
    )
    require(
        registry.agent_class(str(kind)) is type(agent),
        f"agent kind {kind!r} is registered for {registry.agents[str(kind)].target}, but agent() "
        f"returns a {type(agent).__name__}",
    )
    return registry.agents[str(kind)].target.startswith("zoo.")


def _check_in_a_fresh_process(
    subject: Subject, jobs: list[dict[str, Any]], directory: Path, *, portable: bool
) -> None:
    """Act with all saved agents in one process; compare with what they did in this one."""
    plugin = subject.algorithm_class.__module__.partition(".")[0]
    blocked = [name for name in (*TRAINERS, plugin) if name != "zoo"] if portable else []
    lines = {"blocked": blocked, "directories": [job["directory"] for job in jobs]}
    (directory / JOBS).write_text(json.dumps(lines))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if portable:
        environment["ZOO_DISABLE_PLUGINS"] = "1"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "zoo.testing.fresh", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=SECONDS,
    )
    where = "a fresh process" + (f" without {', '.join(blocked)}" if portable else "")
    if done.returncode:
        error = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConformanceFailure(
            f"the saved agents cannot be used in {where}: {error}",
            "describe() and tensors() must hold all that restore() needs",
        )
    for job in jobs:
        _compare(job, where)


def _compare(job: dict[str, Any], where: str) -> None:
    observations, actions = job["pair"]
    folder = Path(job["directory"])
    names = ("deterministic", "stochastic", "stochastic after a reset of some rows")
    with np.load(folder / "expected.npz") as expected, np.load(folder / RESULT) as result:
        for name, key in zip(names, expected.files, strict=True):
            one, other = expected[key], result[key]
            require(
                one.dtype == other.dtype and np.allclose(one, other, rtol=1e-5, atol=1e-6),
                f"the agent of kind {job['kind']!r} for {observations} observations and "
                f"{actions} actions acts differently ({name}) in {where}",
                "describe() and tensors() must hold everything that act depends on, "
                "normalisation included; random numbers come from self.rng alone",
            )
