"""Value iteration on a large random process, against SciPy's sparse products of the same size.

    python benchmarks/planning.py                     # a million states: some minutes
    python benchmarks/planning.py --states 100000

Each state has 4 actions, each action 5 random successors. The measure is the time of value
iteration, from the first sweep to the last, over the time of as many products P @ v, with P a CSR
matrix of (states * actions) rows. Products are timed between the sweeps, one for every ten, so
that both sides see the same machine. Both use one thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from gymnasium import spaces
from scipy.sparse import csr_array

from zoo import TransitionModel
from zoo_tabular.planning.value_iteration import ValueIteration, ValueIterationConfig

ACTIONS, BRANCHING = 4, 5
EVERY = 10


def random_model(n_states: int, seed: int) -> TransitionModel:
    """Return a continuing process with uniform rewards in [0, 1]."""
    rng = np.random.default_rng(seed)
    pairs = n_states * ACTIONS
    probabilities = rng.random((pairs, BRANCHING))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return TransitionModel(
        n_states,
        ACTIONS,
        np.arange(0, pairs * BRANCHING + 1, BRANCHING),
        rng.integers(n_states, size=pairs * BRANCHING, dtype=np.int32),
        probabilities.ravel(),
        rng.random(pairs * BRANCHING),
        np.zeros(pairs * BRANCHING, np.bool_),
        np.full(n_states, 1 / n_states),
    )


def main() -> None:
    """Measure both sides and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--theta", type=float, default=1e-6)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--sweep", default="synchronous")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    model = random_model(arguments.states, arguments.seed)
    config = ValueIterationConfig(
        gamma=arguments.gamma, theta=arguments.theta, sweep=arguments.sweep
    )
    space = spaces.Discrete(arguments.states), spaces.Discrete(ACTIONS)
    planner = ValueIteration(config, *space, seed=0)
    shape = (arguments.states * ACTIONS, arguments.states)
    indptr = model.offsets.astype(np.int32)
    matrix = csr_array((model.probabilities, model.next_states, indptr), shape)

    sweeping, products, first = 0.0, [], 0.0
    sweeps = planner.train(model, 1_000_000)
    begin = time.perf_counter()
    for progress in sweeps:
        sweeping += time.perf_counter() - begin
        first = first or sweeping
        if (progress.steps - 1) % EVERY == 0:
            begin = time.perf_counter()
            matrix @ planner.v
            products.append(time.perf_counter() - begin)
        begin = time.perf_counter()

    product = float(np.mean(products))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{arguments.states:,} states, {ACTIONS} actions, {BRANCHING} successors")
    print(f"first sweep, with its preparation    {first:8.2f} s")
    print(f"value iteration, {progress.steps:,} sweeps      {sweeping:8.2f} s")
    print(f"as many products P @ v by SciPy      {product * progress.steps:8.2f} s")
    print(f"ratio                                {sweeping / product / progress.steps:8.2f}")
    print(f"residual                             {progress.metrics['train/residual']:8.2g}")
    print(f"peak memory, both sides              {peak:8.2f} GiB")


if __name__ == "__main__":
    main()
