"""Train an agent: from an algorithm and an environment to a run on disk."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import Timeout

from zoo.environments.config import EnvironmentConfig
from zoo.errors import MissingExtra, ZooError
from zoo.plugin.discovery import plugins
from zoo.plugin.registry import get_registry
from zoo.storage.runs import Run, create_run
from zoo.training.cadence import Cadence
from zoo.training.driver import Driver, Observer
from zoo.training.keeper import installed_versions
from zoo.training.prepare import build, commit, plan
from zoo.training.threads import choose_threads, torch_threads


def train(
    algorithm: str,
    env: str,
    *,
    steps: int | None = None,
    seed: int | None = None,
    set: Mapping[str, Any] | Sequence[str] = (),
    recipe: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    n_envs: int | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    eval_every: int | None = None,
    eval_episodes: int = 10,
    final_episodes: int = 100,
    checkpoint_every: int | None = None,
    time_limit: float | None = None,
    tensorboard: bool = False,
    name: str | None = None,
    runs: str | Path | None = None,
    observer: Observer | None = None,
) -> Run:
    """Train `algorithm` on `env` and return the finished, or interrupted, run.

    What is left out comes from the recipe: `steps` (a total over all copies of the
    environment), `n_envs`, and every hyperparameter that `set` (`{"gamma": 0.9}` or
    `["gamma=0.9"]`) does not change. `recipe` is a recipe file of your own.

    Without a `seed` one is drawn and recorded. `eval_every` and `checkpoint_every` are in
    steps, 0 for never; an evaluation takes `eval_episodes`, and the best agent is judged at
    the end on `final_episodes` fresh ones. `time_limit` is in seconds. `threads` is how many
    CPU threads torch may use: one unless told otherwise, or as many as it likes for images.

    Raises `ZooError` for anything that is wrong with these, before training begins.
    """
    what = plan(
        algorithm,
        env,
        steps=steps,
        overrides=set,
        recipe_file=recipe,
        n_envs=n_envs,
        env_kwargs=env_kwargs,
    )
    if tensorboard:
        _check_tensorboard()
    seed = secrets.randbelow(2**31) if seed is None else _checked_seed(seed)
    cadence = Cadence.choose(
        what["steps"],
        eval_every=eval_every,
        eval_episodes=eval_episodes,
        final_episodes=final_episodes,
        checkpoint_every=checkpoint_every,
    )
    environment = EnvironmentConfig.from_json(what["environment"])
    learner, vector_env = build(
        algorithm,
        what["config"],
        environment,
        n_envs=what["n_envs"],
        seed=seed,
        device=device,
    )
    info = what | {
        "name": name,
        "plugin": get_registry().owner(algorithm),
        "versions": installed_versions(),
        "commit": commit(),
        "seed": seed,
        "device": learner.device,
        "threads": choose_threads(threads, learner.observation_space),
        "cadence": cadence.to_json(),
        "trackers": ["tensorboard"] if tensorboard else [],
    }
    run = create_run(info, runs)
    driver = Driver(
        run,
        learner,
        vector_env,
        steps=what["steps"],
        cadence=cadence,
        observer=observer,
        time_limit=time_limit,
    )
    with locked(run):
        return drive(run, driver)


def drive(run: Run, driver: Driver) -> Run:
    """Let `driver` train; the run's lock is held by this process."""
    try:
        with torch_threads(run.info["threads"]):
            driver.drive()
    finally:
        driver.close()
    return run


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Hold the lock of `run`; `ZooError` where another process trains it."""
    try:
        with run.lock():
            yield
    except Timeout:
        raise ZooError(
            f"run {run.id} is being trained by another process", "Wait for it, or stop it"
        ) from None


def _check_tensorboard() -> None:
    """Raise `ZooError` unless the plugin that writes TensorBoard events is there and can."""
    get_registry()  # lets broken plugins show
    if find_spec("tensorboard") is None:
        raise MissingExtra("--tensorboard", "tensorboard")
    if not any(row.name == "tensorboard" and row.error is None for row in plugins()):
        raise ZooError("the plugin 'tensorboard' is not loaded", "See `zoo plugins`")


def _checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**31:
        raise ZooError(f"seed {seed} is out of range", "Choose one from 0 to 2147483647")
    return int(seed)
