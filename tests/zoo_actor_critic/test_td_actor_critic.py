"""Both boxes of Sutton & Barto's page 332 against the books' lines in torch, and what is learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from zoo.environments.make import make_vector
from zoo.testing import check_algorithm
from zoo_actor_critic.td_actor_critic import TDActorCritic, TDActorCriticConfig, td_errors
from zoo_torch.rollout import Rollout

STEPS = 5
ALPHA_THETA, ALPHA_W, GAMMA = 1e-3, 2e-3, 0.9


def learner(env: Any, seed: int = 0, **config: Any) -> TDActorCritic:
    spaces_ = env.single_observation_space, env.single_action_space
    return TDActorCritic(TDActorCriticConfig(**config), *spaces_, seed=seed)


def networks(algorithm: TDActorCritic) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return the policy and the value function as torch modules, copied."""
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


def by_the_book(
    policy: torch.nn.Module, value: torch.nn.Module, actions: list[np.ndarray],
    lambda_theta: float, lambda_w: float, with_I: bool,
) -> None:  # fmt: skip
    """Run the second box in each copy of `Scripted`, and take the mean of both updates."""
    theta, w = list(policy.parameters()), list(value.parameters())
    z_theta = [[torch.zeros_like(p) for p in theta] for _ in range(2)]
    z_w = [[torch.zeros_like(p) for p in w] for _ in range(2)]
    discount = [1.0, 1.0]  # I
    env = Scripted()
    S, _ = env.reset()
    for A in actions:
        S_next, R, terminated, truncated, infos = env.step(A)
        changes_theta = [torch.zeros_like(p) for p in theta]
        changes_w = [torch.zeros_like(p) for p in w]
        for i in range(2):
            ends = terminated[i] or truncated[i]
            seen = infos["final_obs"][i] if ends else S_next[i]
            v = value(torch.tensor(S[i]))[0]
            v_next = 0.0 if terminated[i] else value(torch.tensor(seen)).item()
            delta = R[i] + GAMMA * v_next - v.item()
            grad_v = torch.autograd.grad(v, w)
            log_pi = torch.log_softmax(policy(torch.tensor(S[i])), 0)[int(A[i])]
            grad_log_pi = torch.autograd.grad(log_pi, theta)
            for k, g in enumerate(grad_v):
                z_w[i][k] = GAMMA * lambda_w * z_w[i][k] + g
                changes_w[k] += ALPHA_W * delta * z_w[i][k] / 2
            for k, g in enumerate(grad_log_pi):
                z_theta[i][k] = GAMMA * lambda_theta * z_theta[i][k] + discount[i] * g
                changes_theta[k] += ALPHA_THETA * delta * z_theta[i][k] / 2
            discount[i] *= GAMMA if with_I else 1.0
            if ends:
                discount[i] = 1.0
                z_theta[i] = [torch.zeros_like(p) for p in theta]
                z_w[i] = [torch.zeros_like(p) for p in w]
        with torch.no_grad():
            for p, change in zip([*theta, *w], [*changes_theta, *changes_w], strict=True):
                p.add_(change)
        S = S_next


@pytest.mark.parametrize("with_I", [False, True])
@pytest.mark.parametrize("decays", [(0.0, 0.0), (0.8, 0.6), (0.0, 0.9)])
def test_it_does_what_the_book_s_boxes_do(decays: tuple[float, float], with_I: bool) -> None:
    env = Scripted()
    algorithm = learner(
        env, gamma=GAMMA, optimizer="sgd", learning_rate=ALPHA_THETA, vf_learning_rate=ALPHA_W,
        trace_decay=decays[0], vf_trace_decay=decays[1], discount_steps=with_I,
        policy_kwargs={"net_arch": [6]},
    )  # fmt: skip
    policy, value = networks(algorithm)
    before = algorithm.model.parameters.copy()
    assert [one.steps for one in algorithm.train(env, 2 * STEPS)] == [2 * STEPS]
    by_the_book(policy, value, env.actions, *decays, with_I)
    for mine, theirs in zip(networks(algorithm), (policy, value), strict=True):
        for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert p.detach().numpy() == pytest.approx(q.detach().numpy(), rel=1e-4, abs=1e-5)
    assert np.abs(algorithm.model.parameters - before).max() > 0.01


def test_the_td_error_ends_with_the_episode() -> None:
    step = Rollout(
        np.zeros((2, 1), np.float32), np.zeros(2, np.int64), np.float32([[1, 2]]),
        np.array([[False, True]]), np.float32([[3, 4]]), np.float32([10, 20]),
    )  # fmt: skip
    assert td_errors(step, 0.5).tolist() == [1 + 0.5 * 10 - 3, 2 - 4]


def test_traces_and_the_discount_end_with_their_own_copy_s_episode() -> None:
    env = Scripted()
    algorithm = learner(env, gamma=0.5, trace_decay=0.5, vf_trace_decay=0.5, discount_steps=True)
    list(algorithm.train(env, 4))  # two steps, with the second of which copy 0 terminates
    assert algorithm.I.tolist() == [1.0, 0.25]
    assert not algorithm.z_theta[0].any()
    assert not algorithm.z_w[0].any()
    assert algorithm.z_theta[1].any()
    assert algorithm.z_w[1].any()


def test_a_training_that_starts_over_forgets_traces_and_discount() -> None:
    env = Scripted()
    algorithm = learner(env, gamma=0.5, trace_decay=0.5, discount_steps=True)
    list(algorithm.train(env, 2))
    assert algorithm.I.tolist() == [0.5, 0.5]
    algorithm._begin(np.array([True, False]))
    assert algorithm.I.tolist() == [0.5, 1.0]
    assert algorithm.z_theta[0].any()
    assert not algorithm.z_theta[1].any()


def test_divergence_is_one_line() -> None:
    env = Scripted()
    algorithm = learner(env, optimizer="sgd", vf_learning_rate=1e30)
    with pytest.raises(zoo.ZooError, match="training diverged at step"):
        list(algorithm.train(env, 20))


def test_a_reward_that_is_not_a_number_is_one_line() -> None:
    env = Scripted(("reward", 2, np.nan))
    with pytest.raises(zoo.ZooError, match="nan in the reward of copy 1 of the environment at"):
        list(learner(env).train(env, 20))


def test_spaces_without_a_policy_are_refused() -> None:
    with pytest.raises(zoo.ZooError, match="there is no policy over"):
        TDActorCritic(TDActorCriticConfig(), spaces.Box(-1, 1, (2,)), spaces.Text(3), seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    {"trace_decay": 0.5, "vf_trace_decay": 0.5, "discount_steps": True},
    {"normalize": {"norm_obs": False}, "vf_trace_decay": 0.9},
    {"optimizer": "sgd", "learning_rate": 0.03, "vf_learning_rate": 0.03},
])  # fmt: skip
def test_it_conforms_with_its_options(config: dict[str, Any]) -> None:
    assert check_algorithm("td-actor-critic", config=config, steps=16_384).ok


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_learns_cartpole(seed: int) -> None:
    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 8, seed=seed)
    algorithm = learner(env, seed)
    for _ in algorithm.train(env, 100_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:50]) < 50
    assert np.mean(returns[-20:]) > 400
