"""Prioritized sweeping: Sutton & Barto (2018), section 8.4, box on page 170.

The book learns its model and updates samples; here the model is known and updates are expected
ones, so the queue holds states. When v(s') changes by d, the value of a predecessor s may be out
of date by as much as gamma * max over a of p(s'|s, a) * |d| more than before (Moore & Atkeson
1993). These bounds are added up, so no state is ever more out of date than its priority says, and
planning that ends when all priorities are below theta is as accurate as a sweep would be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from zoo_tabular.compiled import compiled, fast
from zoo_tabular.planning.backup import (
    COMPILING_PAYS,
    COMPILING_PAYS_IN_PLACE,
    Process,
    state_value,
    update,
)


class Predecessors(NamedTuple):
    """Which states lead to which: those of s' stand in rows offsets[s'] to offsets[s' + 1]."""

    offsets: np.ndarray
    """(n_states + 1,)"""
    states: np.ndarray
    """(n_links,)"""
    weights: np.ndarray
    """(n_links,): the largest p(s'|s, a) over a"""


class Queue(NamedTuple):
    """A heap of states, the one with the highest priority on top."""

    priorities: np.ndarray
    """(n_states,) float64"""
    heap: np.ndarray
    """(n_states,): the heap's states"""
    places: np.ndarray
    """(n_states,): where a state stands in the heap, -1 where it does not"""
    size: np.ndarray
    """(1,): how many states the heap has"""


class Priorities:
    """How far each state's value may be out of date, and the sweep that goes by it."""

    def __init__(
        self, process: Process, v: np.ndarray, gamma: float, priorities: np.ndarray | None
    ) -> None:
        """Take over the `priorities` of a sweep before; without, find them by a sweep."""
        if priorities is None:
            priorities = np.abs(update(process, v, gamma)[0] - v)
        self.process, self.priorities = process, priorities.copy()
        self.predecessors = predecessors_of(process)

    def sweep(self, v: np.ndarray, gamma: float, theta: float, *, first: bool) -> float:
        """Update as many states as there are, or until no priority is above `theta`; return the
        highest priority left.

        The queue is built anew for every sweep, so that the priorities say all there is.
        """
        n = len(v)
        queue = Queue(self.priorities, np.zeros(n, np.int64), np.full(n, -1), np.zeros(1, np.int64))
        self._loop(first)(self.process, self.predecessors, queue, gamma, v, theta)
        return float(self.priorities.max())

    def _loop(self, first: bool) -> Callable[..., None]:
        limit = COMPILING_PAYS if first else COMPILING_PAYS_IN_PLACE
        large = len(self.process.weights) >= limit
        return fast(sweep_by_priority) if large else sweep_by_priority


def predecessors_of(process: Process) -> Predecessors:
    """Turn the process's outcomes around."""
    n = process.n_states
    counts = np.diff(process.offsets[:: process.n_actions])
    leads_on = process.weights > 0
    sources = np.repeat(np.arange(n), counts)[leads_on]
    targets = process.next_states[leads_on].astype(np.int64)
    pairs = np.repeat(np.arange(len(process.rewards)), np.diff(process.offsets))[leads_on]
    chances = _sum_equal(pairs * n + targets, process.weights[leads_on])
    links, link = np.unique(targets * n + sources, return_inverse=True)
    weights = np.zeros(len(links))
    np.maximum.at(weights, link, chances)
    offsets = np.searchsorted(links, np.arange(n + 1) * n)
    return Predecessors(offsets, links % n, weights)


def _sum_equal(keys: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return, for each entry, the sum of the weights of all entries with its key."""
    _, group = np.unique(keys, return_inverse=True)
    return np.bincount(group, weights)[group]


@compiled
def sweep_by_priority(
    process: Process,
    predecessors: Predecessors,
    queue: Queue,
    gamma: float,
    v: np.ndarray,
    theta: float,
) -> None:
    """Update the state on top of the queue, and put its predecessors where they now belong."""
    for state in range(len(v)):
        if queue.priorities[state] > theta:
            raise_priority(queue, state, queue.priorities[state])
    for _ in range(len(v)):
        if queue.size[0] == 0:
            break
        state = take_top(queue)
        value = state_value(process, gamma, v, state)
        change = abs(value - v[state])
        v[state] = value
        for link in range(predecessors.offsets[state], predecessors.offsets[state + 1]):
            before = predecessors.states[link]
            bound = queue.priorities[before] + gamma * predecessors.weights[link] * change
            queue.priorities[before] = bound
            if bound > theta:
                raise_priority(queue, before, bound)


@compiled
def raise_priority(queue: Queue, state: int, priority: float) -> None:
    """Give a state a higher priority, and a place in the heap if it has none."""
    place = queue.places[state]
    if place < 0:
        place = queue.size[0]
        queue.size[0] += 1
    queue.priorities[state] = priority
    while place > 0:
        parent = (place - 1) // 2
        above = queue.heap[parent]
        if queue.priorities[above] >= priority:
            break
        queue.heap[place] = above
        queue.places[above] = place
        place = parent
    queue.heap[place] = state
    queue.places[state] = place


@compiled
def take_top(queue: Queue) -> int:
    """Take the state with the highest priority out of the heap; its priority becomes 0."""
    top = queue.heap[0]
    queue.places[top] = -1
    queue.priorities[top] = 0.0
    queue.size[0] -= 1
    size = queue.size[0]
    if size == 0:
        return top
    state = queue.heap[size]  # the last one goes down from the top
    priority, place = queue.priorities[state], 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and (
            queue.priorities[queue.heap[child + 1]] > queue.priorities[queue.heap[child]]
        ):
            child += 1
        if priority >= queue.priorities[queue.heap[child]]:
            break
        queue.heap[place] = queue.heap[child]
        queue.places[queue.heap[place]] = place
        place = child
    queue.heap[place] = state
    queue.places[state] = place
    return top
