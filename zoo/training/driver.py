"""Draws `Progress` from an algorithm, and does everything else that training takes.

The algorithm only learns. Here its progress is logged, its agents are evaluated and kept, its
state is written to checkpoints, and it is stopped: when done, on Ctrl-C, or when time is up.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, Protocol

import numpy as np

from zoo.agent import Agent
from zoo.algorithm import Algorithm, Progress
from zoo.errors import ZooError
from zoo.evaluate import Evaluation
from zoo.plugin.discovery import call_hook
from zoo.storage.checkpoint import save_checkpoint
from zoo.storage.metrics import MetricsLog
from zoo.storage.runs import FAILED, FINISHED, INTERRUPTED, RUNNING, Run
from zoo.training.cadence import Cadence, Every
from zoo.training.faults import fault
from zoo.training.interrupt import interruptible
from zoo.training.keeper import Keeper

SECONDS_BETWEEN_CHECKPOINTS = 600.0
EPISODES_AVERAGED = 100
ROWS_PER_RUN = 1000


class Observer(Protocol):
    """Who watches a run: the live view of the command line, or a notebook's."""

    def started(self, run: Run, steps: int) -> None: ...
    def progress(self, steps: int, metrics: Mapping[str, float]) -> None: ...
    def evaluated(self, steps: int, evaluation: Evaluation) -> None: ...
    def note(self, text: str) -> None: ...
    def finished(self, run: Run, outcome: str) -> None: ...


class Driver:
    """One stretch of a run: from its start, or a checkpoint, to its end or a stop."""

    def __init__(
        self,
        run: Run,
        algorithm: Algorithm,
        env: Any,
        *,
        steps: int,
        cadence: Cadence,
        observer: Observer | None = None,
        time_limit: float | None = None,
    ) -> None:
        """Drive `algorithm` to a total of `steps`, for at most `time_limit` seconds; `env` is
        what its `train` is given, a vector environment or a known model."""
        self.run, self.algorithm, self.env = run, algorithm, env
        self.steps, self.cadence = steps, cadence
        self.observer, self.time_limit = observer, time_limit
        self.progress = Progress(0, 0)
        self.best_return = -math.inf
        self._returns: deque[float] = deque(maxlen=EPISODES_AVERAGED)
        self._lengths: deque[float] = deque(maxlen=EPISODES_AVERAGED)
        self._steps_before, self._seconds_before = 0, 0.0  # done in earlier stretches
        self._saved_steps = self._logged_steps = -1

    def state(self) -> dict[str, Any]:
        """Return the checkpoint's content: the algorithm's, the environment's and the host's."""
        return {
            "algorithm": self.algorithm.state(),
            "environment": self.env.state() if hasattr(self.env, "state") else None,
            "host": {
                "steps": self.progress.steps,
                "episodes": self.progress.episodes,
                "seconds": self._seconds(),
                "best_return": float(self._keeper.best_return),
                "returns": np.array(self._returns, np.float64),
                "lengths": np.array(self._lengths, np.float64),
            },
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; says so where episodes under way could not be restored."""
        self.algorithm.load_state(state["algorithm"])
        host = state["host"]
        self.progress = Progress(host["steps"], host["episodes"])
        self.best_return = host["best_return"]
        self._returns.extend(host["returns"].tolist())
        self._lengths.extend(host["lengths"].tolist())
        self._steps_before, self._seconds_before = host["steps"], host["seconds"]
        self._saved_steps = self._logged_steps = host["steps"]
        copies = lost = getattr(self.env, "num_envs", 0)
        if state["environment"] is not None and hasattr(self.env, "load_state"):
            lost = int(np.sum(~self.env.load_state(state["environment"])))
        if lost:
            self.note(
                f"{lost} of {copies} environments cannot be restored in the middle "
                "of an episode: they start fresh ones",
            )

    def note(self, text: str) -> None:
        """Tell whoever watches something in a line."""
        self._tell("note", text)

    def drive(self) -> str:
        """Train to the end or to a stop; return the run's new status."""
        with interruptible(self.note) as interrupted:
            return self._drive(interrupted)

    def _drive(self, interrupted: Callable[[], bool]) -> str:
        self._started = time.monotonic()
        self._keeper = Keeper(
            self.run, self.cadence, steps=self.progress.steps, best_return=self.best_return
        )
        self._metrics = MetricsLog(self.run.metrics, until=self.progress.steps)
        self.run.update(status=RUNNING, steps=self.steps, stop_requested=False)
        self._tell("started", self.run, self.steps)
        call_hook("zoo_run_started", run=self._facts())
        outcome = FAILED
        try:
            outcome = self._train(interrupted)
            if outcome == FINISHED:
                self._finish()
        except KeyboardInterrupt:  # a second Ctrl-C: the last checkpoint has to do
            self.run.info["stop_requested"] = True
            outcome = INTERRUPTED
        except BaseException:
            with suppress(ZooError):  # the error under way is the one to tell
                self._note_end(FAILED)
            raise
        self._note_end(outcome)
        return outcome

    def close(self) -> None:
        """Let go of the algorithm and the environment, whatever they say about it."""
        for one in (self.algorithm, self.env):
            with suppress(Exception):
                one.close()

    def _train(self, interrupted: Callable[[], bool]) -> str:
        log = Every(max(self.steps // ROWS_PER_RUN, 1), self.progress.steps)
        evaluation = Every(self.cadence.eval_every, self.progress.steps)
        checkpoint = Every(self.cadence.checkpoint_every, self.progress.steps)
        saved = time.monotonic()
        with closing(self._stretch()) as stretch:
            for self.progress in stretch:
                steps, now = self.progress.steps, time.monotonic()
                if log.due(steps):
                    self._log()
                if evaluation.due(steps):
                    self._evaluate()
                stop = interrupted() or self._seconds() - self._seconds_before > self._limit()
                overdue = now - saved > SECONDS_BETWEEN_CHECKPOINTS
                if checkpoint.due(steps) or stop or (overdue and self.cadence.checkpoint_every):
                    self._checkpoint()
                    saved = time.monotonic()
                if stop and steps < self.steps:
                    self.run.info["stop_requested"] = interrupted()
                    return INTERRUPTED
        return FINISHED

    def _stretch(self) -> Generator[Progress, None, None]:
        """Draw from the algorithm."""
        with self._faults_named():
            yield from self.algorithm.train(self.env, self.steps)

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """Turn whatever the algorithm raises into one line that says where."""
        try:
            yield
        except ZooError as error:
            error.hint = ". ".join(filter(None, [error.hint, self._kept()]))
            raise
        except Exception as error:
            what = f"{self.run.algorithm} failed after step {self.progress.steps}"
            named = fault(what, error, self.run.info["config"])
            raise ZooError(named.message, f"{named.hint}. {self._kept()}") from error

    def _kept(self) -> str:
        """Return what is left of the run when it fails."""
        if self._saved_steps < 0:
            return "There is no checkpoint yet"
        return f"The checkpoint at step {self._saved_steps:,} is intact"

    def _agent(self) -> Agent:
        with self._faults_named():
            return self.algorithm.agent()

    def _log(self) -> None:
        self._logged_steps = self.progress.steps
        for episode_return, length in _take_episodes(self.env):
            self._returns.append(episode_return)
            self._lengths.append(length)
        seconds = self._seconds()
        stretch = max(seconds - self._seconds_before, 1e-9)
        row: dict[str, float] = {
            "steps": self.progress.steps,
            "episodes": self.progress.episodes,
            "seconds": round(seconds, 3),
            "steps_per_second": round((self.progress.steps - self._steps_before) / stretch, 1),
        }
        if self._returns:
            row["return"] = float(np.mean(self._returns))
            row["length"] = float(np.mean(self._lengths))
        with self._faults_named():
            row.update((name, float(value)) for name, value in self.progress.metrics.items())
        self._metrics.append(row)
        self._tell("progress", self.progress.steps, row)
        call_hook("zoo_run_progress", run=self._facts(), steps=self.progress.steps, metrics=row)

    def _evaluate(self) -> None:
        evaluation = self._keeper.evaluate(self._agent(), self.progress, self._seconds())
        self._tell("evaluated", self.progress.steps, evaluation)
        metrics = {
            "eval/mean_return": evaluation.mean_return,
            "eval/mean_length": evaluation.mean_length,
        }
        call_hook("zoo_run_progress", run=self._facts(), steps=self.progress.steps, metrics=metrics)

    def _checkpoint(self) -> None:
        """Keep the agent, then the state: an agent that cannot be saved (NaN in its weights)
        leaves the last good checkpoint where it is."""
        self._metrics.flush()
        self._keeper.keep_last(self._agent(), self.progress, self._seconds())
        with self._faults_named():
            state = self.state()
        save_checkpoint(self.run.checkpoints, state, steps=self.progress.steps)
        self._saved_steps = self.progress.steps
        self.run.update(
            progress={
                "steps": self.progress.steps,
                "episodes": self.progress.episodes,
                "seconds": round(self._seconds(), 3),
            }
        )

    def _finish(self) -> None:
        """Save the end, and say what the best agent is worth on fresh episodes."""
        if self._logged_steps < self.progress.steps:
            self._log()
        if self.cadence.eval_every and self._keeper.evaluated_at < self.progress.steps:
            self._evaluate()
        if self._saved_steps < self.progress.steps:
            self._checkpoint()
        if evaluation := self._keeper.judge_best():
            self._tell("evaluated", self.progress.steps, evaluation)

    def _note_end(self, outcome: str) -> None:
        """Write down, and tell, how this stretch ended."""
        try:
            self._metrics.flush()
            self.run.update(status=outcome)
        finally:
            self._tell("finished", self.run, outcome)
            call_hook("zoo_run_finished", run=self._facts(), outcome=outcome)

    def _facts(self) -> dict[str, Any]:
        """Return what observers are told of the run."""
        return {**self.run.info, "path": str(self.run.path)}

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    def _limit(self) -> float:
        return math.inf if self.time_limit is None else self.time_limit

    def _tell(self, event: str, *args: Any) -> None:
        if self.observer is not None:
            getattr(self.observer, event)(*args)


def _take_episodes(env: Any) -> list[tuple[float, int]]:
    """Return (return, length) of the episodes that ended since the last call, where `env` tells."""
    return env.take_episodes() if hasattr(env, "take_episodes") else []
