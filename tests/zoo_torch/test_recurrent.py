"""Sequences: how they are cut, what is remembered between them, and gradients through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from tests.zoo_torch.scripted import Scripted
from tests.zoo_torch.test_lstm import plainly
from zoo.agents.preprocess import Preprocess, standard_steps
from zoo_torch.actor_critic import ActorCritic, Slopes
from zoo_torch.families import family_of
from zoo_torch.recurrent import (
    RecurrentCollector,
    RecurrentEncoder,
    Sequences,
    minibatches,
    pieces,
    sequences_of,
)
from zoo_torch.rollout import Senses

UNITS, INPUTS = 6, 2


def make(critic: str = "own", inner: Any = None) -> ActorCritic:
    rng = np.random.default_rng(0)
    memory = RecurrentEncoder(inner, INPUTS, UNITS, critic=critic, rng=rng, orthogonal=False)
    return ActorCritic(
        UNITS, family_of(spaces.Discrete(3)), policy_units=[5], value_units=[4],
        activation="tanh", orthogonal=False, log_std=0.0, rng=rng, encoder=memory,
        value_inputs=memory.value_outputs,
    )  # fmt: skip


def sequences(L: int = 7, m: int = 3, *, width: int, filled: bool = False) -> Sequences:
    rng = np.random.default_rng(1)
    real = np.ones((L, m), np.bool_)
    if filled:
        real[-2:, 1] = False
    return Sequences(
        rng.standard_normal((L, m, INPUTS)).astype(np.float32),
        rng.standard_normal((m, width)).astype(np.float32),
        rng.random((L, m)) < 0.3,
        real,
    )


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("critic", ["own", "shared", "none"])
def test_the_whole_gradient_is_that_of_autograd(critic: str, filled: bool) -> None:
    model = make(critic)
    memory = model.encoder
    assert isinstance(memory, RecurrentEncoder)
    seen = sequences(width=memory.width, filled=filled)
    real = seen.real.ravel()
    n, rng = int(real.sum()), np.random.default_rng(2)
    actions = rng.integers(3, size=n)
    weights, pulls = rng.standard_normal((2, n)).astype(np.float32)
    pi, V = model.evaluate(seen)
    assert len(V) == n
    values = V.copy()
    model.backward(pi, actions, Slopes(weights, pulls, 0.2))

    found, leaves = [], []
    for number, one in enumerate(memory.lstms):
        part = seen.memory[:, number * 2 * UNITS : (number + 1) * 2 * UNITS]
        h, (_, *own) = plainly(one, seen.rows, part, seen.starts)
        found.append(h.reshape(-1, UNITS)[real])
        leaves += own
    rows = torch.tensor(seen.rows.reshape(-1, INPUTS)[real])
    read = {"own": found[-1], "shared": found[0], "none": rows}[critic]
    pairs = [*model.policy.parameters, *model.value.parameters]
    heads = [torch.tensor(x, requires_grad=True) for pair in pairs for x in pair]
    w1, b1, w2, b2, u1, c1, u2, c2 = heads
    log_p = (torch.tanh(found[0] @ w1 + b1) @ w2 + b2).log_softmax(1)
    theirs = (torch.tanh(read @ u1 + c1) @ u2 + c2)[:, 0]
    np.testing.assert_allclose(values, theirs.detach().numpy(), atol=1e-5)
    loss = (log_p[range(n), actions] * torch.tensor(weights)).sum()
    loss = loss - 0.2 * (log_p.exp() * log_p).sum() + (theirs * torch.tensor(pulls)).sum()
    loss.backward()
    order = np.concatenate([np.arange(12), np.arange(18, 24), np.arange(12, 18)])  # i f o g
    expected = [leaf.grad.numpy()[order].T.ravel() for leaf in leaves]
    expected += [leaf.grad.numpy().ravel() for leaf in heads]
    np.testing.assert_allclose(model.gradient, np.concatenate(expected), 1e-3, 1e-4)


class Doubles:
    """An encoder with two parameters, by which it multiplies the columns of its rows."""

    size, outputs = 2, INPUTS

    def bind(self, parameters: np.ndarray, gradient: np.ndarray) -> None:
        parameters[:] = 1
        self.parameters, self.gradient = parameters, gradient

    def forward(self, rows: np.ndarray) -> np.ndarray:
        self.rows = rows
        return rows * self.parameters

    infer = forward

    def backward(self, by: np.ndarray) -> None:
        self.gradient[:] = (by * self.rows).sum(0)


@pytest.mark.parametrize("critic", ["own", "shared", "none"])
def test_what_is_before_the_memory_learns_too(critic: str) -> None:
    inner = Doubles()
    model = make(critic, inner)
    seen = sequences(width=model.encoder.width, filled=True)
    n = int(seen.real.sum())
    actions, weights = np.zeros(n, np.int64), np.ones(n, np.float32)

    def loss() -> float:
        pi, V = model.assess(seen)
        return float((pi.log_prob(actions) + 2 * V).sum())

    pi, _ = model.evaluate(seen)
    model.backward(pi, actions, Slopes(weights, 2 * weights, 0.0))
    for at in range(2):
        around = []
        for move in (1e-2, -1e-2):
            inner.parameters[at] = 1 + move
            around.append(loss())
        inner.parameters[at] = 1
        slope = (around[0] - around[1]) / 2e-2
        assert inner.gradient[at] == pytest.approx(slope, rel=0.02, abs=0.01)
    assert np.abs(inner.gradient).max() > 0.1


def test_a_rollout_is_cut_into_sequences_of_copies() -> None:
    T, n = 7, 2
    steps = np.arange(T * n) + 1.0  # row t * n + i
    dones = np.zeros((T, n), np.bool_)
    dones[2, 0] = dones[3, 1] = True
    cut = pieces({"x": steps, "rows": np.stack([steps, -steps], 1)}, dones, 4)
    # sequences: steps 1 to 4 of copy 0 and of copy 1, then 5 to 7 of each and a nought
    assert cut["x"].T.tolist() == [[1, 3, 5, 7], [2, 4, 6, 8], [9, 11, 13, 0], [10, 12, 14, 0]]
    assert cut["rows"].shape == (4, 4, 2)
    assert (cut["rows"][..., 1] == -cut["x"]).all()
    assert cut["real"].tolist() == [[True] * 4] * 3 + [[True, True, False, False]]
    assert np.argwhere(cut["starts"]).tolist() == [[0, 3], [3, 0]]
    seen, others = sequences_of(cut, np.zeros((4, 1)))
    assert sorted(others["x"].tolist()) == steps.tolist()
    assert np.array_equal(seen.rows[seen.real][:, 0], others["x"])


def test_every_sequence_is_in_one_minibatch_with_its_own_memory() -> None:
    arrays = pieces({"rows": np.arange(12.0)[:, None], "x": np.arange(12.0)},
                    np.zeros((3, 4), np.bool_), 3)  # fmt: skip
    memories, rng = np.arange(4.0)[:, None], np.random.default_rng(0)
    orders = []
    for _ in range(3):
        seen = []
        for part, batch in minibatches(arrays, memories, 3, rng):
            assert np.array_equal(part.rows[0], part.memory)  # copy i begins with row i
            assert np.array_equal(part.rows.ravel(), batch["x"])
            seen.append(batch["x"].copy())
        assert [len(one) for one in seen] == [9, 3]
        assert sorted(np.concatenate(seen).tolist()) == list(range(12))
        orders.append(np.concatenate(seen).tolist())
    assert len({tuple(one) for one in orders}) > 1


def collector(model: ActorCritic, memory: np.ndarray, env: Any, **settings) -> RecurrentCollector:
    senses = Senses(Preprocess(standard_steps(env.single_observation_space)), None, None)
    defaults = {"n_steps": 6, "gamma": 0.5, "every": 2}
    return RecurrentCollector(env, model, senses, memory, **defaults | settings)


def replayed(model: ActorCritic, rows: list[list[float]]) -> np.ndarray:
    """Return the values of the steps of an episode that is seen from its beginning."""
    encoder: Any = model.encoder
    seen = np.array(rows, np.float32)[:, None]
    _, values = model.assess(Sequences(seen, np.zeros((1, encoder.width), np.float32)))
    return values.copy()


def test_the_memory_follows_each_episode_and_is_there_at_the_cuts() -> None:
    env = Scripted()
    env.single_action_space = spaces.Discrete(3)
    model = make()
    memory = np.full((2, model.encoder.width), 0.5, np.float32)  # of episodes that are over
    one = collector(model, memory, env)
    rollout = one.collect(np.random.default_rng(0), 0)
    # copy 0 ends with step 2 and begins at (-2, 0); copy 1 ends with step 3 and begins at (-3, 1)
    episodes = [[(0, 0), (1, 0)], [(-2, 0), (3, 0), (4, 0), (5, 0)],
                [(0, 1), (1, 1), (2, 1)], [(-3, 1), (4, 1), (5, 1)]]  # fmt: skip
    values = [replayed(model, episode) for episode in episodes]
    expected = [np.concatenate(values[:2]), np.concatenate(values[2:])]
    np.testing.assert_allclose(rollout.values.T, expected, atol=1e-5)

    cut = pieces({"rows": rollout.rows}, rollout.dones, one.every)
    seen, _ = sequences_of(cut, one.memories.reshape(-1, model.encoder.width))
    _, again = model.assess(seen)
    again = again.reshape(2, 3, 2).swapaxes(0, 1).reshape(6, 2)
    np.testing.assert_allclose(again, rollout.values, atol=1e-5)


def test_a_truncated_episode_is_worth_what_its_end_promises_to_who_remembers_it() -> None:
    env = Scripted()
    env.single_action_space = spaces.Discrete(3)
    model = make()
    one = collector(model, np.zeros((2, model.encoder.width), np.float32), env)
    rollout = one.collect(np.random.default_rng(0), 0)
    promise = replayed(model, [(0, 1), (1, 1), (2, 1), (7, 7)])[-1]
    assert rollout.rewards[2, 1] == pytest.approx(31 + 0.5 * promise, abs=1e-4)
    assert abs(promise - replayed(model, [(7, 7)])[-1]) > 1e-3
    assert rollout.rewards[1].tolist() == [20, 21]


def test_the_next_rollout_remembers_the_last_one() -> None:
    values = []
    for steps in (6, 3):
        env = Scripted()
        env.single_action_space = spaces.Discrete(3)
        model = make()
        memory = np.zeros((2, model.encoder.width), np.float32)
        one = collector(model, memory, env, n_steps=steps, every=steps)
        rng = np.random.default_rng(0)
        values.append(
            np.concatenate([one.collect(rng, 0).values.copy() for _ in range(6 // steps)])
        )
    np.testing.assert_allclose(values[0], values[1], atol=1e-5)


def test_copies_that_go_on_keep_their_memory() -> None:
    env: Any = Scripted()
    env.single_action_space = spaces.Discrete(3)
    env.reset = lambda: (np.zeros((2, 2), np.float32), {"resumed": np.array([True, False])})
    memory = np.ones((2, make().encoder.width), np.float32)
    collector(make(), memory, env)
    assert memory.all(1).tolist() == [True, False]
    assert not memory[1].any()
