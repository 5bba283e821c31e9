"""PPO's slopes against autograd, its update against one written plainly in torch, and what it
learns."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from zoo import ZooError
from zoo_policy_gradient.ppo import PPO, Clip, PPOConfig, divergence, measured, ppo_slopes
from zoo_policy_gradient.recurrent_ppo import RecurrentPPO
from zoo_torch.distributions import Categorical
from zoo_torch.rollout import Shuffle

BOX = spaces.Box(-1, 1, (3,), np.float32)


def objective(
    log_p: torch.Tensor, V: torch.Tensor, S: torch.Tensor, batch: dict[str, torch.Tensor],
    config: PPOConfig, clip: Clip,
) -> torch.Tensor:  # fmt: skip
    """Return eq. 9 of the paper for a minibatch, plainly."""
    A = batch["advantages"]
    if config.normalize_advantage:
        A = (A - A.mean()) / (A.std() + 1e-8)
    r = (log_p - batch["log_probs"]).exp()
    L_clip = torch.min(r * A, r.clamp(1 - clip.epsilon, 1 + clip.epsilon) * A).mean()
    if clip.epsilon_vf is not None:
        moved = (V - batch["values"]).clamp(-clip.epsilon_vf, clip.epsilon_vf)
        V = batch["values"] + moved
    L_vf = (V - batch["returns"]).square().mean()
    return L_clip - config.vf_coef * L_vf + config.ent_coef * S.mean()


def test_what_an_update_has_done_is_measured_by_hand() -> None:
    p, old = np.float32([[0.5, 0.5], [0.9, 0.1]]), np.float32([0.4, 0.1])
    samples = {"actions": np.array([0, 1]), "log_probs": np.log(old),
               "returns": np.float32([1, 4]), "values": np.float32([1, 2])}  # fmt: skip
    found = measured(Categorical(np.log(p)), np.float32([2, 2]), samples, 0.2)
    assert found["train/value_loss"] == pytest.approx((1 + 4) / 2)
    assert found["train/entropy"] == pytest.approx(-(p * np.log(p)).sum() / 2)
    assert found["train/approx_kl"] == pytest.approx((1.25 - 1 - np.log(1.25)) / 2, rel=1e-4)
    assert found["train/clip_fraction"] == 0.5  # ratios of 1.25 and 1
    assert found["train/explained_variance"] == pytest.approx(1 - 1 / 2.25)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("epsilon_vf", [None, 0.4])
def test_the_slopes_are_those_of_the_objective_by_autograd(
    normalize: bool, epsilon_vf: float | None
) -> None:
    config = PPOConfig(normalize_advantage=normalize, vf_coef=0.3, ent_coef=0.02)
    clip, data, rng = Clip(0.2, epsilon_vf), samples(50), np.random.default_rng(3)
    log_p = (data["log_probs"] + rng.normal(0, 0.3, 50)).astype(np.float32)
    V = (data["values"] + rng.normal(0, 0.5, 50)).astype(np.float32)
    leaves = [torch.tensor(one, requires_grad=True) for one in (log_p, V, np.zeros(50, "f"))]
    tensors = {name: torch.from_numpy(array) for name, array in data.items()}
    (-objective(*leaves, tensors, config, clip)).backward()
    found = ppo_slopes(log_p - data["log_probs"], V, data, config, clip)
    assert found.log_prob == pytest.approx(leaves[0].grad.numpy(), rel=1e-4, abs=1e-6)
    assert found.values == pytest.approx(leaves[1].grad.numpy(), rel=1e-4, abs=1e-6)
    assert found.entropy == pytest.approx(float(leaves[2].grad[0]))
    assert 5 < np.count_nonzero(found.log_prob) < 45


def test_the_slopes_worked_out_by_hand() -> None:
    p_old, p = np.array([0.5, 0.25, 0.8, 0.4]), np.array([0.75, 0.5, 0.4, 0.1])
    data = {
        "advantages": np.float32([1, -1, 2, -2]),
        "returns": np.float32([1, 2, 3, 4]),
        "values": np.zeros(4, np.float32),
    }
    config = PPOConfig(normalize_advantage=False, vf_coef=0.5, ent_coef=0.1)
    V = np.float32([1.5, 2, 3, 3.2])
    log_ratio = np.log(p / p_old).astype(np.float32)  # ratios 1.5, 2, 0.5, 0.25
    found = ppo_slopes(log_ratio, V, data, config, Clip(0.2, None))
    # the first is clipped at 1.2 and the last at 0.8; -r A / n of the others
    assert found.log_prob == pytest.approx(np.array([0, 2, -1, 0]) / 4)
    assert found.values == pytest.approx(np.array([0.5, 0, 0, -0.8]) / 4, abs=1e-6)
    assert found.entropy == pytest.approx(-0.1 / 4)


def test_the_divergence_is_that_of_the_distributions() -> None:
    p, q = np.array([0.7, 0.3]), np.array([0.5, 0.5])
    counts = (p * 1000).astype(int)  # samples of p in exact proportion
    log_ratio = np.repeat(np.log(q / p), counts)
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
            chosen = log_p.gather(1, part["actions"][:, None])[:, 0]
            entropy = -(log_p.exp() * log_p).sum(1)
            optimizer.zero_grad()
            (-objective(chosen, values, entropy, part, config, Clip(0.2, None))).backward()
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


def trained(cls: type[PPO] | type[RecurrentPPO], steps: int = 16, **settings: Any) -> Any:
    """Train on two copies, in one minibatch an epoch; return the algorithm and its metrics."""
    env = Scripted()
    config = cls.Config(**{"n_steps": 8, "batch_size": 16, "learning_rate": 1e-3, **settings})
    algorithm = cls(config, env.single_observation_space, env.single_action_space, seed=0)
    return algorithm, [one.metrics for one in algorithm.train(env, steps)]


@pytest.mark.parametrize("cls", [PPO, RecurrentPPO])
def test_target_kl_stops_at_one_and_a_half_times_the_divergence(cls: Any) -> None:
    def moved(epochs: int) -> float:
        return trained(cls, n_epochs=epochs)[1][0]["train/approx_kl"]

    def updates(target: float) -> int:
        return trained(cls, n_epochs=20, target_kl=target)[0].updates

    three, four = moved(3), moved(4)
    assert 0 < three < 0.9 * four
    # that a step was too long is seen where the next one would begin
    assert updates(target=four / 1.51) == 4
    assert updates(target=three / 1.49) == 4
    assert updates(target=three / 1.51) == 3


@pytest.mark.parametrize("cls", [PPO, RecurrentPPO])
def test_the_ranges_of_clipping_follow_their_schedules(
    cls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Clip] = []

    def watching(*args: Any) -> Any:
        used.append(args[-1])
        return ppo_slopes(*args)

    monkeypatch.setattr(f"{cls.__module__}.ppo_slopes", watching)
    trained(cls, 64, n_epochs=1, clip_range="lin_0.2", clip_range_vf="lin_0.4")
    expected = np.outer([0.75, 0.5, 0.25, 0.0], [0.2, 0.4])
    assert np.array(used) == pytest.approx(expected)


def test_a_training_that_diverges_stops_and_names_the_step() -> None:
    algorithm = PPO(PPOConfig(n_steps=8), BOX, spaces.Discrete(2), seed=0)
    data = samples(12)
    data["returns"][3] = np.inf
    algorithm.steps = 4321
    before = algorithm.model.parameters.copy()
    with pytest.raises(ZooError, match=r"diverged at step 4,321: .* (nan|inf), after"):
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


def test_training_does_not_import_torch() -> None:
    program = """
import sys, tempfile, zoo
with tempfile.TemporaryDirectory() as runs:
    zoo.train("ppo", "CartPole-v1", steps=512, seed=0, runs=runs, final_episodes=1)
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.strip() == "False"
