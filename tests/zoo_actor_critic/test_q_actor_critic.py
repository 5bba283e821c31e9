"""QAC against its lines in torch, what the baseline does to its gradient, and what is learnt."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from zoo.environments.make import make_vector
from zoo.testing import check_algorithm
from zoo_actor_critic.q_actor_critic import QActorCritic, QActorCriticConfig

STEPS = 6
ALPHA, BETA, GAMMA = 1e-3, 2e-3, 0.9


def learner(env: Any, seed: int = 0, **config: Any) -> QActorCritic:
    spaces_ = env.single_observation_space, env.single_action_space
    return QActorCritic(QActorCriticConfig(**config), *spaces_, seed=seed)


def networks(algorithm: QActorCritic) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return the policy and the critic as torch modules, copied."""
    found = []
    for mine in (algorithm.model.policy, algorithm.model.value):
        layers: list[torch.nn.Module] = []
        for weight, bias in mine.parameters:
            layer = torch.nn.Linear(*weight.shape)
            layer.weight.data = torch.tensor(weight.T.copy())
            layer.bias.data = torch.tensor(bias.copy())
            layers += [layer, torch.nn.Tanh()]
        found.append(torch.nn.Sequential(*layers[:-1]))
    return found[0], found[1]


def by_the_lecture(
    policy: torch.nn.Module, critic: torch.nn.Module, actions: list[np.ndarray],
    *, expected: bool, baseline: bool,
) -> None:  # fmt: skip
    """Run QAC in each copy of `Scripted`, and take the mean of both updates."""
    env = Scripted()
    s, _ = env.reset()
    theta, w = list(policy.parameters()), list(critic.parameters())
    older = policy, critic
    for a, a_next in pairwise(actions):
        s_next, r, terminated, truncated, infos = env.step(a)
        losses = []
        earlier, older = older, deepcopy((policy, critic))
        for i in range(2):
            pi = torch.softmax(policy(torch.tensor(s[i])), 0)
            Q = critic(torch.tensor(s[i]))
            if truncated[i]:  # valued when it is seen, which is before the last update
                seen, (pi_next, Q_next) = torch.tensor(infos["final_obs"][i]), earlier
            else:
                seen, (pi_next, Q_next) = torch.tensor(s_next[i]), (policy, critic)
            values = Q_next(seen).detach()
            mean = (torch.softmax(pi_next(seen), 0) * values).sum().item()
            # no action was taken in the last state of a truncated episode
            follows = mean if expected or truncated[i] else values[int(a_next[i])].item()
            y = r[i] + GAMMA * (0.0 if terminated[i] else follows)
            worth = Q[int(a[i])].detach()
            if baseline:
                worth = worth - (pi * Q).sum().detach()
            losses.append(-ALPHA * torch.log(pi[int(a[i])]) * worth / 2)
            losses.append(BETA * (y - Q[int(a[i])]) ** 2 / 2 / 2)
        gradients = torch.autograd.grad(sum(losses), [*theta, *w])
        with torch.no_grad():
            for p, g in zip([*theta, *w], gradients, strict=True):
                p.sub_(g)
        s = s_next


@pytest.mark.parametrize("baseline", [False, True])
@pytest.mark.parametrize("target", ["sarsa", "expected"])
def test_it_does_what_the_lecture_s_lines_do(target: str, baseline: bool) -> None:
    env = Scripted()
    algorithm = learner(
        env, gamma=GAMMA, optimizer="sgd", learning_rate=ALPHA, vf_learning_rate=BETA,
        target=target, baseline=baseline, policy_kwargs={"net_arch": [6]},
    )  # fmt: skip
    policy, critic = networks(algorithm)
    before = algorithm.model.parameters.copy()
    assert [one.steps for one in algorithm.train(env, 2 * STEPS)] == [2 * STEPS]
    by_the_lecture(policy, critic, env.actions, expected=target == "expected", baseline=baseline)
    for mine, theirs in zip(networks(algorithm), (policy, critic), strict=True):
        for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert p.detach().numpy() == pytest.approx(q.detach().numpy(), rel=1e-4, abs=1e-5)
    assert np.abs(algorithm.model.parameters - before).max() > 0.01


def gradients(algorithm: QActorCritic, *, baseline: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the policy's gradient in one state, exactly, over its actions,
    where the critic says 10 and 11."""
    row = np.ones((1, 2), np.float32)
    pi = algorithm.model.distributions(row)
    Q = np.float32([10, 11])
    worth = Q - pi.p[0] @ Q if baseline else Q
    each = []
    for action in range(2):
        pi = algorithm.model.distributions(row)
        algorithm.model.backward_policy(*pi.gradient(np.array([action]), worth[[action]], 0.0))
        each.append(algorithm.model.gradient.astype(np.float64))
    mean = pi.p[0] @ np.stack(each)
    return mean, pi.p[0] @ np.square(np.stack(each) - mean)


def test_the_baseline_keeps_the_gradient_s_mean_and_takes_its_variance() -> None:
    algorithm = learner(Scripted())
    (mean, variance), (mean_too, less) = (gradients(algorithm, baseline=b) for b in (False, True))
    assert mean_too == pytest.approx(mean, abs=1e-6)
    assert np.abs(mean).max() > 0.01
    assert less.sum() < 0.01 * variance.sum()


def test_the_last_step_waits_for_the_next_action_in_the_state() -> None:
    env = Scripted()
    algorithm = learner(env)
    list(algorithm.train(env, 2))
    assert algorithm.updates == 0
    assert [array.tolist() for array in algorithm.state()["last"]] == [
        [[0, 0], [0, 1]], env.actions[0].tolist(), [10, 11], [False, False]
    ]  # fmt: skip


class Resumed(Scripted):
    """Goes on with the episodes of some copies."""

    def __init__(self, *copies: bool) -> None:
        super().__init__()
        self.copies = np.array(copies)

    def reset(self) -> tuple[np.ndarray, dict[str, Any]]:
        observations, _ = super().reset()
        return observations, {"resumed": self.copies}


@pytest.mark.parametrize(
    ("copies", "updates"), [((True, True), 2), ((True, False), 0), ((False, False), 0)]
)
def test_what_waits_is_dropped_where_episodes_start_afresh(
    copies: tuple[bool, bool], updates: int
) -> None:
    algorithm = learner(Scripted())
    list(algorithm.train(Scripted(), 2))
    list(algorithm.train(Resumed(*copies), 4))
    assert algorithm.updates == updates  # of the policy and of the critic


def test_other_actions_are_refused() -> None:
    with pytest.raises(zoo.ZooError, match="needs Discrete actions, not Box"):
        QActorCritic(QActorCriticConfig(), *[spaces.Box(-1, 1, (2,))] * 2, seed=0)


def test_divergence_is_one_line() -> None:
    env = Scripted()
    algorithm = learner(env, optimizer="sgd", vf_learning_rate=1e30)
    with pytest.raises(zoo.ZooError, match="training diverged at step"):
        list(algorithm.train(env, 20))


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    {"target": "expected"},
    {"baseline": False, "normalize": {"norm_obs": False}},
    {"optimizer": "sgd", "learning_rate": 0.03, "vf_learning_rate": 0.03},
])  # fmt: skip
def test_it_conforms_with_its_options(config: dict[str, Any]) -> None:
    assert check_algorithm("q-actor-critic", config=config, steps=16_384).ok


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_learns_cartpole_the_better_for_a_baseline(seed: int) -> None:
    late = {}
    for baseline in (False, True):
        env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 8, seed=seed)
        algorithm = learner(env, seed, baseline=baseline)
        for _ in algorithm.train(env, 100_000):
            pass
        returns = [total for total, _ in env.take_episodes()]
        assert np.mean(returns[:50]) < 50
        late[baseline] = np.mean(returns[-20:])
    assert late[False] > 150
    assert late[True] > max(400, late[False])
