"""Asynchronous Q-learning against algorithm 1 in torch: its targets, its target network, and how
actor-learners explore."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from zoo.config.schema import validate
from zoo.environments.make import make_evaluation, make_vector
from zoo_dqn.async_q import AsyncQ, AsyncQConfig
from zoo_torch.actor_learners import Segment, Turns

GAMMA, ETA = 0.9, 0.01
CONSTANT = zoo.Schedule("constant", ETA)


def learner(env: Any, seed: int = 0, **config: Any) -> AsyncQ:
    config = validate(AsyncQConfig, {"processes": 0} | config)
    return AsyncQ(config, env.single_observation_space, env.single_action_space, seed=seed)


def values(theta: torch.Tensor, s: np.ndarray, units: int = 5) -> torch.Tensor:
    """Return Q(s, .; theta) of a network with one hidden layer, from its flat parameters."""
    W, rest = theta[: 2 * units].view(2, units), theta[2 * units :]
    h = torch.relu(torch.tensor(s) @ W + rest[:units])
    return h @ rest[units : 3 * units].view(units, 2) + rest[3 * units :]


def in_torch(
    theta: torch.Tensor, firsts: list[int], actions: list[np.ndarray], config: AsyncQConfig
) -> torch.Tensor:
    """Return theta after these steps of `Scripted`, with two threads of algorithm 1."""
    target, g, T = theta.clone(), torch.zeros_like(theta), 0
    own, due, segments = [theta.clone(), theta.clone()], list(firsts), [[], []]
    env = Scripted()
    states, _ = env.reset()
    for chosen in actions:
        following, rewards, terminated, truncated, infos = env.step(chosen)
        T += 2
        for i in range(2):
            seen = infos["final_obs"][i] if truncated[i] else following[i]
            segments[i].append((states[i], int(chosen[i]), rewards[i], seen, terminated[i]))
            done = terminated[i] or truncated[i]
            if not done and len(segments[i]) < due[i]:
                continue
            theta_ = own[i].requires_grad_()
            loss = torch.zeros(())
            for s, a, r, s_next, terminal in segments[i]:
                y = r + (0.0 if terminal else GAMMA * values(target, s_next).max().item())
                loss = loss + (y - values(theta_, s)[a]) ** 2
            d = torch.autograd.grad(loss, theta_)[0]
            d = d * min(config.max_grad_norm / float(d.norm()), 1.0)
            g = config.rms_prop_alpha * g + (1 - config.rms_prop_alpha) * d**2
            theta = theta - ETA * d / torch.sqrt(g + config.rms_prop_eps)
            own[i], due[i], segments[i] = theta.clone(), config.n_steps, []
        if T % config.target_update_interval == 0:
            target = theta.clone()
        states = following
    return theta


@pytest.mark.parametrize(("n_steps", "interval"), [(1, 4), (3, 6), (3, 1000)])
def test_it_does_what_algorithm_1_does(n_steps: int, interval: int) -> None:
    env = Scripted()
    algorithm = learner(
        env, n_steps=n_steps, gamma=GAMMA, learning_rate=ETA, rms_prop_eps=0.01,
        policy_kwargs={"net_arch": [5]}, max_grad_norm=3.0, target_update_interval=interval,
    )  # fmt: skip
    theta = torch.tensor(algorithm.shared["theta"])
    turns = Turns(algorithm, env, algorithm._learners_for(range(2)))
    firsts = [one._most for one in turns.learners]
    for _ in range(9):
        turns.step(1000)
    found = algorithm.shared["theta"]
    expected = in_torch(theta, firsts, env.actions, algorithm.config).numpy()
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert np.abs(found - theta.numpy()).max() > 0.02


def test_theta_minus_follows_when_all_together_have_done_another_interval() -> None:
    algorithm = learner(Scripted(), target_update_interval=100)
    shared = algorithm.shared
    shared["theta"] += 1
    algorithm.stepped(98)
    assert not np.array_equal(shared["theta-"], shared["theta"])
    algorithm.stepped(102)  # 100 was passed between two steps
    assert np.array_equal(shared["theta-"], shared["theta"])
    shared["theta"] += 1
    algorithm.stepped(198)
    assert not np.array_equal(shared["theta-"], shared["theta"])
    assert np.array_equal(algorithm.target().parameters, shared["theta-"])


def test_epsilon_falls_from_1_to_what_was_drawn() -> None:
    config = AsyncQConfig(exploration_fraction=0.2)
    found = [config.epsilon(0.5, remaining) for remaining in (1.0, 0.9, 0.8, 0.3, 0.0)]
    assert found == pytest.approx([1.0, 0.75, 0.5, 0.5, 0.5])
    assert config.epsilon(0.01, 0.5) == pytest.approx(0.01)


def test_the_last_epsilon_is_drawn_for_each_episode_as_the_paper_has_it() -> None:
    one = learner(Scripted()).make_learner(np.random.default_rng(0))
    finals = []
    for _ in range(3000):
        one.begin_episode()
        finals.append(one.final)
    shares = [finals.count(epsilon) / 3000 for epsilon in (0.1, 0.01, 0.5)]
    assert shares == pytest.approx([0.4, 0.3, 0.3], abs=0.03)


def test_actions_are_random_as_often_as_epsilon_says() -> None:
    env = Scripted()
    one = learner(env).make_learner(np.random.default_rng(0))
    row = np.ones((1, 2), np.float32)
    greedy = int(one.Q.infer(row).argmax())
    one.final = 0.5
    chosen = [int(one.act(row, 0.0)[0]) for _ in range(2000)]
    assert np.mean(np.array(chosen) == greedy) == pytest.approx(0.75, abs=0.03)
    one.final = 0.0
    assert {int(one.act(row, 0.0)[0]) for _ in range(50)} == {greedy}


def test_where_an_episode_terminates_nothing_follows() -> None:
    one = learner(Scripted(), gamma=0.5).make_learner(np.random.default_rng(0))
    rows = np.float32([[1, 2], [3, 4]])
    segment = Segment(rows, np.array([0, 1]), np.float32([10, 20]), rows[:1], True)
    assert one._worth(rows, segment)[-1] == 0
    assert one._worth(rows, segment._replace(terminated=False))[-1] != 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"exploration_probabilities": [0.5, 0.5]}, "are not one for each of"),
        ({"exploration_probabilities": [0.5, 0.5, 0.5]}, "with a sum of 1"),
        ({"exploration_final_eps": [0.1, 0.2, 3.0]}, "are not all from 0 to 1"),
    ],
)
def test_epsilons_that_are_none_are_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(zoo.ZooError, match=said):
        learner(Scripted(), **config)


def test_other_actions_are_refused() -> None:
    with pytest.raises(zoo.ZooError, match="need Discrete actions, not Box"):
        AsyncQ(AsyncQConfig(), *[spaces.Box(-1, 1, (2,))] * 2, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [0, 2])
def test_it_learns_cartpole_s_first_lesson(processes: int) -> None:
    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 16, seed=0)
    algorithm = learner(
        env, processes=processes, n_steps=20, gamma=0.98, learning_rate="lin_1e-3",
        target_update_interval=1000,
    )  # fmt: skip
    list(algorithm.train(env, 200_000))  # an all-round master takes a million
    judges = make_evaluation(zoo.EnvironmentConfig("CartPole-v1"), 10, seed=1)
    agent, total, alive = algorithm.agent(), np.zeros(10), np.ones(10, np.bool_)
    observations, _ = judges.reset()
    while alive.any():
        observations, rewards, terminated, truncated, _ = judges.step(agent.act(observations))
        total += rewards * alive
        alive &= ~(terminated | truncated)
    assert total.mean() > 100  # random actions come to 22
