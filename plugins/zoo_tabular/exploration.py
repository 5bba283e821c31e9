"""How a learner chooses actions while it learns, and how large its steps are.

Everything here can be called from compiled code. A table is (n_states, n_actions); `visits`
counts how often each action was taken in each state; `t` is the number of steps taken so far.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from zoo_tabular.compiled import compiled

Method = Literal["epsilon-greedy", "epsilon-by-visits", "softmax", "ucb"]
EPSILON_GREEDY, EPSILON_BY_VISITS, SOFTMAX, UCB = range(4)
METHODS: dict[str, int] = {
    "epsilon-greedy": EPSILON_GREEDY,
    "epsilon-by-visits": EPSILON_BY_VISITS,
    "softmax": SOFTMAX,
    "ucb": UCB,
}


class Exploration(NamedTuple):
    """What decides between exploring and exploiting.

    `first` and `last` are those of epsilon, of the temperature of softmax, or of the weight of
    UCB's bonus; the parameter goes from one to the other in a line over `steps` steps.
    """

    method: int
    first: float
    last: float
    steps: float


class StepSize(NamedTuple):
    """The step size alpha / N(s, a)^power: constant where `power` is 0."""

    alpha: float
    power: float


@compiled
def scheduled(exploration: Exploration, t: int) -> float:
    """Return epsilon, the temperature or the bonus's weight after `t` steps."""
    share = min(t / exploration.steps, 1.0)
    return exploration.first + share * (exploration.last - exploration.first)


@compiled
def epsilon_of(exploration: Exploration, visits: np.ndarray, s: int, t: int) -> float:
    """Return the probability of a random action in state `s`."""
    epsilon = scheduled(exploration, t)
    if exploration.method == EPSILON_BY_VISITS:
        count = visits_of(visits, s)
        return max(exploration.last, exploration.first / max(count, 1))
    return epsilon


@compiled
def visits_of(visits: np.ndarray, s: int) -> int:
    """Return N(s), how often any action was taken in a state."""
    count = 0
    for a in range(visits.shape[1]):
        count += visits[s, a]
    return count


@compiled
def greedy(q: np.ndarray, s: int, rng: np.random.Generator) -> int:
    """Return the action of the largest value in state `s`, any one of equals."""
    best, value, ties = 0, q[s, 0], 1
    for a in range(1, q.shape[1]):
        other = q[s, a]
        if other > value:
            best, value, ties = a, other, 1
        elif other == value:
            ties += 1
            if rng.random() * ties < 1.0:  # the k-th of equals replaces the others once in k
                best = a
    return best


@compiled
def largest(q: np.ndarray, s: int) -> float:
    """Return max_a Q(s, a)."""
    value = q[s, 0]
    for a in range(1, q.shape[1]):
        value = max(value, q[s, a])
    return value


@compiled
def any_action(q: np.ndarray, rng: np.random.Generator) -> int:
    """Return an action at random."""
    return int(rng.random() * q.shape[1])


@compiled
def select(
    exploration: Exploration,
    q: np.ndarray,
    visits: np.ndarray,
    s: int,
    t: int,
    rng: np.random.Generator,
) -> int:
    """Return the action to take in state `s`."""
    if exploration.method == SOFTMAX:
        return select_softmax(q, s, scheduled(exploration, t), rng)
    if exploration.method == UCB:
        return select_ucb(q, visits, s, scheduled(exploration, t), rng)
    if rng.random() < epsilon_of(exploration, visits, s, t):
        return any_action(q, rng)
    return greedy(q, s, rng)


@compiled
def select_softmax(q: np.ndarray, s: int, temperature: float, rng: np.random.Generator) -> int:
    """Draw an action in proportion to exp(Q(s, a) / temperature), equation 13.2 on values."""
    best, total = largest(q, s), 0.0
    for a in range(q.shape[1]):
        total += math.exp((q[s, a] - best) / temperature)
    threshold, chosen = rng.random() * total, 0
    for a in range(q.shape[1]):
        threshold -= math.exp((q[s, a] - best) / temperature)
        chosen = a
        if threshold < 0.0:
            break
    return chosen


@compiled
def upper_bound(q: np.ndarray, visits: np.ndarray, s: int, a: int, weight: float, n: int) -> float:
    """Return Q(s, a) + c sqrt(ln N(s) / N(s, a)), equation 2.10; what is untried comes first."""
    if visits[s, a] == 0:
        return math.inf
    return q[s, a] + weight * math.sqrt(math.log(n) / visits[s, a])


@compiled
def select_ucb(
    q: np.ndarray, visits: np.ndarray, s: int, weight: float, rng: np.random.Generator
) -> int:
    """Return the action of the largest upper bound in state `s`, any one of equals."""
    n = visits_of(visits, s)
    best, value, ties = 0, upper_bound(q, visits, s, 0, weight, n), 1
    for a in range(1, q.shape[1]):
        other = upper_bound(q, visits, s, a, weight, n)
        if other > value:
            best, value, ties = a, other, 1
        elif other == value:
            ties += 1
            if rng.random() * ties < 1.0:
                best = a
    return best


@compiled
def expected_value(
    exploration: Exploration, q: np.ndarray, visits: np.ndarray, s: int, t: int
) -> float:
    """Return sum_a pi(a|s) Q(s, a) under the policy that `select` follows."""
    total, weights = 0.0, 0.0
    best = largest(q, s)
    if exploration.method == SOFTMAX:
        temperature = scheduled(exploration, t)
        for a in range(q.shape[1]):
            weight = math.exp((q[s, a] - best) / temperature)
            total += weight * q[s, a]
            weights += weight
        return total / weights
    if exploration.method == UCB:
        bonus, n = scheduled(exploration, t), visits_of(visits, s)
        bound = -math.inf
        for a in range(q.shape[1]):
            other = upper_bound(q, visits, s, a, bonus, n)
            if other > bound:
                bound, total, weights = other, 0.0, 0.0
            if other == bound:  # one of equals is chosen at random
                total += q[s, a]
                weights += 1.0
        return total / weights
    for a in range(q.shape[1]):
        total += q[s, a]
    epsilon = epsilon_of(exploration, visits, s, t)
    return epsilon * total / q.shape[1] + (1.0 - epsilon) * best


@compiled
def present_step_size(size: StepSize, visits: np.ndarray, s: int, a: int) -> float:
    """Return the step size for (s, a) without counting a visit."""
    if size.power == 0.0:
        return size.alpha
    return size.alpha / math.pow(max(visits[s, a], 1), size.power)


@compiled
def step_size(size: StepSize, visits: np.ndarray, s: int, a: int) -> float:
    """Count a visit to (s, a), and return the step size for it."""
    visits[s, a] += 1
    return present_step_size(size, visits, s, a)
