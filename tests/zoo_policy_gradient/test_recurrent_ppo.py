"""PPO with a memory: it solves what cannot be solved without, and obeys the rules."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from zoo.environments.make import vectorize
from zoo.testing.checks import CHECKS
from zoo.testing.subject import Subject
from zoo_policy_gradient.ppo import PPO, Clip, PPOConfig
from zoo_policy_gradient.recurrent_ppo import RecurrentPPO, RecurrentPPOConfig
from zoo_torch.recurrent import pieces, sequences_of

SMALL: dict[str, Any] = {"net_arch": [32], "lstm_hidden_size": 16}


class TMaze(gym.Env):
    """A sign at the entrance says where to turn at the end of the corridor."""

    observation_space, action_space = spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(2)
    corridor = 5

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.sign = 0, int(self.np_random.integers(2))
        return self.see(), {}

    def see(self):
        sign = (2 * self.sign - 1) * (self.at == 0)
        return np.array([sign, self.at == self.corridor, 1], np.float32)

    def step(self, action):
        if self.at == self.corridor:
            return self.see(), float(action == self.sign), True, False, {}
        self.at += 1
        return self.see(), 0.0, False, False, {}


def returns_of(algorithm: Any, steps: int, seed: int = 0) -> np.ndarray:
    env = vectorize([TMaze] * 8, seed=seed)
    for _ in algorithm.train(env, steps):
        pass
    return np.array([total for total, _ in env.take_episodes()])


@pytest.mark.parametrize(
    "memory", [{}, {"shared_lstm": True}, {"enable_critic_lstm": False}], ids=str
)
def test_it_remembers_the_sign(memory: dict[str, bool]) -> None:
    config = RecurrentPPOConfig(
        n_steps=32, batch_size=128, n_epochs=5, learning_rate=5e-3, policy_kwargs=SMALL | memory
    )
    algorithm = RecurrentPPO(config, TMaze.observation_space, TMaze.action_space, seed=0)
    returns = returns_of(algorithm, 6000)
    assert returns[:100].mean() < 0.7
    assert returns[-100:].mean() > 0.95

    agent, env = algorithm.agent(), TMaze()
    assert agent.kind == "recurrent"
    for seed in range(8):
        agent.reset()
        seen, _ = env.reset(seed=seed)
        reward, over = 0.0, False
        while not over:
            seen, reward, over, _, _ = env.step(agent.predict(seen, deterministic=True)[0])
        assert reward == 1.0


def test_nobody_can_without_a_memory() -> None:
    config = PPOConfig(n_steps=32, batch_size=128, n_epochs=5, learning_rate=5e-3)
    algorithm = PPO(config, TMaze.observation_space, TMaze.action_space, seed=0)
    assert returns_of(algorithm, 6000)[-300:].mean() < 0.65


def test_the_agent_does_what_the_policy_does_over_whole_episodes() -> None:
    config = RecurrentPPOConfig(n_steps=16, policy_kwargs=SMALL, normalize={"norm_reward": False})
    space = spaces.Box(-1, 1, (2,), np.float32)
    algorithm = RecurrentPPO(config, TMaze.observation_space, space, seed=0)
    env = vectorize([TMaze] * 3, seed=0)
    env.step = lambda actions, step=env.step: step((actions[:, 0] > 0).astype(np.int64))
    with algorithm.experience(env) as collector:
        collector.collect(algorithm.rng, 0)  # moves the normaliser
        rollout = collector.collect(algorithm.rng, 48)
    agent = algorithm.agent()
    seen = np.random.default_rng(0).uniform(-1, 1, (5, 3, 3)).astype(np.float32)
    encoder, model = algorithm.encoder, algorithm.model
    memory = np.zeros((3, encoder.width), np.float32)
    over = np.zeros((5, 3), np.bool_)
    over[3, 1] = True  # before step 3
    rows = np.stack([algorithm.senses.rows(one) for one in seen])
    part = {"rows": rows, "starts": over, "real": np.ones((5, 3), np.bool_)}
    sequences, _ = sequences_of(part, memory)
    means = model.policy.forward(encoder.infer(sequences)[:, : encoder.units].copy())
    for t in range(5):
        agent.reset(over[t])
        actions = agent.act(seen[t], deterministic=True)
        np.testing.assert_allclose(actions, np.clip(means.reshape(5, 3, 2)[t], -1, 1), atol=1e-5)
    assert np.isfinite(rollout.values).all()


def test_the_first_minibatch_s_policy_is_the_one_that_acted() -> None:
    config = RecurrentPPOConfig(n_steps=20, batch_size=8, n_epochs=1, policy_kwargs=SMALL)
    algorithm = RecurrentPPO(config, TMaze.observation_space, TMaze.action_space, seed=0)
    env = vectorize([TMaze] * 4, seed=0)
    with algorithm.experience(env) as collector:
        collector.collect(algorithm.rng, 0)
        rollout = collector.collect(algorithm.rng, 0)
    assert collector.every == 7  # three sequences of each copy, the last one filled up
    with algorithm.experience(vectorize([TMaze] * 4, seed=0), n_steps=10) as shorter:
        assert (shorter.n_steps, shorter.every) == (10, 5)
    pi = algorithm.model.behaviour(rollout.rows, rollout.outputs)
    log_probs = pi.log_prob(rollout.actions)
    cut = pieces({"rows": rollout.rows, "actions": rollout.actions, "log_probs": log_probs},
                 rollout.dones, 7)  # fmt: skip
    seen, rest = sequences_of(cut, collector.memories.reshape(-1, algorithm.encoder.width))
    then, _ = algorithm.model.evaluate(seen)
    assert len(rest["actions"]) == 80
    np.testing.assert_allclose(then.log_prob(rest["actions"]), rest["log_probs"], atol=1e-5)


def test_target_kl_stops_an_update_before_the_policy_moves_on() -> None:
    for target, expected in ((None, 4 * 3), (1e-9, 0)):
        config = RecurrentPPOConfig(
            n_steps=8, batch_size=16, n_epochs=3, target_kl=target, policy_kwargs=SMALL
        )
        algorithm = RecurrentPPO(config, TMaze.observation_space, TMaze.action_space, seed=0)
        rng = np.random.default_rng(0)
        floats = {n: rng.standard_normal(64).astype(np.float32)
                  for n in ("advantages", "returns", "values")}  # fmt: skip
        cut = pieces(
            {
                "rows": rng.standard_normal((64, 3)).astype(np.float32),
                "actions": rng.integers(2, size=64),
                "log_probs": np.full(64, np.log(0.5), np.float32),
                **floats,
            },
            np.zeros((8, 8), np.bool_),
            8,
        )
        memories = np.zeros((8, algorithm.encoder.width), np.float32)
        algorithm._optimize(cut, memories, 0.05, Clip(0.2, None))
        assert algorithm.updates == expected


def test_the_memory_is_part_of_the_state() -> None:
    config = RecurrentPPOConfig(n_steps=8, batch_size=32, policy_kwargs=SMALL)
    algorithm = RecurrentPPO(config, TMaze.observation_space, TMaze.action_space, seed=0)
    env = vectorize([TMaze] * 4, seed=0)
    next(iter(algorithm.train(env, 64)))
    saved = algorithm.state()
    assert saved["memory"].any()
    other = RecurrentPPO(config, TMaze.observation_space, TMaze.action_space, seed=1)
    other.load_state(saved)
    saved["memory"][:] = 0
    assert other.state()["memory"].any()
    assert np.array_equal(other.memory, algorithm.memory)


class OfImages(Subject):
    """A subject whose checks show it images."""

    observations = "image"


@pytest.mark.parametrize("check", ["exact_resume", "state_round_trip", "determinism_by_seed",
                                   "agent_is_detached", "bundle_round_trip"])  # fmt: skip
@pytest.mark.parametrize("kind", [Subject, OfImages])
def test_the_rules_hold_with_normalisation_cut_sequences_and_images(kind, check: str) -> None:
    changes = {
        "n_envs": 2, "n_steps": 12, "batch_size": 8, "n_epochs": 1, "gamma": 0.9,
        "normalize": {"norm_obs": kind is Subject and check != "bundle_round_trip"},
    }  # fmt: skip
    CHECKS[check].function(kind("recurrent-ppo", changes, steps=480))


@pytest.mark.slow
def test_it_balances_a_pole_whose_velocities_it_is_not_told() -> None:
    import zoo
    from zoo.environments.make import make_vector

    masked = zoo.EnvironmentConfig("CartPole-v1", wrappers=(("mask-velocity", {}),))
    env = make_vector(masked, 8, seed=0)
    config = RecurrentPPOConfig(
        normalize=True, n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20,
        learning_rate="lin_0.001", clip_range="lin_0.2",
        policy_kwargs={"ortho_init": False, "activation_fn": "relu", "lstm_hidden_size": 64,
                       "net_arch": {"pi": [64], "vf": [64]}},
    )  # fmt: skip
    algorithm = RecurrentPPO(config, env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 100_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[-20:]) > 200  # one seed, whose last bits decide; `ppo` comes to 41
