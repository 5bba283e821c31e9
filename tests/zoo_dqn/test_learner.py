"""What all of the family do around their losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from tests.zoo_dqn.plainly import ACTIONS, BOX, batch_of
from tests.zoo_torch.scripted import Scripted
from zoo import ZooError
from zoo.plugin.registry import get_registry
from zoo_dqn.dqn import DQN, DQNConfig
from zoo_dqn.learner import huber, regression

ROWS = np.zeros((1000, 3), np.float32)


def learner(actions: spaces.Discrete = ACTIONS, **settings: object) -> DQN:
    settings = {"policy_kwargs": {"net_arch": [8]}, **settings}
    return DQN(DQNConfig(**settings), BOX, actions, seed=0)


def test_updates_are_those_of_modules_autograd_and_torch_s_own_adam() -> None:
    dqn = learner(learning_rate=0.01, max_grad_norm=0.05)
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4))
    pairs = dqn.online._mlp.parameters
    with torch.no_grad():
        for module, (weight, bias) in zip(net[::2], pairs, strict=True):
            module.weight[:], module.bias[:] = torch.from_numpy(weight.T), torch.from_numpy(bias)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    target = [(torch.tensor(w), torch.tensor(b)) for w, b in dqn.target._mlp.parameters]
    for seed in range(5):
        batch = batch_of(seed=seed)._replace(weights=np.ones(16, np.float32))
        x = torch.from_numpy(batch.next_rows)
        (w1, b1), (w2, b2) = target
        worth = (torch.relu(x @ w1 + b1) @ w2 + b2).max(1).values
        y = torch.from_numpy(batch.rewards) + torch.from_numpy(batch.discounts) * worth
        Q = net(torch.from_numpy(batch.rows))[torch.arange(16), torch.from_numpy(batch.actions)]
        optimizer.zero_grad()
        nn.functional.smooth_l1_loss(Q, y).backward()
        assert nn.utils.clip_grad_norm_(net.parameters(), 0.05) > 0.05
        optimizer.step()
        dqn.update(batch, 1.0)
    for module, (weight, bias) in zip(net[::2], pairs, strict=True):
        assert pytest.approx(module.weight.detach().numpy(), abs=1e-5) == weight.T
        assert bias == pytest.approx(module.bias.detach().numpy(), abs=1e-5)


def test_the_huber_loss_by_hand() -> None:
    delta, weights = np.float32([0.5, -3, 1, -0.2]), np.float32([1, 1, 0.5, 2])
    by_delta, loss = huber(delta, weights)
    assert by_delta == pytest.approx(np.array([0.5, -1, 0.5, -0.4]) / 4)
    assert loss == pytest.approx((0.125 + 2.5 + 0.25 + 0.04) / 4)


def test_regression_moves_the_values_of_the_actions_taken() -> None:
    batch = batch_of(2, actions=3)._replace(actions=np.array([2, 0]), weights=np.float32([1, 0.5]))
    Q = np.float32([[1, 2, 3], [4, 5, 6]])
    found = regression(Q, np.float32([2.5, 8]), batch)  # deltas of 0.5 and -4
    assert found.by_outputs == pytest.approx(np.array([[0, 0, 0.5], [-0.5, 0, 0]]) / 2)
    assert found.loss == pytest.approx((0.125 + 0.5 * 3.5) / 2)
    assert found.errors.tolist() == [0.5, 4]


@pytest.mark.parametrize(
    ("remaining", "epsilon"), [(1.0, 1.0), (0.95, 0.525), (0.9, 0.05), (0.5, 0.05), (0.0, 0.05)]
)
def test_epsilon_falls_in_a_line_and_stays(remaining: float, epsilon: float) -> None:
    assert DQNConfig().epsilon(remaining) == pytest.approx(epsilon)


def test_epsilon_is_the_chance_of_a_random_action() -> None:
    dqn = learner(exploration_initial_eps=0.4)
    best = int(dqn.greedy(ROWS[:1])[0])
    counts = np.bincount(dqn.explore(ROWS, 1.0), minlength=4) / len(ROWS)
    assert counts[best] == pytest.approx(0.6 + 0.1, abs=0.05)
    assert np.delete(counts, best) == pytest.approx([0.1] * 3, abs=0.04)


def test_a_target_that_follows_at_once_is_what_the_online_network_was() -> None:
    dqn = learner(target_update_interval=100)
    before = dqn.target.parameters.copy()
    dqn.online.parameters += 1
    dqn.steps = 99
    dqn.before_learning(1.0)
    assert np.array_equal(dqn.target.parameters, before)
    dqn.steps = 101
    dqn.before_learning(1.0)
    assert np.array_equal(dqn.target.parameters, dqn.online.parameters)
    before = dqn.online.parameters.copy()
    dqn.online.parameters += 1
    dqn.steps = 199
    dqn.before_learning(1.0)
    assert np.array_equal(dqn.target.parameters, before)


def test_a_target_that_follows_slowly_does_so_as_often_as_it_was_due() -> None:
    dqn = learner(target_update_interval=10, tau=0.25)
    first = dqn.target.parameters.copy()
    dqn.online.parameters += 1
    dqn.steps = 35  # three times, at steps 10, 20 and 30
    dqn.before_learning(1.0)
    expected = first + 1 - 0.75**3
    assert dqn.target.parameters == pytest.approx(expected, abs=1e-6)
    dqn.before_learning(1.0)
    assert dqn.target.parameters == pytest.approx(expected, abs=1e-6)


def test_actions_need_not_begin_at_0() -> None:
    dqn = learner(spaces.Discrete(4, start=3))
    actions = dqn.in_space(dqn.explore(ROWS, 1.0))
    assert set(actions.tolist()) == {3, 4, 5, 6}
    best = 3 + int(dqn.greedy(ROWS[:1])[0])
    assert dqn.agent().act(ROWS[:2]).tolist() == [best, best]


def test_its_agent_explores_as_it_does_in_the_end() -> None:
    assert learner(exploration_final_eps=0.2).agent().head.epsilon == 0.2


def test_other_actions_are_refused() -> None:
    with pytest.raises(ZooError, match="action values need Discrete actions") as error:
        DQN(DQNConfig(), BOX, spaces.Box(-1, 1, (2,), np.float32), seed=0)
    assert "ppo" in error.value.hint


def test_the_state_holds_both_networks() -> None:
    one, other = learner(), learner()
    one.steps = 20_000
    one.online.parameters += 1
    one.before_learning(1.0)
    one.update(batch_of(), 1.0)
    other.load_state(one.state())
    for dqn in (one, other):
        dqn.update(batch_of(seed=2), 1.0)
    assert np.array_equal(one.online.parameters, other.online.parameters)
    assert np.array_equal(one.target.parameters, other.target.parameters)
    assert not np.array_equal(one.target.parameters, one.online.parameters)


def test_hidden_layers_are_64_and_64_unless_said() -> None:
    sizes = [w.shape for w, _ in DQN(DQNConfig(), BOX, ACTIONS, seed=0).online._mlp.parameters]
    assert sizes == [(3, 64), (64, 64), (64, 4)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["dqn", "per-dqn", "c51", "qr-dqn", "iqn", "rainbow"])
def test_divergence_is_told_in_one_line(name: str) -> None:
    cls = get_registry().algorithm_class(name)
    config = cls.Config(learning_rate=1e30, learning_starts=0, train_freq=1, max_grad_norm=1e30)
    env = Scripted()
    diverging = cls(config, env.single_observation_space, env.single_action_space, seed=0)
    with pytest.raises(ZooError, match="training diverged"):
        for _ in diverging.train(env, 200):
            pass
