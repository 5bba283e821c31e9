"""A3C's gradient by hand and in torch, its agent, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zoo
from tests.zoo_actor_critic.asynchronously import cartpole, learner
from tests.zoo_torch.scripted import Scripted
from zoo_actor_critic.a3c import A3CConfig, a3c_slopes, returns
from zoo_torch.actor_learners import Turns

GAMMA, ETA = 0.9, 0.01


def test_returns_are_discounted_sums_that_end_in_what_follows() -> None:
    assert returns(np.float32([1, 2, 3]), 8.0, 0.5).tolist() == [1 + 0.5 * 5.5, 5.5, 7.0]


def test_the_slopes_worked_out_by_hand() -> None:
    # of sum(c (R - V)^2 - (R - V) log pi - b H)
    found = a3c_slopes(
        np.float32([0.5, 5]), np.float32([1, 3]), A3CConfig(vf_coef=0.3, ent_coef=0.1)
    )
    assert found.log_prob == pytest.approx([-0.5, 2.0])
    assert found.values == pytest.approx([-0.3, 1.2])
    assert found.entropy == pytest.approx(-0.1)


class Thread:
    """Algorithm S3 in torch, one pass after the other, on flat vectors."""

    def __init__(self, theta: torch.Tensor, units: int, config: A3CConfig) -> None:
        self.units, self.config = units, config
        self.begin(theta, 0)

    def begin(self, theta: torch.Tensor, most: int) -> None:
        self.theta, self.most = theta.clone().requires_grad_(), most
        self.steps: list[tuple[np.ndarray, int, float]] = []

    def networks(self, s: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits and the value of one state."""
        start, outputs = 0, []
        for last in (2, 1):
            h = torch.tensor(s)
            for inputs, units in ((2, self.units), (self.units, last)):
                W = self.theta[start : start + inputs * units].view(inputs, units)
                start += inputs * units
                h = h @ W + self.theta[start : start + units]
                start += units
                h = torch.tanh(h) if units == self.units else h
            outputs.append(h)
        return outputs[0], outputs[1][0]

    def d_theta(self, last: np.ndarray, terminated: bool) -> torch.Tensor:
        R = 0.0 if terminated else self.networks(last)[1].item()
        total = torch.zeros_like(self.theta)
        for s, a, r in reversed(self.steps):
            R = r + GAMMA * R
            logits, V = self.networks(s)
            pi = torch.distributions.Categorical(logits=logits)
            gain = pi.log_prob(torch.tensor(a)) * (R - V.item())
            gain = gain + self.config.ent_coef * pi.entropy()
            loss = self.config.vf_coef * (R - V) ** 2 - gain
            total += torch.autograd.grad(loss, self.theta)[0]
        return total


def in_torch(
    theta: torch.Tensor, firsts: list[int], actions: list[np.ndarray], config: A3CConfig
) -> torch.Tensor:
    """Return theta after these steps of `Scripted`, with two threads."""
    threads = [Thread(theta, 5, config) for _ in range(2)]
    for thread, most in zip(threads, firsts, strict=True):
        thread.begin(theta, most)
    g, env = torch.zeros_like(theta), Scripted()
    states, _ = env.reset()
    for chosen in actions:
        following, rewards, terminated, truncated, infos = env.step(chosen)
        for i, thread in enumerate(threads):
            thread.steps.append((states[i], int(chosen[i]), float(rewards[i])))
            done = terminated[i] or truncated[i]
            if not done and len(thread.steps) < thread.most:
                continue
            last = infos["final_obs"][i] if truncated[i] else following[i]
            d = thread.d_theta(last, bool(terminated[i]))
            d = d * min(config.max_grad_norm / float(d.norm()), 1.0)
            g = config.rms_prop_alpha * g + (1 - config.rms_prop_alpha) * d**2
            theta = theta - ETA * d / torch.sqrt(g + config.rms_prop_eps)
            thread.begin(theta, config.n_steps)
        states = following
    return theta


@pytest.mark.parametrize("n_steps", [1, 3])
def test_it_does_what_algorithm_s3_does(n_steps: int) -> None:
    env = Scripted()
    algorithm = learner(
        env, n_steps=n_steps, gamma=GAMMA, learning_rate=zoo.Schedule("constant", ETA),
        rms_prop_eps=0.01, policy_kwargs={"net_arch": [5]}, max_grad_norm=3.0, ent_coef=0.1,
    )  # fmt: skip
    theta = torch.tensor(algorithm.shared["theta"])
    turns = Turns(algorithm, env, algorithm._learners_for(range(2)))
    firsts = [one._most for one in turns.learners]
    for _ in range(9):
        turns.step(1000)
    expected = in_torch(theta, firsts, env.actions, algorithm.config).numpy()
    found = algorithm.shared["theta"]
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert np.abs(found - theta.numpy()).max() > 0.02
    assert algorithm.shared["counts"][0, 2] > 9 / n_steps


def test_the_agent_is_theta_s_and_does_not_change_with_it() -> None:
    env = cartpole(2)
    algorithm = learner(env)
    list(algorithm.train(env, 200))
    agent = algorithm.agent()
    weights = {name: array.copy() for name, array in agent.tensors().items()}
    theta = algorithm.shared["theta"]
    assert weights["layers.0.weight"].T.ravel()[:9].tolist() == theta[:9].tolist()
    list(algorithm.train(env, 400))
    assert all(np.array_equal(agent.tensors()[name], weights[name]) for name in weights)
    assert not np.array_equal(algorithm.agent().tensors()["layers.0.weight"],
                              weights["layers.0.weight"])  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "seed"), [(0, 0), (0, 1), (0, 2), (2, 0)])
def test_it_learns_cartpole(processes: int, seed: int) -> None:
    env = cartpole(8, seed)
    algorithm = learner(
        env, seed, processes=processes, n_steps=20, ent_coef=0.0,
        learning_rate=zoo.Schedule.parse("lin_2e-3"),
    )  # fmt: skip
    for _ in algorithm.train(env, 150_000):
        pass
    returns_ = [total for total, _ in env.take_episodes()]
    means = np.convolve(returns_, np.full(20, 1 / 20), "valid")
    assert means[0] < 60
    assert means.max() > 400
