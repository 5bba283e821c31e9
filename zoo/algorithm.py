"""The first of the zoo's two interfaces: how to learn.

An algorithm is a generator. `train` is its loop, written from top to bottom as the paper has
it; each `yield Progress(...)` hands control to the host, which logs, evaluates, writes
checkpoints and stops. An algorithm therefore never prints, never writes a file and never
evaluates itself. The smallest one is:

    class RandomSearch(Algorithm):
        Config = RandomSearchConfig

        def train(self, env, steps):
            observations, info = env.reset()
            while self.steps < steps:
                ...                                   # act, learn, count
                yield Progress(self.steps, self.episodes, {"loss": loss})

        def agent(self): ...
        def state(self): ...
        def load_state(self, state): ...
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from gymnasium import Space
    from pydantic import BaseModel

    from zoo.agent import Agent

State = dict[str, Any]
"""A tree: dicts with string keys and lists, whose leaves are None, bool, int (of any size),
float, str or NumPy arrays (no object dtype). Anything else is refused when it is saved."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands, handed to the host at a moment when `state()` is consistent.

    `steps` counts environment steps over all copies of the environment (for planning: sweeps),
    never decreases, and goes on counting after a resume; `episodes` counts finished episodes.
    `metrics` maps names such as `train/loss` to finite or non-finite floats.
    """

    steps: int
    episodes: int
    metrics: Mapping[str, float] = field(default_factory=dict)


class Algorithm(ABC):
    """How to learn. A plugin registers a subclass under a name with `AlgorithmSpec`.

    The constructor refuses spaces that it cannot handle with a `ZooError`, and draws every
    random number from generators that it seeds from `seed`: the global generators of `random`,
    NumPy and torch are as they were whenever control is outside the algorithm.
    """

    Config: ClassVar[type[BaseModel]]
    """The hyperparameters: a subclass of `zoo.Config`, every field documented."""

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Build the learner for single (unbatched) spaces; `device` is `cpu` or `cuda[:N]`."""
        self.config = config
        self.observation_space = observation_space
        self.action_space = action_space
        self.seed = seed
        self.device = device

    @classmethod
    def encodes(cls, config: Any, observation_space: Space[Any]) -> bool | None:
        """Whether a learner for these observations computes with torch, on the device that it is
        given; None, the default, where it does if importing its module has imported torch."""
        return None

    def check(self, env: Any) -> None:
        """Raise a `ZooError` where what `train` will be given cannot be learnt.

        Called once before a run is created, so that a refusal leaves nothing behind. `env` is
        what `train` is given; it must not be stepped or reset.
        """

    @abstractmethod
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        """Learn until the run's total reaches `steps`, yielding at least once.

        `env` is what the spec's `needs` names: by default a `gymnasium.vector.VectorEnv`, for
        planning a `zoo.TransitionModel`; planning may end earlier, where it has converged.
        `steps` is the total of the run, not an increment: after `load_state` with 3,000 steps
        done, `train(env, 5_000)` does 2,000 more. It may be passed by less than one batch.

        The loop begins with `env.reset()`. Where the environment was restored in the middle of
        episodes, `info["resumed"]` is a bool array of shape (num_envs,): True rows continue the
        episode that the loaded state belongs to, all others start afresh.

        Copies in processes of the algorithm's own are made there by what `env.elsewhere` returns,
        where `env` has it, and their episodes are told to `env.add_episodes`. While the host has
        control, none of them computes.
        """

    @abstractmethod
    def agent(self) -> Agent:
        """Return the current policy, detached from training: later updates do not change it."""

    @abstractmethod
    def state(self) -> State:
        """Return everything that exact continuation needs: parameters, optimiser, replay, RNG."""

    @abstractmethod
    def load_state(self, state: State) -> None:
        """Take over what `state` returned, so that training goes on bit for bit."""

    def close(self) -> None:
        """Release processes or files. The host calls it once, whatever happened."""
