"""Actor-learners: what the threads of https://arxiv.org/abs/1602.01783 do.

An actor-learner takes theta' = theta, acts with it for t_max steps or to the end of its episode,
works out the gradient d theta of these steps at theta', and changes theta by it, which others have
changed meanwhile. The running mean g of squared gradients is the same for all: section 4,
"Optimization", shared RMSProp.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from zoo import State
from zoo_torch.checks import check_actions, check_finite, diverged
from zoo_torch.optimizers import clip_norm
from zoo_torch.rollout import batch_of_one, require_same_step

STEPS, EPISODES, UPDATES = range(3)
"""The columns of what is counted."""


class Segment(NamedTuple):
    """What an actor-learner did since its last update: t steps."""

    rows: np.ndarray
    """(t, *row): the states s as the networks read them"""
    actions: np.ndarray
    """(t, ...): the actions a"""
    rewards: np.ndarray
    """(t,) float32: the rewards r"""
    last: np.ndarray
    """(1, *row): the state that they led to"""
    terminated: bool
    """Whether that state is terminal, and worth nothing"""


class ActorLearner(ABC):
    """One of the paper's threads, with its own copy of the parameters.

    `parameters` are theta' and `gradient` is d theta, both (P,) float32.
    """

    parameters: np.ndarray
    gradient: np.ndarray

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._steps: list[tuple[np.ndarray, np.ndarray, np.float32]] = []
        self._most = 0

    @abstractmethod
    def act(self, row: np.ndarray, remaining: float) -> np.ndarray:
        """Return an action (1, ...) in a state (1, *row), when `remaining`, from 1 to 0, is left
        of the training."""

    @abstractmethod
    def accumulate(self, segment: Segment) -> dict[str, float]:
        """Write d theta at theta' to `gradient`, and return metrics."""

    def begin_episode(self) -> None:
        """Note that the next step is the first of an episode."""

    def begin(self, theta: np.ndarray, most: int) -> None:
        """Synchronise theta' = theta, and start a segment of at most so many steps."""
        self.parameters[:] = theta
        self._steps, self._most = [], most

    @property
    def begun(self) -> bool:
        """Whether there is a segment to go on with."""
        return self._most > 0

    def follow(self, row: np.ndarray, action: np.ndarray, reward: np.float32, done: bool) -> bool:
        """Note a step, and return whether an update is due."""
        self._steps.append((row, action, reward))
        return done or len(self._steps) >= self._most

    def segment(self, last: np.ndarray, terminated: bool) -> Segment:
        """Return the steps since `begin`, which led to `last` (1, *row)."""
        return Segment(**self._so_far(), last=last, terminated=terminated)

    def state(self) -> State:
        """Return all of it, copied: what lasts, theta' and the segment under way."""
        return self.lasting() | {
            "parameters": self.parameters.copy(),
            "most": self._most,
            "segment": self._so_far() if self._steps else None,
        }

    def lasting(self) -> State:
        """Return what of the state outlasts the process that the actor-learner is in."""
        return {"rng": self.rng.bit_generator.state}

    def load_state(self, state: State) -> None:
        """Take over what `state` or `lasting` returned."""
        self.rng.bit_generator.state = state["rng"]
        if "parameters" not in state:
            return
        self.parameters[:] = state["parameters"]
        self._steps, self._most = [], state["most"]
        if state["segment"] is not None:
            rows, actions, rewards = (state["segment"][k] for k in ("rows", "actions", "rewards"))
            for i, reward in enumerate(rewards):
                self._steps.append((rows[i : i + 1], actions[i : i + 1], reward))

    def _so_far(self) -> dict[str, np.ndarray]:
        """Return the steps since `begin` as a `Segment` names them, copied."""
        rows, actions, rewards = zip(*self._steps, strict=True)
        return {
            "rows": np.concatenate(rows),
            "actions": np.concatenate(actions),
            "rewards": np.array(rewards),
        }


class Shared(Protocol):
    """What actor-learners need of their algorithm."""

    config: Any
    shared: dict[str, np.ndarray]
    """theta and g (P,) float32, and counts (processes, 3) int64: what each has done"""

    def rows(self, observations: Any) -> np.ndarray: ...
    def in_space(self, actions: np.ndarray) -> np.ndarray: ...
    def stepped(self, T: int) -> None: ...


class Turns:
    """The actor-learners of some copies of an environment, which take a step in turn."""

    def __init__(
        self, algorithm: Shared, env: Any, learners: Sequence[ActorLearner], *, process: int = 0,
        first: int = 0,
    ) -> None:  # fmt: skip
        """Begin or go on with the copies' episodes; `process` counts in its own row, and its
        copies are those from `first` on of all."""
        require_same_step(env)
        self.algorithm, self.env, self.learners, self.first = algorithm, env, learners, first
        self.counts = algorithm.shared["counts"]
        self.own = self.counts[process]
        self.metrics: dict[str, float] = {}
        """What the last update said."""
        observations, info = env.reset()
        check_finite("observation", observations, "at a reset", first)
        self._rows = algorithm.rows(observations)
        resumed = info.get("resumed", np.zeros(len(learners), np.bool_))
        for learner, goes_on in zip(learners, resumed, strict=True):
            if not (goes_on and learner.begun):
                # the first segments differ in length, so that not all are due at once
                most = int(learner.rng.integers(1, algorithm.config.n_steps + 1))
                learner.begin(algorithm.shared["theta"], most)
                learner.begin_episode()

    def step(self, total: int) -> None:
        """Take one step in each copy, of a training of `total` steps, and update theta by those
        that are due."""
        algorithm, rows = self.algorithm, self._rows
        remaining = max(1 - int(self.counts[:, STEPS].sum()) / total, 0.0)
        with np.errstate(all="ignore"):  # what is not finite is refused at once
            actions = [
                learner.act(rows[i : i + 1], remaining) for i, learner in enumerate(self.learners)
            ]
            chosen = algorithm.in_space(np.concatenate(actions))
        check_actions(chosen, int(self.counts[:, STEPS].sum()))
        observations, rewards, terminated, truncated, infos = self.env.step(chosen)
        self.own[STEPS] += len(rows)
        T = int(self.counts[:, STEPS].sum())
        check_finite("observation", observations, f"at step {T:,}", self.first)
        check_finite("reward", rewards, f"at step {T:,}", self.first)
        self._rows, rewards = algorithm.rows(observations), rewards.astype(np.float32)
        dones = terminated | truncated
        for i, learner in enumerate(self.learners):
            if learner.follow(rows[i : i + 1], actions[i], rewards[i], bool(dones[i])):
                last = self._rows[i : i + 1]
                if dones[i] and not terminated[i]:
                    final = batch_of_one(infos["final_obs"][i])
                    check_finite("observation", final, f"at step {T:,}", self.first + i)
                    last = algorithm.rows(final)
                self._update(learner, learner.segment(last, bool(terminated[i])), remaining)
            if dones[i]:
                self.own[EPISODES] += 1
                learner.begin_episode()
        algorithm.stepped(T)

    @np.errstate(all="ignore")
    def _update(self, learner: ActorLearner, segment: Segment, remaining: float) -> None:
        """Change theta by the gradient of a segment; `ZooError` where training has diverged."""
        config, shared = self.algorithm.config, self.algorithm.shared
        self.metrics = learner.accumulate(segment)
        norm = clip_norm(learner.gradient, config.max_grad_norm)
        if not math.isfinite(norm):
            raise diverged(
                int(self.counts[:, STEPS].sum()),
                f"the gradient's norm is {norm}, after {int(self.counts[:, UPDATES].sum()):,} "
                "updates",
            )
        rms_prop(
            shared["theta"], shared["g"], learner.gradient,
            eta=config.learning_rate(remaining), alpha=config.rms_prop_alpha,
            epsilon=config.rms_prop_eps,
        )  # fmt: skip
        self.own[UPDATES] += 1
        learner.begin(shared["theta"], config.n_steps)


def rms_prop(
    theta: np.ndarray, g: np.ndarray, d_theta: np.ndarray, *, eta: float, alpha: float,
    epsilon: float,
) -> None:  # fmt: skip
    """g <- alpha g + (1 - alpha) d_theta^2;  theta <- theta - eta d_theta / sqrt(g + epsilon).

    Section 4, equation 1 of the paper, on vectors that other processes may be changing: g is
    written as a whole, which keeps it from falling below 0 whoever else writes.
    """
    work = d_theta * d_theta
    work *= np.float32(1 - alpha)
    work += np.float32(alpha) * g
    g[:] = work
    work += np.float32(epsilon)
    np.sqrt(work, out=work)
    np.divide(d_theta, work, out=work)
    work *= np.float32(eta)
    theta -= work
