"""What environments with known transition probabilities share: they are sampled from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, ParamSpec
from weakref import WeakValueDictionary

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo import TransitionModel, ZooError

P = ParamSpec("P")


class FiniteEnvironment(gym.Env[Any, Any]):
    """An environment whose every step is drawn from a `TransitionModel`.

    A subclass makes the model and hands it to the constructor. Observations are the states
    themselves, `Discrete(n_states)`. `transition_model` is what planners read and
    `initial_state_distrib` (n_states,) the distribution of first states, as Gymnasium's toy-text
    environments name it. A step costs one uniform random number.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, model: TransitionModel, render_mode: str | None = None) -> None:
        self.transition_model = model
        self.initial_state_distrib = model.initial
        self.observation_space = spaces.Discrete(model.n_states)
        self.action_space = spaces.Discrete(model.n_actions)
        self.render_mode = render_mode
        self.state = 0
        self.last_action: int | None = None
        self._firsts = np.flatnonzero(model.initial)
        self._first_cumulated = np.cumsum(model.initial[self._firsts])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Draw a first state."""
        super().reset(seed=seed)
        self.state = int(self._firsts[_draw(self._first_cumulated, self.np_random)])
        self.last_action = None
        self.show()
        return self.state, self.info()

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Draw an outcome of `action` in the present state."""
        model = self.transition_model
        if not 0 <= action < model.n_actions:
            raise ZooError(
                f"action {action!r} is not one of the {model.n_actions} of {type(self).__name__}"
            )
        pair = self.state * model.n_actions + int(action)
        begin, end = model.offsets[pair], model.offsets[pair + 1]
        row = begin + _draw(np.cumsum(model.probabilities[begin:end]), self.np_random)
        self.state, self.last_action = int(model.next_states[row]), int(action)
        self.show()
        terminated = bool(model.terminated[row])
        return self.state, float(model.rewards[row]), terminated, False, self.info()

    def info(self) -> dict[str, Any]:
        """Return what accompanies the present observation."""
        return {}

    def text(self) -> str:
        """Return the present state in words or characters."""
        return f"state {self.state} of {self.transition_model.n_states}\n"

    def show(self) -> None:
        """Show the present state in a window, where the environment has one."""

    def render(self) -> Any:
        """Return the present state as text."""
        return self.text() if self.render_mode == "ansi" else None


class ChainEnvironment(FiniteEnvironment):
    """States in a row, drawn as such; `grid_shape` is (1, n_states)."""

    arrows: ClassVar[tuple[str, ...]]
    """A character for each action."""

    def __init__(self, model: TransitionModel, render_mode: str | None = None) -> None:
        super().__init__(model, render_mode)
        self.grid_shape = (1, model.n_states)

    def text(self) -> str:
        """Return the row of states, the present one marked."""
        cells = ["o"] * self.transition_model.n_states
        cells[self.state] = "@"
        action = "" if self.last_action is None else f"   {self.arrows[self.last_action]}"
        return " ".join(cells) + action + "\n"


def shared(build: Callable[P, TransitionModel]) -> Callable[P, TransitionModel]:
    """Let all environments with the same arguments use one model, for as long as any lives.

    Models are large, and a vector environment has many copies. The arguments have to be hashable.
    """
    alive: WeakValueDictionary[Any, TransitionModel] = WeakValueDictionary()

    @wraps(build)
    def built_once(*args: P.args, **kwargs: P.kwargs) -> TransitionModel:
        key = (args, tuple(sorted(kwargs.items())))
        model = alive.get(key)
        if model is None:
            model = alive[key] = build(*args, **kwargs)
        return model

    return built_once


def _draw(cumulated: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index by cumulated probabilities (n,), whose rounded sum need not be 1."""
    threshold = rng.random() * cumulated[-1]
    return int(np.searchsorted(cumulated, threshold, side="right"))
