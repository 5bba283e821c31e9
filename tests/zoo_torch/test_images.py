"""Learning from images: the rules of the house hold, the whole gradient is right, it learns."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from zoo import ZooError
from zoo.environments.make import vectorize
from zoo.testing.checks import CHECKS
from zoo.testing.subject import Subject
from zoo_actor_critic.a2c import A2C, A2CConfig
from zoo_policy_gradient.ppo import PPO, PPOConfig
from zoo_torch.actor_critic import Slopes

FRAME = spaces.Box(0, 255, (36, 36, 1), np.uint8)
BOTH = spaces.Dict({"frame": FRAME, "speed": spaces.Box(-1, 1, (2,), np.float32)})
SMALL: dict[str, Any] = {"n_envs": 2, "n_steps": 8, "normalize": {"norm_obs": False}}


class OfImages(Subject):
    """A subject whose checks show it images."""

    observations = "image"


@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
@pytest.mark.parametrize("check", ["exact_resume", "state_round_trip", "determinism_by_seed",
                                   "agent_is_detached", "global_rng_untouched",
                                   "bundle_round_trip"])  # fmt: skip
def test_the_rules_hold_for_images(algorithm: str, check: str) -> None:
    changes = SMALL | ({"batch_size": 16, "n_epochs": 1} if algorithm == "ppo" else {})
    CHECKS[check].function(OfImages(algorithm, changes, steps=640))


def test_the_whole_gradient_is_that_of_autograd() -> None:
    config = PPOConfig(policy_kwargs={"net_arch": [8], "encoder": "nature"})
    model = PPO(config, FRAME, spaces.Discrete(3), seed=0).model
    rng = np.random.default_rng(0)
    model.parameters[-300:] += rng.standard_normal(300).astype(np.float32) / 10
    rows = rng.integers(0, 256, (6, *FRAME.shape), dtype=np.uint8)
    actions = rng.integers(3, size=6)
    weights, pulls = rng.standard_normal((2, 6)).astype(np.float32)
    pi, _ = model.evaluate(rows)
    model.backward(pi, actions, Slopes(weights, pulls, 0.3))

    theta = torch.tensor(model.parameters, requires_grad=True)
    start = 0

    def take(*shape: int) -> torch.Tensor:
        nonlocal start
        start += int(np.prod(shape))
        return theta[start - int(np.prod(shape)) : start].view(shape)

    x = torch.from_numpy(rows).float().permute(0, 3, 1, 2) / 255
    for (o, i, k), stride in (((32, 1, 8), 4), ((64, 32, 4), 2), ((64, 64, 3), 1)):
        x = torch.conv2d(x, take(o, i, k, k), take(o), stride).relu()
    features = (x.flatten(1) @ take(512, 64).T + take(512)).relu()
    hidden = torch.tanh(features @ take(512, 8) + take(8))
    logits = (hidden @ take(8, 3) + take(3)).log_softmax(1)
    hidden = torch.tanh(features @ take(512, 8) + take(8))
    values = (hidden @ take(8, 1) + take(1))[:, 0]
    assert start == len(theta)
    loss = (logits[range(6), actions] * torch.from_numpy(weights)).sum()
    entropy = -(logits.exp() * logits).sum()
    (loss + (values * torch.from_numpy(pulls)).sum() + 0.3 * entropy).backward()
    np.testing.assert_allclose(model.gradient, theta.grad.numpy(), 1e-3, 1e-4)
    assert np.abs(model.gradient[:2048]).max() > 0.01  # of the first filters


def test_a_rollout_keeps_bytes_and_what_the_policy_put_out() -> None:
    env = vectorize([Lights] * 2, seed=0)
    algorithm = PPO(PPOConfig(n_steps=8), *_spaces(env), seed=0)
    with algorithm.experience(env) as collector:
        rollout = collector.collect(algorithm.rng, 0)
    assert rollout.rows.dtype == np.uint8
    assert rollout.rows.shape == (16, *FRAME.shape)
    pi, values = algorithm.model.evaluate(rollout.rows)
    np.testing.assert_allclose(rollout.values.ravel(), values, atol=1e-5)
    assert rollout.outputs is not None
    then = algorithm.model.behaviour(rollout.rows, rollout.outputs).log_prob(rollout.actions)
    np.testing.assert_allclose(then, pi.log_prob(rollout.actions), atol=1e-5)


class Lights(gym.Env):
    """Which of four corners is lit? The action that says so pays 1."""

    observation_space, action_space = FRAME, spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.lit = int(self.np_random.integers(4))
        return self.see(), {}

    def see(self):
        frame = np.zeros(FRAME.shape, np.uint8)
        down, across = 18 * (self.lit // 2), 18 * (self.lit % 2)
        frame[down : down + 18, across : across + 18] = 255
        return frame

    def step(self, action):
        return self.see(), float(action == self.lit), True, False, {}


class SmallLights(Lights):
    """The same in a few pixels that are on or off, as MinAtar shows its games."""

    observation_space = spaces.Box(0, 1, (6, 6, 2), np.bool_)

    def see(self):
        return np.stack([super().see()[::6, ::6, 0] > 0] * 2, axis=2)


def _spaces(env: Any) -> tuple[Any, Any]:
    return env.single_observation_space, env.single_action_space


@pytest.mark.parametrize(
    ("cls", "config", "world", "steps"),
    [
        (PPO, PPOConfig(n_steps=32, n_epochs=4, learning_rate=1e-3), Lights, 1500),
        (A2C, A2CConfig(n_steps=8, learning_rate=2e-3), Lights, 4000),
        (PPO, PPOConfig(n_steps=32, n_epochs=4, learning_rate=1e-3,
                        policy_kwargs={"encoder": "minatar"}), SmallLights, 4000),
    ],
    ids=["ppo", "a2c", "ppo minatar"],
)  # fmt: skip
def test_it_learns_to_see(cls, config, world, steps: int) -> None:
    env = vectorize([world] * 8, seed=0)
    algorithm = cls(config, *_spaces(env), seed=0)
    assert algorithm.encodes(config, world.observation_space)
    for _ in algorithm.train(env, steps):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:100]) < 0.5
    assert np.mean(returns[-100:]) > 0.9
    agent = algorithm.agent()
    assert agent.kind == "cnn"
    copy = world()
    for seed in range(8):
        seen, _ = copy.reset(seed=seed)
        assert agent.predict(seen, deterministic=True)[0] == copy.lit


def test_a_dict_with_an_image_is_normalised_where_it_is_no_image() -> None:
    algorithm = PPO(PPOConfig(n_steps=8, normalize=True), BOTH, spaces.Discrete(2), seed=0)
    assert list(algorithm.senses.observations.moments) == ["speed"]
    speed = np.random.default_rng(0).normal(5, 2, (50, 2)).astype(np.float32)
    seen = {"frame": np.full((50, *FRAME.shape), 7, np.uint8), "speed": speed}
    algorithm.senses.observations.update(seen)
    images, rest = algorithm.senses.preprocess.split(algorithm.senses.rows(seen))
    assert (images[0] == 7).all()
    assert np.abs(rest.mean(0)).max() < 0.01
    outputs, _ = algorithm.model.act(algorithm.senses.rows(seen))
    agent = algorithm.agent()
    assert agent.kind == "cnn"
    assert np.array_equal(agent.act(seen), outputs.argmax(1))


def test_hidden_layers_are_those_asked_for_or_the_usual_ones() -> None:
    for space, arch, sizes in (
        (FRAME, None, [512]), (FRAME, [16], [512, 16]), (BOTH, None, [258, 64, 64])
    ):  # fmt: skip
        config = PPOConfig(policy_kwargs={"net_arch": arch})
        model = PPO(config, space, spaces.Discrete(2), seed=0).model
        assert [weight.shape[0] for weight, _ in model.value.parameters] == sizes


@pytest.mark.parametrize(
    ("settings", "space", "said"),
    [
        ({"normalize": True}, FRAME, "normalize is not for images"),
        ({"normalize": {"norm_obs_keys": ["frame"]}}, BOTH, "normalize is not for images"),
        ({"policy_kwargs": {"encoder": "nature"}}, spaces.Box(-1, 1, (3,)), "reads images"),
        ({}, spaces.Box(0, 255, (20, 20, 3), np.uint8), "too small .*encoder: minatar"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(settings, space, said: str) -> None:
    with pytest.raises(ZooError, match=said):
        PPO(PPOConfig(**settings), space, spaces.Discrete(2), seed=0)


def test_flattened_images_need_no_encoder() -> None:
    config = PPOConfig(policy_kwargs={"encoder": "flatten"})
    algorithm = PPO(config, FRAME, spaces.Discrete(2), seed=0)
    assert algorithm.model.encoder is None
    assert not algorithm.encodes(config, FRAME)
    assert algorithm.agent().kind == "mlp"
