"""Steps of random actions, and whether two records of them are the same bit for bit."""

import numpy as np


def play(env, steps):
    """Take random steps; return all that came back, and the actions."""
    record = []
    for _ in range(steps):
        actions = env.action_space.sample()
        record.append((actions, *env.step(actions)))
    return record


def assert_same(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif isinstance(one, np.ndarray) and one.dtype == object:
        assert_same(list(one), list(other))
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    else:
        assert one == other
