"""What steps are credited with, the updates against torch, and what is learnt."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from zoo import ZooError
from zoo.testing.checks import CHECKS
from zoo.testing.failure import ConformanceFailure
from zoo.testing.subject import Subject
from zoo_policy_gradient.episodes import Episode
from zoo_policy_gradient.reinforce import Batch, Reinforce, ReinforceConfig, credit

BOX = spaces.Box(-1, 1, (3,), np.float32)


def make(**config) -> Reinforce:
    settings = {"policy_kwargs": {"net_arch": [8]}, **config}
    return Reinforce(ReinforceConfig(**settings), BOX, spaces.Discrete(2), seed=0)


def batch(gamma: float = 0.5) -> Batch:
    """Return episodes of three steps and of two."""
    rng = np.random.default_rng(1)
    found = [
        Episode(
            rng.standard_normal((len(rewards), 3)).astype(np.float32),
            rng.integers(2, size=len(rewards)), np.float32(rewards),
        )
        for rewards in ([1, 2, 4], [8, 16])
    ]  # fmt: skip
    return Batch.of(found, gamma)


G = np.array([1 + 0.5 * 4, 2 + 0.5 * 4, 4, 8 + 0.5 * 16, 16])
V = np.float32([1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, G - V),
        ({"reward_to_go": False}, [3 - 1, 3 - 1, 3 - 1, 16 - 4, 16 - 4]),
        ({"discount_steps": True}, (G - V) * [1, 0.5, 0.25, 1, 0.5]),
        ({"normalize_advantage": True}, (G - V - (G - V).mean()) / (G - V).std(ddof=1)),
    ],
)
def test_steps_are_credited_as_worked_out_by_hand(changes, expected) -> None:
    config = ReinforceConfig(**{"gamma": 0.5, "normalize_advantage": False} | changes)
    assert batch().returns.tolist() == G.tolist()
    assert credit(batch(), V, config) == pytest.approx(np.array(expected), rel=1e-5)


@pytest.mark.parametrize("baseline", [True, False])
def test_an_update_is_that_of_autograd_and_torch_s_own_adams(baseline: bool) -> None:
    algorithm = make(baseline=baseline, normalize_advantage=False, gamma=0.5, n_critic_updates=3)
    data, model = batch(), algorithm.model
    policy, value = (
        [torch.tensor(one, requires_grad=True) for pair in network.parameters for one in pair]
        for network in (model.policy, model.value)
    )
    before = model.values(data.rows)
    algorithm._improve(data, before, 0.01)
    if baseline:
        algorithm._fit(data, 0.02)

    def through(leaves: list[torch.Tensor]) -> torch.Tensor:
        w1, b1, w2, b2 = leaves
        return torch.tanh(torch.tensor(data.rows) @ w1 + b1) @ w2 + b2

    log_p = through(policy).log_softmax(1).gather(1, torch.tensor(data.actions)[:, None])[:, 0]
    returns = torch.tensor(data.returns.copy())
    optimizer = torch.optim.Adam(policy, lr=0.01)
    (-(log_p * (returns - torch.tensor(before))).mean()).backward()
    optimizer.step()
    optimizer = torch.optim.Adam(value, lr=0.02)
    for _ in range(3 if baseline else 0):
        optimizer.zero_grad()
        (through(value)[:, 0] - returns).square().mean().backward()
        optimizer.step()
    for network, leaves in ((model.policy, policy), (model.value, value)):
        found = np.concatenate([one.ravel() for pair in network.parameters for one in pair])
        expected = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert bool(before.any()) is baseline


def test_a_baseline_lowers_the_variance_of_the_gradient() -> None:
    """Where the returns differ by the state, and not by what is done there."""
    deviation = {}
    for what in ("none", "exact"):
        gradients, rng = [], np.random.default_rng(0)
        algorithm = make(baseline=what != "none", normalize_advantage=False)
        for _ in range(200):
            rows = rng.standard_normal((20, 3)).astype(np.float32)
            levels = (5 + 3 * rows[:, 0]).astype(np.float32)
            data = Batch(rows, rng.integers(2, size=20), levels, np.zeros(20, int))
            delta = credit(data, levels if what == "exact" else 0 * levels, algorithm.config)
            pi = algorithm.model.distributions(rows)
            algorithm.model.backward_policy(*pi.gradient(data.actions, delta / 20, 0.0))
            gradients.append(algorithm.model.gradient.copy())
        deviation[what] = float(np.std(gradients, axis=0).sum())
    assert deviation["exact"] < 1e-3 * deviation["none"]


def test_only_whole_episodes_are_learnt_from() -> None:
    env = Scripted()
    config = ReinforceConfig(n_steps=1, policy_kwargs={"net_arch": [4]})
    algorithm = Reinforce(config, env.single_observation_space, spaces.Discrete(2), seed=0)
    ends, parameters = [], [algorithm.model.parameters.copy()]
    for progress in algorithm.train(env, 8):
        ends.append(progress.metrics["train/episodes"])
        parameters.append(algorithm.model.parameters.copy())
    assert ends == [0, 1, 1, 0]  # copy 0 ends with step 2 and copy 1 with step 3
    changed = [not np.array_equal(a, b) for a, b in pairwise(parameters)]
    assert changed == [False, True, True, False]
    assert [len(part.rewards) for part in algorithm.unfinished.parts] == [2, 1]


def test_without_a_baseline_a_truncated_episode_promises_nothing() -> None:
    env = Scripted()
    returns = {}
    for baseline in (True, False):
        config = ReinforceConfig(n_steps=3, baseline=baseline, gamma=1.0)
        algorithm = Reinforce(config, env.single_observation_space, spaces.Discrete(2), seed=0)
        with algorithm.experience(Scripted()) as collector:
            algorithm.unfinished.begin(collector.resumed)
            episodes = algorithm.unfinished.finish(collector.collect(algorithm.rng, 0))
        promise = float(algorithm.model.values(np.float32([[7, 7]]))[0])
        returns[baseline] = [float(one.returns(1.0)[0]) for one in episodes]
        assert returns[baseline] == pytest.approx([10 + 20, 11 + 21 + 31 + promise])
    assert returns[False] == [30, 63]
    assert returns[True][1] != 63


@pytest.mark.slow
def test_the_suite_notices_that_nothing_is_promised_without_a_baseline() -> None:
    subject = Subject("reinforce", {"baseline": False})
    with pytest.raises(ConformanceFailure, match="the agent leaves"):
        CHECKS["bootstraps_at_truncation"].function(subject)
    CHECKS["stops_at_termination"].function(subject)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["baseline", "reward_to_go", "normalize_advantage"])
@pytest.mark.parametrize("check", ["learns_discrete_actions", "learns_box_actions"])
def test_each_ingredient_can_be_left_out(change: str, check: str) -> None:
    CHECKS[check].function(Subject("reinforce", {change: False}))


@pytest.mark.parametrize("check", ["exact_resume", "state_round_trip",
                                   "resume_with_fresh_episodes"])  # fmt: skip
def test_episodes_under_way_are_resumed(check: str) -> None:
    changes = {"n_steps": 3, "reward_to_go": False, "normalize": {"norm_obs": True}}
    CHECKS[check].function(Subject("reinforce", changes))


def test_a_training_that_diverges_stops_and_names_the_step() -> None:
    algorithm = make(normalize_advantage=False)
    data = batch()
    data.returns[3] = np.inf
    algorithm.steps = 4321
    before = algorithm.model.parameters.copy()
    with pytest.raises(ZooError, match=r"diverged at step 4,321: .* (nan|inf), after"):
        algorithm._improve(data, V, 0.01)
    assert np.array_equal(algorithm.model.parameters, before)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", [True, False])
def test_it_learns_cartpole(baseline: bool) -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 4, seed=0)
    config = ReinforceConfig(
        n_steps=256, learning_rate=0.01, vf_learning_rate=0.005, n_critic_updates=40,
        baseline=baseline,
    )  # fmt: skip
    algorithm = Reinforce(config, env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 80_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:50]) < 50
    # without a baseline it falls and recovers: what it reaches counts, not where the time is up
    assert np.convolve(returns, np.ones(50) / 50, "valid").max() > 350
