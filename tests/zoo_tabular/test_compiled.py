"""Compiled and interpreted, every loop gives the same result, bit for bit."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.zoo_tabular.worlds import learner
from zoo_tabular import learning
from zoo_tabular.compiled import INTERPRETED, can_compile, compiled, compiled_as, fast

STEPS = 4000
CONTROL = ["q-learning", "double-q-learning", "sarsa", "expected-sarsa", "n-step-sarsa",
           "sarsa-lambda", "q-lambda", "dyna-q", "dyna-q-plus", "r-max"]  # fmt: skip
EXPLORERS = [
    {"exploration": "softmax", "temperature": 0.5, "final": 0.1, "exploration_steps": 2000},
    {"exploration": "ucb", "alpha_power": 0.7},
    {"exploration": "epsilon-by-visits", "epsilon": 5 / 8, "initial_value": 1.0},
]

needs_numba = pytest.mark.skipif(not can_compile(), reason="Numba is not installed")


def both_ways(monkeypatch, algorithm, env_id, *, n_envs=1, **config):
    """Return the same training twice: its steps compiled but the first, and interpreted."""
    monkeypatch.setattr(learning, "COMPILING_PAYS", 0)
    made = []
    for interpreted in ("0", "1"):
        monkeypatch.setenv(INTERPRETED, interpreted)
        algo, env = learner(algorithm, env_id, n_envs=n_envs, **config)
        progress = list(algo.train(env, STEPS))
        made.append((algo, progress[-1]))
    return made


def assert_equal(made):
    (one, progress), (other, again) = made
    for name, table in one.tables._asdict().items():
        assert table.tobytes() == getattr(other.tables, name).tobytes(), name
    for name, array in one.memory._asdict().items():
        assert array.tobytes() == getattr(other.memory, name).tobytes(), name
    assert one.rng.bit_generator.state == other.rng.bit_generator.state
    assert progress == again


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("algorithm", CONTROL)
def test_compiled_equals_interpreted(monkeypatch, algorithm, n_envs):
    config = {"known_after": 5} if algorithm == "r-max" else {"alpha": 0.3}
    made = both_ways(monkeypatch, algorithm, "FrozenLake-v1", n_envs=n_envs, **config)
    assert_equal(made)
    assert made[0][1].episodes > 50


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("explorer", EXPLORERS, ids=lambda one: one["exploration"])
@pytest.mark.parametrize("algorithm", ["q-learning", "expected-sarsa"])
def test_explorers_are_equal_too(monkeypatch, algorithm, explorer):
    assert_equal(both_ways(monkeypatch, algorithm, "CliffWalking-v1", **explorer))


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("traces", ["accumulating", "replacing", "dutch"])
def test_traces_are_equal_too(monkeypatch, traces):
    assert_equal(both_ways(monkeypatch, "sarsa-lambda", "Taxi-v4", traces=traces, alpha=0.2))


@needs_numba
def test_q_learning_compiled_equals_interpreted(monkeypatch):
    assert_equal(both_ways(monkeypatch, "q-learning", "Taxi-v4", n_envs=2))


@compiled
def plus_one(x):
    return x + 1


@compiled_as(plus_one)
def described(x):
    return f"{x} and one"


@compiled
def thrice(x):
    return plus_one(plus_one(plus_one(x)))


@compiled
def calls_described(x):
    return described(x)


@needs_numba
def test_marked_functions_stay_plain_and_compile_on_demand():
    assert type(thrice).__name__ == "function"
    assert thrice(1) == 4
    assert type(fast(thrice)).__name__ == "CPUDispatcher"
    assert fast(thrice)(1) == 4
    assert calls_described(1) == "1 and one"
    assert fast(calls_described)(1) == 2


def test_the_environment_variable_forbids_compiling(monkeypatch):
    monkeypatch.setenv(INTERPRETED, "1")
    assert fast(thrice) is thrice


UNWRITABLE = """
import os, sys
from pathlib import Path
import zoo_tabular.compiled as c
c._cache_directory = lambda: Path("/proc/nowhere")
import numpy as np
from zoo_tabular.exploration import largest
f = c.fast(largest)
assert f(np.array([[1.0, 3.0, 2.0]]), 0) == 3.0
print(type(f).__name__)
"""


@needs_numba
def test_compiles_where_nothing_can_be_cached():
    done = subprocess.run([sys.executable, "-c", UNWRITABLE], capture_output=True, text=True,
                          env=os.environ | {INTERPRETED: "0", "HOME": "/proc/nowhere"})  # fmt: skip
    assert done.stdout.strip() == "CPUDispatcher", done.stderr


def test_the_first_progress_waits_for_no_compiler():
    script = """
import sys
from tests.zoo_tabular.worlds import learner
algorithm, env = learner("q-learning", "FrozenLake-v1")
first = next(algorithm.train(env, 10_000_000))
print(first.steps, "numba" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["10000", "False"], done.stderr


def test_results_do_not_depend_on_the_stretches(monkeypatch):
    tables = []
    for size in (100, 1000):
        monkeypatch.setattr(learning, "FIRST_STRETCH", (size, size))
        algorithm, env = learner("sarsa", "FrozenLake-v1", n_envs=2)
        assert len(list(algorithm.train(env, 6000))) == 6000 // size
        tables.append(algorithm.tables.q)
    assert np.array_equal(*tables)
