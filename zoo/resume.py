"""Continue a run from its last checkpoint, as if it had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.environments.config import EnvironmentConfig
from zoo.environments.ids import resolve
from zoo.errors import ZooError
from zoo.storage.checkpoint import load_checkpoint
from zoo.storage.runs import FINISHED, Run, find_run, open_run
from zoo.train import drive, locked
from zoo.training.cadence import Cadence
from zoo.training.driver import Driver, Observer
from zoo.training.prepare import build


def resume(
    run: Run | str,
    *,
    steps: int | None = None,
    time_limit: float | None = None,
    env: str | None = None,
    device: str | None = None,
    runs: str | Path | None = None,
    observer: Observer | None = None,
) -> Run:
    """Continue `run` (a `Run`, or a reference to one) and return it.

    `steps` is a new total; a finished run needs one that is greater than its own. `time_limit`
    is in seconds. `device` moves the run to another one. `env` must be given again where the
    environment is code of yours (`file.py:Class`, `module:Id`): the zoo does not execute what a
    run file names. A run that was killed before its first checkpoint starts over, with the
    same seed.
    """
    run = find_run(run, runs) if isinstance(run, str) else run
    with locked(run):
        run = open_run(run.path)  # another process may have trained it until now
        total = _total(run, steps)
        driver = _driver(run, total, env, device, observer=observer, time_limit=time_limit)
        try:
            _restore(run, driver)
            if run.info["device"] != driver.algorithm.device:
                run.update(device=driver.algorithm.device)
        except BaseException:
            driver.close()
            raise
        return drive(run, driver)


def _restore(run: Run, driver: Driver) -> None:
    """Load the last checkpoint, and let go of it: it may hold a large replay buffer."""
    checkpoint = load_checkpoint(run.checkpoints)
    if checkpoint is None:
        driver.note("no checkpoint yet: the run starts over")
    else:
        driver.load_state(checkpoint[0])


def _total(run: Run, steps: int | None) -> int:
    """Return the steps to train to; `ZooError` where they are done already."""
    if steps is not None and steps < run.steps:
        raise ZooError(
            f"run {run.id} has done {run.steps} steps, more than {steps}",
            "--steps is the new total, not how many to add",
        )
    total = run.info["steps"] if steps is None else steps
    if run.status == FINISHED and total <= run.steps:
        raise ZooError(
            f"run {run.id} is finished at {run.steps} steps",
            f"To train on: zoo resume {run.id} --steps N, with N above {run.steps}",
        )
    return total


def _driver(run: Run, total: int, env: str | None, device: str | None, **watching: Any) -> Driver:
    """Build what the run file describes."""
    info = run.info
    environment = EnvironmentConfig.from_json(info["environment"])
    if env is not None:
        resolve(env)
    resolve(environment.id, code_allowed=env == environment.id)
    try:
        cadence = Cadence(**info["cadence"])
    except TypeError as error:
        raise ZooError(f"{run.path} has a damaged cadence: {error}", "Start the run anew") from None
    learner, vector_env = build(
        run.algorithm,
        info["config"],
        environment,
        n_envs=info["n_envs"],
        seed=info["seed"],
        device=device or info["device"],
    )
    return Driver(
        run,
        learner,
        vector_env,
        steps=total,
        cadence=cadence,
        **watching,
    )
