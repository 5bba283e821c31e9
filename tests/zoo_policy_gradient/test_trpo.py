"""TRPO's step against one made of dense matrices, its trust region, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from zoo import ZooError
from zoo_policy_gradient.trpo import TRPO, Surrogate, TRPOConfig
from zoo_torch.rollout import Shuffle

BOX = spaces.Box(-1, 1, (3,), np.float32)


def make(space: spaces.Space = spaces.Discrete(2), **config) -> TRPO:  # noqa: B008 - immutable
    settings = {"policy_kwargs": {"net_arch": [4]}, **config}
    return TRPO(TRPOConfig(**settings), BOX, space, seed=0)


def samples(algorithm: TRPO, n: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((n, 3)).astype(np.float32)
    model = algorithm.model
    outputs, family = model.policy.forward(rows), model.family
    actions = family.draw(outputs, model.log_std, family.noise(rng, 1, n)[0])
    advantages, returns = rng.standard_normal((2, n)).astype(np.float32)
    return {"rows": rows, "actions": actions, "advantages": advantages, "returns": returns}


def policy_of(algorithm: TRPO) -> np.ndarray:
    """Return the parameters of the policy, in the order of the flat vector."""
    algorithm.model.backward_value(np.ones(len(algorithm.model.values(np.ones((5, 3), "f"))), "f"))
    return np.flatnonzero(algorithm.model.gradient == 0)


def dense(algorithm: TRPO, data: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return g and the Fisher matrix of a Discrete policy as the mean of the outer products of
    d log pi weighted by pi: its definition, not the Hessian of the divergence."""
    w1, b1, w2, b2 = leaves = [
        torch.tensor(one, requires_grad=True)
        for pair in algorithm.model.policy.parameters
        for one in pair
    ]
    log_p = (torch.tanh(torch.tensor(data["rows"]) @ w1 + b1) @ w2 + b2).log_softmax(1)

    def slope(scalar: torch.Tensor) -> np.ndarray:
        found = torch.autograd.grad(scalar, leaves, retain_graph=True)
        return np.concatenate([one.numpy().ravel() for one in found]).astype(np.float64)

    n, A = len(log_p), data["advantages"]
    A = (A - A.mean()) / A.std(ddof=1)
    chosen = log_p.gather(1, torch.tensor(data["actions"])[:, None])[:, 0]
    F = sum(
        float(log_p[i, a].detach().exp()) * np.outer(s := slope(log_p[i, a]), s) / n
        for i in range(n)
        for a in range(2)
    )
    return slope((chosen * torch.tensor(A)).mean()), F


def test_the_step_is_the_natural_gradient_s_of_the_length_that_delta_allows() -> None:
    algorithm = make(cg_max_steps=60, cg_damping=0.01, target_kl=1e-4)
    data, own = samples(algorithm), policy_of(algorithm)
    g, F = dense(algorithm, data)
    F += 0.01 * np.eye(len(g))
    s = np.linalg.solve(F, g)
    expected = np.sqrt(2 * 1e-4 / (s @ F @ s)) * s
    before = algorithm.model.parameters.copy()
    found = algorithm._improve(data)
    step = algorithm.model.parameters - before
    shrunk = 0.8 ** (found["train/line_search"] - 1)
    assert step[own] == pytest.approx(shrunk * expected, rel=0.02, abs=2e-5)
    assert np.abs(step[own]).max() > 1e-3
    assert np.count_nonzero(np.delete(step, own)) == 0  # the value function stays


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.MultiDiscrete([2, 3]),
                                   spaces.MultiBinary(2), spaces.Box(-1, 1, (2,))])  # fmt: skip
def test_an_update_improves_the_surrogate_within_the_trust_region(space: spaces.Space) -> None:
    algorithm = make(space, target_kl=0.02, cg_damping=1e-3)
    data = samples(algorithm, 200)
    problem = Surrogate(algorithm.model, data, algorithm.config)
    L_old, at_rest = problem.measure()
    found = algorithm._improve(data)
    L, kl = problem.measure()
    assert at_rest == pytest.approx(0, abs=1e-6)
    assert L_old + 0.01 < L
    assert 0.005 < kl < 0.02
    assert found["train/kl"] == pytest.approx(kl)
    assert found["train/line_search"] >= 1


def test_a_step_that_is_never_right_is_taken_back() -> None:
    algorithm = make(line_search_max_iter=4)
    data = samples(algorithm)
    problem = Surrogate(algorithm.model, data, algorithm.config)
    before = algorithm.model.parameters.copy()
    downhill = -problem.g
    assert algorithm._line_search(problem, downhill) == (0.0, 0.0)
    assert np.array_equal(algorithm.model.parameters, before)
    assert algorithm._line_search(problem, np.float32(-1e30) * downhill) == (0.0, 0.0)
    assert np.array_equal(algorithm.model.parameters, before)


def test_a_step_that_is_too_long_is_shortened() -> None:
    algorithm = make(target_kl=0.01, line_search_shrinking_factor=0.5)
    data = samples(algorithm)
    problem = Surrogate(algorithm.model, data, algorithm.config)
    uphill = problem.g.copy()
    uphill *= np.float32(np.sqrt(2 * 0.01 / (uphill @ problem.fisher(uphill))))
    before = algorithm.model.parameters.copy()
    kl, tries = algorithm._line_search(problem, 3 * uphill)
    assert tries == 3  # 3 and 1.5 are too far, 0.75 is not
    assert kl < 0.01
    assert algorithm.model.parameters - before == pytest.approx(0.75 * uphill, rel=1e-3, abs=1e-6)


def test_advantages_that_are_all_alike_move_nothing() -> None:
    algorithm = make()
    data = samples(algorithm)
    data["advantages"][:] = 3
    before = algorithm.model.parameters.copy()
    assert algorithm._improve(data)["train/line_search"] == 0
    assert np.array_equal(algorithm.model.parameters, before)


def test_sub_sampling_takes_every_so_manieth_sample() -> None:
    algorithm = make(sub_sampling_factor=3)
    data = samples(algorithm)
    problem = Surrogate(algorithm.model, data, algorithm.config)
    assert np.array_equal(problem.rows, data["rows"][::3])
    assert np.array_equal(problem.actions, data["actions"][::3])
    assert problem.rows.flags.c_contiguous


def test_the_value_function_is_fitted_as_torch_s_own_adam_would() -> None:
    algorithm = make(batch_size=16, n_critic_updates=3)
    data = samples(algorithm)
    lessons = {name: data[name] for name in ("rows", "returns")}
    layers, before = algorithm.model.value.parameters, algorithm.model.parameters.copy()
    own = policy_of(algorithm)
    w1, b1, w2, b2 = leaves = [torch.tensor(o, requires_grad=True) for pair in layers for o in pair]
    optimizer = torch.optim.Adam(leaves, lr=0.01, eps=1e-5)
    rng = np.random.default_rng()
    rng.bit_generator.state = algorithm.rng.bit_generator.state
    algorithm._fit(lessons, Shuffle(lessons, 16), 0.01)
    for _ in range(3):
        order = rng.permutation(40)
        for start in (0, 16, 32):
            part = order[start : start + 16]
            V = (torch.tanh(torch.tensor(data["rows"][part]) @ w1 + b1) @ w2 + b2)[:, 0]
            optimizer.zero_grad()
            (V - torch.tensor(data["returns"][part])).square().mean().backward()
            optimizer.step()
    found = np.concatenate([one.ravel() for pair in layers for one in pair])
    expected = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert np.array_equal(algorithm.model.parameters[own], before[own])  # the policy stays


def test_a_training_that_diverges_stops_and_names_the_step() -> None:
    algorithm = make()
    data = samples(algorithm)
    data["advantages"][3] = np.inf
    algorithm.steps = 4321
    before = algorithm.model.parameters.copy()
    with (
        pytest.raises(ZooError, match=r"diverged at step 4,321: .* (nan|inf), after"),
        np.errstate(invalid="ignore"),
    ):
        algorithm._improve(data)
    assert np.array_equal(algorithm.model.parameters, before)


@pytest.mark.slow
def test_it_solves_cartpole() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 2, seed=0)
    config = TRPOConfig(
        n_steps=512, batch_size=512, cg_damping=1e-3, gae_lambda=0.98, n_critic_updates=20
    )
    algorithm = TRPO(config, env.single_observation_space, env.single_action_space, seed=0)
    progress = list(algorithm.train(env, 80_000))
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[-20:]) > 400
    assert all(one.metrics["train/kl"] < 0.01 for one in progress)
    assert np.mean([one.metrics["train/line_search"] > 0 for one in progress]) > 0.9
