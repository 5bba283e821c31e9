"""The whole family learns from images: the rules hold, steps go where they should, it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from tests.zoo_torch.test_images import BOTH, FRAME, Lights, OfImages, SmallLights
from tests.zoo_torch.tiny import PICTURE
from zoo import ZooError
from zoo.environments.make import vectorize
from zoo.testing.checks import CHECKS
from zoo_policy_gradient.ppo_kl import PPOKL, PPOKLConfig
from zoo_policy_gradient.reinforce import Batch, Reinforce, ReinforceConfig
from zoo_policy_gradient.trpo import TRPO, Surrogate, TRPOConfig
from zoo_policy_gradient.vpg import VPG, VPGConfig
from zoo_torch.rollout import Shuffle

SMALL: dict[str, Any] = {"n_envs": 2, "n_steps": 8, "normalize": {"norm_obs": False}}
CHANGES: dict[str, dict[str, Any]] = {
    "ppo-kl": {"batch_size": 16, "n_epochs": 1},
    "reinforce": {"n_critic_updates": 1},
    "trpo": {"batch_size": 16, "n_critic_updates": 1, "cg_max_steps": 2},
    "vpg": {"n_critic_updates": 1},
}
CLASSES: dict[str, tuple[Any, Any]] = {
    "ppo-kl": (PPOKL, PPOKLConfig),
    "reinforce": (Reinforce, ReinforceConfig),
    "trpo": (TRPO, TRPOConfig),
    "vpg": (VPG, VPGConfig),
}
STEEP = {"target_kl": 0.1, "cg_max_steps": 4, "n_critic_updates": 4}
MINATAR = {"encoder": "minatar", "net_arch": [4]}


@pytest.mark.parametrize("algorithm", CHANGES)
@pytest.mark.parametrize("check", ["exact_resume", "state_round_trip", "determinism_by_seed",
                                   "agent_is_detached", "global_rng_untouched",
                                   "bundle_round_trip"])  # fmt: skip
def test_the_rules_hold_for_images(algorithm: str, check: str) -> None:
    CHECKS[check].function(OfImages(algorithm, SMALL | CHANGES[algorithm], steps=640))


@pytest.mark.parametrize("name", CLASSES)
def test_a_gpu_is_for_images_alone(name: str) -> None:
    cls, config = CLASSES[name]
    assert cls.encodes(config(), FRAME)
    assert cls.encodes(config(), BOTH)
    assert not cls.encodes(config(), spaces.Box(-1, 1, (3,)))
    assert not cls.encodes(config(policy_kwargs={"encoder": "flatten"}), FRAME)
    with pytest.raises(ZooError, match="reads images"):
        cls.encodes(config(policy_kwargs={"encoder": "impala"}), spaces.Box(-1, 1, (3,)))


@pytest.mark.parametrize(
    ("name", "settings", "world", "steps"),
    [
        ("ppo-kl", {"n_steps": 32, "n_epochs": 4, "learning_rate": 1e-3}, Lights, 1500),
        ("reinforce", {"n_steps": 16, "n_critic_updates": 4}, Lights, 3000),
        ("reinforce", {"n_steps": 16, "baseline": False}, Lights, 3000),
        pytest.param("trpo", {"n_steps": 16, **STEEP}, Lights, 3000, marks=pytest.mark.slow),
        ("trpo", {"n_steps": 16, **STEEP, "policy_kwargs": {"encoder": "minatar"}},
         SmallLights, 3000),
        ("vpg", {"n_steps": 16, "n_critic_updates": 4, "learning_rate": 1e-3}, Lights, 3000),
    ],
    ids=["ppo-kl", "reinforce", "no baseline", "trpo", "trpo minatar", "vpg"],
)  # fmt: skip
def test_it_learns_to_see(name: str, settings: dict[str, Any], world: Any, steps: int) -> None:
    env = vectorize([world] * 8, seed=0)
    cls, config = CLASSES[name]
    learner = cls(config(**settings), env.single_observation_space, env.single_action_space, seed=0)
    for _ in learner.train(env, steps):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:100]) < 0.5
    assert np.mean(returns[-100:]) > 0.9
    agent, copy = learner.agent(), world()
    assert agent.kind == "cnn"
    for seed in range(8):
        seen, _ = copy.reset(seed=seed)
        assert agent.predict(seen, deterministic=True)[0] == copy.lit


class LightsAndSigns(Lights):
    """Which corner is lit, and which sign has the number beside the picture?"""

    observation_space, action_space = BOTH, spaces.MultiDiscrete([4, 2])

    def see(self) -> Any:
        self.sign = int(self.np_random.integers(2))
        return {"frame": super().see(), "speed": np.full(2, 2 * self.sign - 1, np.float32)}

    def step(self, action: Any) -> Any:
        reward = float(action[0] == self.lit) / 2 + float(action[1] == self.sign) / 2
        return self.see(), reward, True, False, {}


@pytest.mark.parametrize(
    ("name", "settings", "steps"),
    [
        ("ppo-kl", {"n_steps": 32, "n_epochs": 4, "learning_rate": 2e-3}, 5000),
        ("reinforce", {"n_steps": 16, "n_critic_updates": 2, "learning_rate": 2e-3}, 6000),
        pytest.param("trpo", {"n_steps": 32, **STEEP, "cg_max_steps": 6}, 3000,
                     marks=pytest.mark.slow),
        ("vpg", {"n_steps": 16, "n_critic_updates": 2, "learning_rate": 2e-3}, 6000),
    ],
)  # fmt: skip
def test_pictures_and_numbers_are_read_together(
    name: str, settings: dict[str, Any], steps: int
) -> None:
    env = vectorize([LightsAndSigns] * 8, seed=0)
    cls, config = CLASSES[name]
    learner = cls(config(**settings), BOTH, LightsAndSigns.action_space, seed=0)
    for _ in learner.train(env, steps):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:100]) < 0.6
    assert np.mean(returns[-100:]) > 0.9
    assert learner.agent().kind == "cnn"


def tiny(name: str, space: spaces.Space[Any], **settings: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a learner of small pictures, and samples of what its policy might have done."""
    cls, config = CLASSES[name]
    learner = cls(config(policy_kwargs=MINATAR, **settings), PICTURE, space, seed=0)
    rng, family = np.random.default_rng(1), learner.model.family
    learner.model.policy.parameters[-1][0][:] *= 50  # as if some had been learnt
    rows = rng.integers(0, 256, (200, *PICTURE.shape), dtype=np.uint8)
    outputs = learner.model.distributions(rows).outputs
    actions = family.draw(outputs, learner.model.log_std, family.noise(rng, 1, 200)[0])
    A, R = rng.standard_normal((2, 200)).astype(np.float32)
    return learner, {"rows": rows, "actions": actions, "advantages": A, "returns": R}


def parts_of(model: Any) -> dict[str, np.ndarray]:
    """Return copies of the encoders' parameters."""
    return {name: model._views[name].copy() for name in ("encoder", "value_encoder")}


@pytest.mark.parametrize("name", ["reinforce", "trpo", "vpg"])
def test_steps_of_the_one_leave_the_other_as_it_is(name: str) -> None:
    learner, data = tiny(name, spaces.Discrete(3))
    model, rows = learner.model, data["rows"]
    batch = Batch(rows, data["actions"], data["returns"], np.zeros(200, int))
    V, before = model.values(rows), parts_of(model)
    if name == "reinforce":
        learner._improve(batch, V, 0.01)
    elif name == "trpo":
        learner._improve(data)
    else:
        learner._improve(data, 0.01)
    then = parts_of(model)
    assert np.array_equal(model.values(rows), V)
    assert (then["encoder"] != before["encoder"]).any()
    outputs = model.distributions(rows).outputs.copy()
    if name == "reinforce":
        learner._fit(batch, 0.01)
    elif name == "trpo":
        lessons = {key: data[key] for key in ("rows", "returns")}
        learner._fit(lessons, Shuffle(lessons, 64), 0.01)
    else:
        learner._fit(data, 0.01)
    assert np.array_equal(model.distributions(rows).outputs, outputs)
    assert (parts_of(model)["value_encoder"] != then["value_encoder"]).any()
    loss = np.square(model.values(rows) - data["returns"]).mean()
    assert loss < np.square(V - data["returns"]).mean()


def test_without_a_baseline_there_is_no_encoder_for_one() -> None:
    learner, data = tiny("reinforce", spaces.Discrete(3), baseline=False)
    with_one, _ = tiny("reinforce", spaces.Discrete(3))
    size = learner.model.encoder.size
    assert len(with_one.model.parameters) == len(learner.model.parameters) + size
    assert not learner.model.values(data["rows"]).any()


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.MultiDiscrete([2, 3]),
                                   spaces.MultiBinary(2), spaces.Box(-1, 1, (2,))])  # fmt: skip
def test_trpo_improves_the_surrogate_within_the_trust_region(space: spaces.Space[Any]) -> None:
    learner, data = tiny("trpo", space, target_kl=0.02, cg_damping=0.02)
    problem = Surrogate(learner.model, data, learner.config)
    L_old, at_rest = problem.measure()
    before = parts_of(learner.model)
    found = learner._improve(data)
    L, kl = problem.measure()
    assert at_rest == pytest.approx(0, abs=1e-6)
    assert L_old + 0.01 < L
    assert 0.003 < kl < 0.02
    assert found["train/kl"] == pytest.approx(kl)
    assert np.abs(parts_of(learner.model)["encoder"] - before["encoder"]).max() > 1e-4


@pytest.mark.parametrize("part", ["encoder", "behind it", "both"])
def test_the_metric_says_how_far_a_step_moves_the_policy(part: str) -> None:
    learner, data = tiny("trpo", spaces.Discrete(3), cg_damping=0)
    model, own = learner.model, learner.model.encoder.size
    problem = Surrogate(model, data, learner.config)
    step = problem.g.copy()
    step[{"encoder": slice(own, None), "behind it": slice(own)}.get(part, slice(0))] = 0
    step *= np.float32(np.sqrt(2 * 1e-4 / float(step @ problem.fisher(step))))
    model.parameters += step
    _, kl = problem.measure()
    assert kl == pytest.approx(1e-4, rel=0.1)
