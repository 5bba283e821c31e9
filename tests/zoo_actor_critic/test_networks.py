"""Networks that learn: what an update does to them, and how they go on from a state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo_actor_critic import networks
from zoo_actor_critic.networks import Actor, Critics

ROWS = np.random.default_rng(1).standard_normal((128, 3)).astype(np.float32)
ACTIONS = np.random.default_rng(2).uniform(-1, 1, (128, 2)).astype(np.float32)


def critics(seed: int = 0) -> Critics:
    rng = np.random.default_rng(seed)
    return Critics(3, 2, [128, 128], members=2, activation="relu", rng=rng)


def learn(learner: Critics, updates: int) -> None:
    for _ in range(updates):
        Q = learner(ROWS, ACTIONS)
        learner.descend((Q - ROWS[:, :1]) / np.float32(64), 3e-3)
        learner.follow(0.1)


def test_a_step_is_adam_s() -> None:
    actor = Actor((3, 8, 2), activation="relu", rng=np.random.default_rng(0))
    leaf = torch.tensor(actor.online.parameters, requires_grad=True)
    adam = torch.optim.Adam([leaf], lr=0.01)
    for scale in (1.0, -3.0, 0.5):
        actor(ROWS)
        actor.descend(np.full((128, 2), scale, np.float32), 0.01)
        leaf.grad = torch.tensor(actor.online.gradient)
        adam.step()
    assert actor.online.parameters == pytest.approx(leaf.detach().numpy(), abs=1e-6)


def test_gradients_by_the_actions_are_those_of_autograd() -> None:
    learner = critics()
    actions = torch.tensor(ACTIONS, requires_grad=True)
    x, total = torch.cat([torch.tensor(ROWS), actions], 1), 0.0
    for i, member in enumerate(learner.online.members):
        h = x
        for weight, bias in member.parameters:
            h = h @ torch.tensor(weight) + torch.tensor(bias)
            h = h if len(bias) == 1 else h.relu()
        total = total + (i + 1) * h.sum()
    total.backward()
    Q = learner(ROWS, ACTIONS)
    by_Q = np.ones_like(Q) * np.float32([1, 2])[:, None, None]
    assert learner.by_actions(by_Q) == pytest.approx(actions.grad.numpy(), rel=1e-3, abs=1e-5)


def test_a_run_that_goes_on_from_a_state_is_the_same_bit_for_bit(monkeypatch) -> None:
    """Rearrangements included, whose order depends on what happened before the state."""
    monkeypatch.setattr(networks, "ARRANGE_EVERY", 4)
    arranged: list[bool] = []
    arrange = networks.Ensemble.arrange
    monkeypatch.setattr(
        networks.Ensemble, "arrange", lambda *args: arranged.append(True) or arrange(*args)
    )
    one, other = critics(), critics(seed=1)
    learn(one, 6)
    other.load_state(one.state())
    learn(one, 7)
    learn(other, 7)
    assert len(arranged) == 1 + 2 * 2
    for vector in ("online", "target"):
        assert np.array_equal(getattr(one, vector).parameters, getattr(other, vector).parameters)


def test_learning_lessens_the_error_and_targets_follow_by_their_share() -> None:
    learner = critics()

    def error() -> float:
        return float(np.square(learner(ROWS, ACTIONS) - ROWS[:, :1]).mean())

    before = error()
    learn(learner, 30)
    assert error() < before / 3
    target = learner.target.parameters.copy()
    learner.follow(0.25)
    expected = 0.75 * target + 0.25 * learner.online.parameters
    assert learner.target.parameters == pytest.approx(expected, abs=1e-6)
