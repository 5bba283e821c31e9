"""Asynchronous training, as all algorithms of https://arxiv.org/abs/1602.01783 have it.

Each copy of the environment has an actor-learner of its own (`zoo_torch.actor_learners`), the
paper's thread. `processes` says who steps them:

0     This process: all take a step in turn, and those that are due update theta one after the
      other. They are due at different times, so that a gradient is about as stale as among threads
      of equal speed. It is repeatable by seed, and resumed bit for bit.
N     N processes with a share of the copies each, made there. theta and g lie in memory that they
      share, and are read and written without locks (https://arxiv.org/abs/1106.5730): the order
      of updates is the scheduler's, and two runs of one seed differ. Between two yields all
      stand still. A resumed run has theta, g, the counts and the generators as they were, and
      begins new episodes.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from gymnasium import Space
from pydantic import BaseModel, Field, NonNegativeInt

from zoo import Algorithm, Config, Progress, Schedule, ScheduleValue, State, ZooError
from zoo_torch.actor_learners import STEPS, ActorLearner, Turns
from zoo_torch.checks import check_learnt
from zoo_torch.threads import one_blas_thread
from zoo_torch.workers import Crew, Halted, SharedArrays, can_begin, cores, obstacle

STEPS_PER_PROGRESS, STEPS_PER_ROUND = 64, 256
"""Steps of each copy between yields: in this process, and in worker processes."""
SECONDS_PER_ROUND = 1.0
"""How long worker processes go on before they are asked how far they are."""
_STREAM = 0xA3C


class AsynchronousConfig(Config):
    """What every asynchronous algorithm takes."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse("lin_7e-4"), description="Step size eta of RMSprop."
    )
    n_steps: int = Field(
        5, ge=1, description="Steps t_max of an actor-learner between its updates, at most."
    )
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    max_grad_norm: float = Field(40.0, gt=0, description="Largest norm of the gradient.")
    rms_prop_alpha: float = Field(
        0.99, ge=0, lt=1, description="Decay alpha of RMSprop's mean square."
    )
    rms_prop_eps: float = Field(1e-5, gt=0, description="RMSprop's epsilon, under the root.")
    processes: Literal["auto"] | NonNegativeInt = Field(
        "auto",
        description="Worker processes, among which the copies of the environment are shared out; "
        "auto: as many as there are cores, but no more than copies, and none where that is one or "
        "where they cannot make the environment; 0: none, the actor-learners take turns in this "
        "process, which is repeatable and resumed exactly.",
    )


class AsynchronousAlgorithm(Algorithm):
    """theta, g, the counts, and the loops around actor-learners.

    A subclass gives `Config`, `make_learner`, `rows`, `in_space`, and `agent`, out of
    `self.learner` after `self.show()`; it may add to `shared`.
    """

    Config: ClassVar[type[BaseModel]] = AsynchronousConfig

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that there are no networks for."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.rng = np.random.default_rng([seed, _STREAM])
        self.learner = self.make_learner(self.rng)
        """One that never acts: its weights are the first ones, and it shows the agent."""
        theta = self.learner.parameters
        self.shared = {
            "theta": theta.copy(),
            "g": np.zeros_like(theta),
            "counts": np.zeros((1, 3), np.int64),
        }
        """What all actor-learners read and write; see `zoo_torch.actor_learners.Shared`."""
        self._learners: list[ActorLearner] = []
        self._states: list[State] = []

    @classmethod
    def encodes(cls, config: Any, observation_space: Space[Any]) -> bool:
        """Return False: images are read on the CPU, where the processes are."""
        return False

    @abstractmethod
    def make_learner(self, rng: np.random.Generator) -> ActorLearner:
        """Return an actor-learner that draws from `rng`, its first weights to begin with."""

    @abstractmethod
    def rows(self, observations: Any) -> np.ndarray:
        """Return observations as the networks read them, (n, *row)."""

    @abstractmethod
    def in_space(self, actions: np.ndarray) -> np.ndarray:
        """Return actions (n, ...) of actor-learners as members of the space (n, *shape)."""

    def stepped(self, T: int) -> None:
        """Do what is due when all actor-learners together have taken T steps."""

    @property
    def steps(self) -> int:
        """T of the paper: what all actor-learners have done."""
        return int(self.shared["counts"][:, STEPS].sum())

    def show(self) -> None:
        """Have `self.learner` compute with theta as it is now."""
        self.learner.parameters[:] = self.shared["theta"]

    def check(self, env: Any) -> None:
        self._processes(env)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        processes = self._processes(env)
        totals = self.shared["counts"].sum(0)
        self.shared["counts"] = np.zeros((max(processes, 1), 3), np.int64)
        self.shared["counts"][0] = totals
        if processes:
            yield from self._by_processes(env, steps, processes)
        else:
            yield from self._in_turns(env, steps)

    def _processes(self, env: Any) -> int:
        """Return how many worker processes there shall be; `ZooError` where there cannot be."""
        asked, n = self.config.processes, env.num_envs
        if not asked:
            return 0
        if asked != "auto" and asked > n:
            raise ZooError(
                f"{asked} processes cannot share out {n} copies of the environment",
                f"Set processes to {n} at most, or n_envs to {asked}",
            )
        reason = _obstacle(env)
        if asked == "auto":
            most = min(cores(), n)
            return most if most > 1 and not reason else 0
        if reason:
            raise ZooError(reason, "Set processes: 0, which trains in this process")
        return asked

    def _in_turns(self, env: Any, steps: int) -> Iterator[Progress]:
        with one_blas_thread():
            turns = Turns(self, env, self._learners_for(range(env.num_envs)))
            while self.steps < steps:
                until = min(self.steps + STEPS_PER_PROGRESS * env.num_envs, steps)
                while self.steps < until:
                    turns.step(steps)
                yield self._progress([turns.metrics], steps)

    def _by_processes(self, env: Any, steps: int, processes: int) -> Iterator[Progress]:
        shares = [part.tolist() for part in np.array_split(np.arange(env.num_envs), processes)]
        jobs = [self._job(env, share, index) for index, share in enumerate(shares)]
        arrays = SharedArrays(self.shared)
        self.shared = arrays.views()
        with Crew(Member, jobs, arrays) as crew:
            while self.steps < steps:
                until = min(self.steps + STEPS_PER_ROUND * env.num_envs, steps)
                reports = crew.order((until, steps), seconds=SECONDS_PER_ROUND)
                for report in reports:
                    env.add_episodes(report.episodes)
                self._states = [state for report in reports for state in report.states]
                self._learners = []
                yield self._progress([report.metrics for report in reports], steps)

    def _job(self, env: Any, share: list[int], index: int) -> Job:
        states = self._learner_states()
        spaces = self.observation_space, self.action_space
        make_env = env.elsewhere(share, seed=int(self.rng.integers(1 << 31)))
        mine = [states[i] for i in share] if len(states) == env.num_envs else []
        return Job(type(self), self.config, spaces, self.seed, make_env, index, share, mine)

    def _learners_for(self, copies: Sequence[int]) -> list[ActorLearner]:
        """Return the actor-learners of these copies, as they were if there were as many."""
        if len(self._learners) != len(copies):
            rngs = [np.random.default_rng([self.seed, _STREAM, 1 + i]) for i in copies]
            self._learners = [self.make_learner(rng) for rng in rngs]
            if len(self._states) == len(copies):
                for learner, state in zip(self._learners, self._states, strict=True):
                    learner.load_state(state)
        return self._learners

    def _learner_states(self) -> list[State]:
        if self._learners:
            return [learner.state() for learner in self._learners]
        return self._states

    def _progress(self, metrics: Sequence[dict[str, float]], steps: int) -> Progress:
        """Return where training stands, with the mean of what each process says."""
        T, episodes, _ = self.shared["counts"].sum(0).tolist()
        means = {"train/learning_rate": self.config.learning_rate(max(1 - T / steps, 0.0))}
        for name in sorted({name for each in metrics for name in each}):
            means[name] = float(np.mean([each[name] for each in metrics if name in each]))
        check_learnt(self.shared, T)
        return Progress(T, episodes, means)

    def state(self) -> State:
        """Return parameters, statistics, counts, generators and segments under way, all copied."""
        vectors = {name: array.copy() for name, array in self.shared.items() if name != "counts"}
        return {
            "counts": self.shared["counts"].sum(0),
            "shared": vectors,
            "learners": self._learner_states(),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.shared["counts"] = np.array(state["counts"])[None]
        for name, array in state["shared"].items():
            self.shared[name][:] = array
        self._learners, self._states = [], list(state["learners"])
        self.rng.bit_generator.state = state["rng"]


def _obstacle(env: Any) -> str:
    """Return why copies of `env` cannot be made in worker processes, '' where they can."""
    if not can_begin():
        return "a worker process cannot have worker processes of its own"
    if not hasattr(env, "elsewhere"):
        return "this environment cannot be made in worker processes"
    if reason := obstacle(env.elsewhere([0], seed=0)):
        return f"the environment cannot be made in worker processes: {reason}"
    return ""


@dataclass(frozen=True)
class Job:
    """What a worker process is told at its beginning."""

    algorithm: type[AsynchronousAlgorithm]
    config: Any
    spaces: tuple[Space[Any], Space[Any]]
    seed: int
    make_env: Callable[[], Any]
    index: int
    copies: list[int]
    states: list[State]
    """What is left of its actor-learners from before, if anything"""


@dataclass(frozen=True)
class Report:
    """What a worker process tells when it pauses."""

    episodes: list[tuple[float, int]]
    states: list[State]
    metrics: dict[str, float]


class Member:
    """A worker process: some copies of the environment, and their actor-learners."""

    def __init__(self, job: Job, shared: dict[str, np.ndarray], halted: Halted) -> None:
        self._stack, self._halted = ExitStack(), halted
        self._stack.enter_context(one_blas_thread())
        self.algorithm = job.algorithm(job.config, *job.spaces, seed=job.seed)
        self.algorithm.shared, self.algorithm._states = shared, job.states
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)
        self.env = job.make_env()
        self.turns = Turns(
            self.algorithm, self.env, self.algorithm._learners_for(job.copies),
            process=job.index, first=job.copies[0],
        )  # fmt: skip

    def obey(self, order: tuple[int, int]) -> Report:
        """Train until all processes together have done so many steps of so many."""
        until, steps = order
        while self.algorithm.steps < until and not self._halted():
            self.turns.step(steps)
        states = [learner.lasting() for learner in self.turns.learners]
        return Report(self.env.take_episodes(), states, self.turns.metrics)

    def close(self) -> None:
        self.env.close()
        self._stack.close()
