"""What an environment tells about its states and actions, as far as a drawing needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from zoo.components.transitions import TransitionModel
from zoo.environments.model import find_model
from zoo.errors import ZooError

ARROWS = {
    **dict.fromkeys(("left", "west"), "←"),
    **dict.fromkeys(("down", "south"), "↓"),
    **dict.fromkeys(("right", "east"), "→"),
    **dict.fromkeys(("up", "north"), "↑"),
}
MOST_STATES = 100_000
"""In larger models nobody looks at single states, so they are not searched."""

_ACTIONS = {  # what Gymnasium documents, by the environment's name
    "FrozenLake": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "Taxi": ("south", "north", "east", "west", "pick up", "drop off"),
    "Blackjack": ("stick", "hit"),
    "CartPole": ("push left", "push right"),
    "MountainCar": ("push left", "coast", "push right"),
}


@dataclass(frozen=True, eq=False)
class Scene:
    """What is known of an environment with `n_states` states; what is not known is None.

    `actions` has a name and `signs` a character or two for each action. `grid` is the shape
    (rows, columns) in which the states lie in reading order, `letters` what its map says.
    `ends` (n_states,) are the states in which episodes end, and `reached` (n_states,) those
    that an episode can come to. `digits` names the parts of which a state is made.
    """

    name: str
    actions: tuple[str, ...]
    signs: tuple[str, ...]
    grid: tuple[int, int] | None
    letters: np.ndarray | None
    ends: np.ndarray
    reached: np.ndarray
    digits: Callable[[int], Sequence[int]] | None


def scene_of(env: gym.Env[Any, Any] | None, n_states: int, n_actions: int) -> Scene:
    """Return what `env`, or without one nothing, tells about a table's states and actions."""
    base: Any = env.unwrapped if env is not None else None
    name = _family(base)
    actions = _ACTIONS.get(name, ())
    signs = tuple(map(str, getattr(base, "arrows", ())))
    if len(actions) != n_actions:
        actions = signs if len(signs) == n_actions else tuple(map(str, range(n_actions)))
    if len(signs) != n_actions:
        signs = _signs(actions)
    # A wrapper that changes observations makes other states of them.
    same = env is not None and env.observation_space == base.observation_space
    grid = _grid(base, n_states) if same else None
    ends, reached = np.zeros(n_states, np.bool_), np.ones(n_states, np.bool_)
    model = _model(env) if same and n_states <= MOST_STATES else None
    if model is not None and model.n_states == n_states:
        ends, reached = _walk(model)
    letters = _letters(base, grid)
    if grid is not None and letters is None and model is not None:
        marks = np.where(model.initial == 1, "S", np.where(ends, "G", ""))
        letters = marks.reshape(grid)
    return Scene(
        name,
        actions,
        signs,
        grid,
        letters,
        ends,
        reached,
        _decoder(base, n_states) if same else None,
    )


def _family(base: Any) -> str:
    """Return `FrozenLake` for FrozenLake-v1 and for FrozenLake8x8-v1; its id's name for others."""
    spec = getattr(base, "spec", None)
    name = spec.name if spec is not None else ""
    return next((known for known in _ACTIONS if name.startswith(known)), name)


def _signs(actions: tuple[str, ...]) -> tuple[str, ...]:
    """Return an arrow for directions, else the initial; all of it for words of one letter."""
    signs = [ARROWS.get(action, action[:1].upper()) for action in actions]
    if len(set(signs)) == len(signs) and max(map(len, actions)) > 1:
        return tuple(signs)
    if all("left" in a or "right" in a or a == "coast" for a in actions):
        return tuple("←" if "left" in a else "→" if "right" in a else "·" for a in actions)
    return tuple(map(str, range(len(actions))))


def _grid(base: Any, n_states: int) -> tuple[int, int] | None:
    """Return the shape of the map whose cells are the states, None where there is none."""
    letters: Any = getattr(base, "desc", None)
    map_shape = np.shape(letters)
    for shape in (getattr(base, "grid_shape", None), map_shape, getattr(base, "shape", None)):
        with suppress(TypeError, ValueError):
            rows, columns = map(int, shape)  # type: ignore[arg-type]
            if rows * columns == n_states:
                return rows, columns
    return None


def _letters(base: Any, grid: tuple[int, int] | None) -> np.ndarray | None:
    """Return the map's letters (rows, columns), "" where there is nothing of note."""
    for source in ("letters", "desc"):
        found: Any = getattr(base, source, None)
        if grid is not None and np.shape(found) == grid:
            letters = np.asarray(found)
            text = np.char.decode(letters) if letters.dtype.kind == "S" else letters.astype(str)
            return np.where(np.isin(text, [".", "F", " "]), "", text)
    return None


def _model(env: Any) -> TransitionModel | None:
    try:
        return find_model(env)
    except ZooError:  # the drawing only lacks what it would have told
        return None


def _walk(model: TransitionModel) -> tuple[np.ndarray, np.ndarray]:
    """Return in which states episodes only end, and to which they come at all, (n_states,) bool.

    A search in breadth from the first states, that goes no further where an episode has ended.
    """
    acts, ended = model.initial > 0, np.zeros(model.n_states, np.bool_)
    begins, n = model.offsets[:: model.n_actions], model.n_states
    frontier = np.flatnonzero(acts)
    while frontier.size:
        counts = begins[frontier + 1] - begins[frontier]
        shifts = begins[frontier] - np.concatenate([[0], np.cumsum(counts)[:-1]])
        rows = np.arange(counts.sum()) + np.repeat(shifts, counts)
        to, final = model.next_states[rows], model.terminated[rows]
        ended[to[final]] = True
        fresh = np.zeros(n, np.bool_)
        fresh[to[~final]] = True
        frontier = np.flatnonzero(fresh & ~acts)
        acts[frontier] = True
    return ended & ~acts, ended | acts


def _decoder(base: Any, n_states: int) -> Callable[[int], Sequence[int]] | None:
    """Return the environment's own `decode`, where it has one that works."""
    decode = getattr(base, "decode", None)
    if decode is None:
        return None
    try:
        parts = [int(part) for part in decode(n_states - 1)]
    except Exception:  # somebody's method of that name, for something else
        return None
    return (lambda state: [int(part) for part in decode(state)]) if len(parts) > 1 else None
