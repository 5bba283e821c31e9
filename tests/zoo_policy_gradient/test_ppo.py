"""PPO's loss by hand, its update against one written plainly in torch, and what it learns."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from zoo import ZooError
from zoo_policy_gradient.ppo import PPO, Clip, PPOConfig, divergence, ppo_loss
from zoo_torch.distributions import Categorical
from zoo_torch.rollout import Shuffle

BOX = spaces.Box(-1, 1, (3,), np.float32)


def batch(**changes: Any) -> dict[str, torch.Tensor]:
    arrays = {
        "actions": [0, 1, 1, 0],
        "log_probs": np.log([0.5, 0.25, 0.8, 0.4]),
        "advantages": [1.0, -1.0, 2.0, -2.0],
        "returns": [1.0, 2.0, 3.0, 4.0],
        "values": [0.0, 2.5, 3.0, 3.0],
    }
    return {
        name: torch.tensor(value, dtype=torch.int64 if name == "actions" else torch.float32)
        for name, value in (arrays | changes).items()
    }


def loss(**config: Any) -> float:
    """Return the loss of four samples whose new probabilities are 0.75, 0.5, 0.4, 0.1."""
    p = torch.tensor([[0.75, 0.25], [0.5, 0.5], [0.6, 0.4], [0.1, 0.9]])
    V = torch.tensor([1.5, 2.0, 3.0, 3.2])
    settings = PPOConfig(normalize_advantage=False, vf_coef=0.0, **config) if "vf_coef" not in (
        config
    ) else PPOConfig(normalize_advantage=False, **config)  # fmt: skip
    vf = settings.clip_range_vf
    return float(
        ppo_loss(
            Categorical(p.log()), V, batch(), settings, Clip(0.2, None if vf is None else vf(1))
        )[0]
    )


def test_the_clipped_objective_worked_out_by_hand() -> None:
    # ratios 1.5, 2, 0.5, 0.25; min(r A, clip(r) A): 1.2 * 1, 2 * -1, 0.5 * 2, 0.8 * -2
    assert loss() == pytest.approx(-(1.2 - 2.0 + 1.0 - 1.6) / 4)


def test_the_value_s_loss_worked_out_by_hand() -> None:
    squares = [0.25, 0.0, 0.0, 0.64]
    assert loss(vf_coef=0.5) - loss() == pytest.approx(0.5 * sum(squares) / 4)
    # with a range of 0.1 the values are 0.1, 2.4, 3.0, 3.1
    clipped = [0.81, 0.16, 0.0, 0.81]
    assert loss(vf_coef=0.5, clip_range_vf=0.1) - loss() == pytest.approx(0.5 * sum(clipped) / 4)


def test_entropy_is_rewarded() -> None:
    p = np.array([0.75, 0.5, 0.6, 0.1])
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    assert loss() - loss(ent_coef=0.1) == pytest.approx(0.1 * entropy)


def test_a_shift_and_a_scale_of_the_advantages_change_nothing_when_normalised() -> None:
    pi, V = Categorical(torch.tensor([[1.0, 0.0]] * 4)), torch.zeros(4)
    config, clip = PPOConfig(), Clip(0.2, None)
    plain = ppo_loss(pi, V, batch(), config, clip)[0]
    moved = ppo_loss(pi, V, batch(advantages=[13.0, 7.0, 16.0, 4.0]), config, clip)[0]
    assert float(plain) == pytest.approx(float(moved), rel=1e-5)


def test_the_divergence_is_that_of_the_distributions() -> None:
    p, q = np.array([0.7, 0.3]), np.array([0.5, 0.5])
    counts = (p * 1000).astype(int)  # samples of p in exact proportion
    log_ratio = torch.tensor(np.repeat(np.log(q / p), counts))
    assert divergence(log_ratio) == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-6)


def samples(rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    floats = {
        name: rng.standard_normal(rows).astype(np.float32)
        for name in ("advantages", "returns", "values")
    }
    return {
        "rows": rng.standard_normal((rows, 3)).astype(np.float32),
        "actions": rng.integers(2, size=rows),
        "log_probs": np.full(rows, np.log(0.5), np.float32),
        **floats,
    }


def test_an_update_is_that_of_modules_autograd_and_torch_s_own_adam() -> None:
    config = PPOConfig(batch_size=5, n_epochs=3, ent_coef=0.01, policy_kwargs={"net_arch": [8]})
    algorithm = PPO(config, BOX, spaces.Discrete(2), seed=0)
    data = samples(12)  # the last minibatch has two
    layers = [*algorithm.model.policy.parameters, *algorithm.model.value.parameters]
    leaves = [torch.tensor(one, requires_grad=True) for pair in layers for one in pair]
    optimizer = torch.optim.Adam(leaves, lr=0.01, eps=1e-5)
    rng = np.random.default_rng()
    rng.bit_generator.state = algorithm.rng.bit_generator.state

    algorithm._optimize(data, Shuffle(data, 5), 0.01, Clip(0.2, None))
    for _ in range(3):
        order = rng.permutation(12)
        for start in (0, 5, 10):
            part = {k: torch.from_numpy(v[order[start : start + 5]]) for k, v in data.items()}
            w1, b1, w2, b2, u1, c1, u2, c2 = leaves
            logits = torch.tanh(part["rows"] @ w1 + b1) @ w2 + b2
            values = (torch.tanh(part["rows"] @ u1 + c1) @ u2 + c2)[:, 0]
            log_p = logits.log_softmax(1)
            A = part["advantages"]
            A = (A - A.mean()) / (A.std() + 1e-8)
            ratio = (log_p.gather(1, part["actions"][:, None])[:, 0] - part["log_probs"]).exp()
            objective = torch.min(ratio * A, ratio.clamp(0.8, 1.2) * A).mean()
            value_loss = (values - part["returns"]).square().mean()
            entropy = -(log_p.exp() * log_p).sum(1).mean()
            optimizer.zero_grad()
            (0.5 * value_loss - objective - 0.01 * entropy).backward()
            torch.nn.utils.clip_grad_norm_(leaves, 0.5)
            optimizer.step()
    expected = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
    assert algorithm.updates == 9
    assert algorithm.model.parameters == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_target_kl_stops_an_update_before_the_policy_moves_on() -> None:
    for target, updates in ((None, 40), (1e-4, 1)):
        config = PPOConfig(batch_size=12, n_epochs=40, target_kl=target)
        algorithm = PPO(config, BOX, spaces.Discrete(2), seed=0)
        algorithm._optimize(data := samples(12), Shuffle(data, 12), 0.01, Clip(0.2, None))
        assert (algorithm.updates > 5) is (target is None)
        assert algorithm.updates <= updates


def test_a_training_that_diverges_stops_and_names_the_step() -> None:
    algorithm = PPO(PPOConfig(n_steps=8), BOX, spaces.Discrete(2), seed=0)
    data = samples(12)
    data["returns"][3] = np.inf
    algorithm.steps = 4321
    before = algorithm.model.parameters.copy()
    with pytest.raises(ZooError, match=r"diverged at step 4,321: .* nan|inf"):
        algorithm._optimize(data, Shuffle(data, 12), 0.01, Clip(0.2, None))
    assert np.array_equal(algorithm.model.parameters, before)


class Poisoned(gym.Env):
    """Rewards are NaN from the 600th step of the process on."""

    observation_space, action_space = BOX, spaces.Discrete(2)
    taken = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(3, np.float32), {}

    def step(self, action):
        Poisoned.taken += 1
        reward = np.nan if Poisoned.taken >= 600 else 1.0
        return np.zeros(3, np.float32), reward, self.np_random.random() < 0.1, False, {}


def test_the_last_good_checkpoint_is_left_when_a_reward_is_nan(tmp_path) -> None:
    gym.register("Poisoned-v0", Poisoned)
    Poisoned.taken = 0
    with pytest.raises(ZooError, match=r"nan in the reward of copy 0 .* at step 600"):
        zoo.train(
            "ppo", "Poisoned-v0", steps=2000, set={"n_steps": 128}, checkpoint_every=256,
            eval_every=0, seed=0, runs=tmp_path,
        )  # fmt: skip
    (run,) = [path.parent for path in tmp_path.rglob("run.json")]
    from zoo.storage.checkpoint import load_checkpoint

    loaded = load_checkpoint(run / "checkpoints")
    assert loaded is not None
    assert loaded[0]["algorithm"]["steps"] == 512
    assert np.isfinite(loaded[0]["algorithm"]["parameters"]).all()


@pytest.mark.slow
def test_it_solves_cartpole() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 8, seed=0)
    config = PPOConfig(
        n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20,
        learning_rate="lin_0.001", clip_range="lin_0.2",
    )  # fmt: skip
    algorithm = PPO(config, env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 60_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[-20:]) > 400
