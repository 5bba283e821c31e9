"""What algorithms do around their updates that learn from a replay buffer."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from gymnasium import Space
from pydantic import BaseModel

from zoo import Algorithm, Progress, State
from zoo_torch.checks import check_actions, check_finite, check_learnt, diverged
from zoo_torch.configuration import OffPolicyConfig
from zoo_torch.replay import Batch, Replay
from zoo_torch.rollout import batch_of_one, require_same_step
from zoo_torch.rows import FLATTEN, rows_for
from zoo_torch.threads import one_blas_thread

Memory = TypeVar("Memory", bound=Replay)

STEPS_PER_PROGRESS, UPDATES_PER_PROGRESS = 512, 256
"""How much is done between yields, at least one of both: the host takes its time there."""


class Part(Protocol):
    """What is saved with a run: networks, optimisers, noise."""

    def state(self) -> State: ...
    def load_state(self, state: State) -> None: ...


class OffPolicyAlgorithm(Algorithm):
    """Act for a few steps, remember them, make a few updates from memory, repeat.

    A subclass gives `Config`, the class of its actions as they are remembered (`action_row`,
    `action_type`), how it acts (`explore`, `anything`, `in_space`), how it learns (`update`),
    and what is saved of it (`parts`); and `agent`, as every algorithm does.
    """

    Config: ClassVar[type[BaseModel]] = OffPolicyConfig
    action_row: tuple[int, ...] = ()
    action_type: Any = np.float32

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, observations that there is no network for."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.rng = np.random.default_rng([seed, 0x0FF])
        self.rows = rows_for(observation_space, self.encoder_name(config))
        """What turns a batch of observations into rows (n, *shape) of the memory."""
        self.replay: Replay | None = None
        self.steps = self.episodes = self.updates = 0

    @classmethod
    def encodes(cls, config: Any, observation_space: Space[Any]) -> bool:
        return bool(rows_for(observation_space, cls.encoder_name(config)).images)

    @classmethod
    def encoder_name(cls, config: Any) -> str | None:
        """Return which encoder reads images; None stands for the usual one."""
        return FLATTEN

    @abstractmethod
    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        """Return actions (n, *action_row) for observations as the networks read them, when
        `remaining`, from 1 to 0, is left of the training."""

    @abstractmethod
    def anything(self, n: int) -> np.ndarray:
        """Return n random actions (n, *action_row), for the time before learning starts."""

    @abstractmethod
    def in_space(self, actions: np.ndarray) -> np.ndarray:
        """Return actions (n, *action_row) as members of the action space (n, *shape)."""

    @abstractmethod
    def update(self, batch: Batch, remaining: float) -> float:
        """Make one gradient step, and return the loss before it."""

    @abstractmethod
    def parts(self) -> dict[str, Part]:
        """Return what has learnt or remembers, by the name under which it is saved."""

    def make_replay(self, copies: int) -> Replay:
        """Return the memory for as many copies of the environment."""
        return self.memory(Replay, copies)

    def memory(self, kind: type[Memory], copies: int, **settings: Any) -> Memory:
        """Return a memory of a kind, whose own `settings` come after those that all have."""
        return kind(
            self.config.buffer_size, copies, self.rows.shape, self.rows.dtype,
            self.action_row, self.action_type, gamma=self.config.gamma,
            n_step=self.config.n_steps, **settings,
        )  # fmt: skip

    def batches(self, count: int, remaining: float) -> Iterator[Batch]:
        """Yield what the next `count` updates learn from, each to be used before the next."""
        assert self.replay is not None
        return self.replay.batches(self.rng, self.config.batch_size, count)

    def before_learning(self, remaining: float) -> None:
        """Do what follows acting and precedes updates, such as bringing a target up to date."""

    def began(self, copies: np.ndarray) -> None:
        """Note the copies, (n,) bool, whose next step is the first of an episode."""

    def measure(self) -> dict[str, float]:
        """Return metrics beside the loss."""
        return {}

    def check(self, env: Any) -> None:
        """Refuse, by a `ZooError`, a memory larger than what is free."""
        self.replay = self.make_replay(env.num_envs)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config = self.config
        with one_blas_thread():
            rows = self._begin(env)
            while self.steps < steps:
                losses: list[float] = []
                until = min(self.steps + STEPS_PER_PROGRESS, steps)
                while self.steps < until and len(losses) < UPDATES_PER_PROGRESS:
                    before = self.steps
                    rows = self._act(env, rows, steps)
                    if self.steps <= config.learning_starts:
                        continue
                    count = config.gradient_steps
                    losses += self._learn(self.steps - before if count < 0 else count, steps)
                metrics = {"train/loss": float(np.mean(losses))} if losses else {}
                metrics["train/learning_rate"] = config.learning_rate(self.remaining(steps))
                with np.errstate(all="ignore"):
                    metrics |= self.measure()
                if losses:
                    check_learnt({"parts": self._parts_state(), "metrics": metrics}, self.steps)
                yield Progress(self.steps, self.episodes, metrics)

    def remaining(self, steps: int) -> float:
        """Return what is left of a training of `steps`, from 1 to 0."""
        return max(1 - self.steps / steps, 0.0)

    def _begin(self, env: Any) -> np.ndarray:
        """Begin or go on with the copies' episodes, and return the first rows."""
        require_same_step(env)
        observations, info = env.reset()
        check_finite("observation", observations, "at a reset")
        resumed = np.asarray(info.get("resumed", np.zeros(env.num_envs, np.bool_)), np.bool_)
        if self.replay is None:
            self.replay = self.make_replay(env.num_envs)
        self.replay.cut(~resumed)
        self.began(~resumed)
        return self.rows(observations)

    def _act(self, env: Any, rows: np.ndarray, steps: int) -> np.ndarray:
        """Take `train_freq` steps of each copy, remember them, and return the next rows."""
        assert self.replay is not None
        for _ in range(self.config.train_freq):
            if self.steps >= steps:
                break
            if self.steps < self.config.learning_starts:
                actions = self.anything(env.num_envs)
            else:
                with np.errstate(all="ignore"):  # what is not finite is refused at once
                    actions = self.explore(rows, self.remaining(steps))
                check_actions(actions, self.steps)
            observations, rewards, terminated, truncated, infos = env.step(self.in_space(actions))
            self.steps += env.num_envs
            when = f"at step {self.steps:,}"
            check_finite("observation", observations, when)
            check_finite("reward", rewards, when)
            following = successors = self.rows(observations)
            dones = terminated | truncated
            if dones.any():
                successors = following.copy()
                for i in np.flatnonzero(dones).tolist():
                    final = batch_of_one(infos["final_obs"][i])
                    check_finite("observation", final, when, i)
                    successors[i] = self.rows(final)[0]
                self.episodes += int(dones.sum())
                self.began(dones)
            self.replay.add(rows, actions, rewards, terminated, truncated, successors)
            rows = following
        return rows

    def _learn(self, count: int, steps: int) -> list[float]:
        """Make `count` updates, and return their losses."""
        remaining = self.remaining(steps)
        self.before_learning(remaining)
        losses = []
        with np.errstate(all="ignore"):  # what is not finite is refused here
            for batch in self.batches(count, remaining):
                loss = self.update(batch, remaining)
                if not math.isfinite(loss):
                    how = f"the loss is {loss}, after {self.updates:,} updates"
                    raise diverged(self.steps, how)
                losses.append(loss)
                self.updates += 1
        return losses

    def _parts_state(self) -> State:
        return {name: part.state() for name, part in self.parts().items()}

    def state(self) -> State:
        """Return counters, memory, random numbers and the parts, all copied."""
        return {
            "steps": self.steps,
            "episodes": self.episodes,
            "updates": self.updates,
            "copies": 0 if self.replay is None else self.replay.copies,
            "replay": None if self.replay is None else self.replay.state(),
            "parts": self._parts_state(),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.steps, self.episodes = state["steps"], state["episodes"]
        self.updates = state["updates"]
        self.replay = self.make_replay(state["copies"]) if state["copies"] else None
        if self.replay is not None:
            self.replay.load_state(state["replay"])
        for name, part in self.parts().items():
            part.load_state(state["parts"][name])
        self.rng.bit_generator.state = state["rng"]
