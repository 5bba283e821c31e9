"""The family behind an encoder of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from zoo.plugin.registry import get_registry
from zoo_torch.replay import Batch

IMAGES = spaces.Box(0, 255, (10, 10, 2), np.uint8)
SMALL = spaces.Box(0, 1, (10, 10, 4), np.bool_)
DICT = spaces.Dict({"see": IMAGES, "feel": spaces.Box(-1, 1, (3,), np.float32)})
FAMILY = ["dqn", "double-dqn", "dueling-dqn", "per-dqn", "n-step-dqn", "noisy-dqn", "c51",
          "qr-dqn", "iqn", "rainbow"]  # fmt: skip


def learner(name: str, space: Any = IMAGES, **kwargs: object) -> Any:
    cls = get_registry().algorithm_class(name)
    config = cls.Config(policy_kwargs={"encoder": "minatar", **kwargs}, learning_rate=1e-3)
    return cls(config, space, spaces.Discrete(3), seed=0)


def observations(space: Any, n: int) -> Any:
    space.seed(1)
    many = [space.sample() for _ in range(n)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([one[key] for one in many]) for key in space.spaces}
    return np.stack(many)


def batch_of(learner: Any, n: int = 8) -> Batch:
    rows = learner.rows(observations(learner.observation_space, 2 * n))
    rng = np.random.default_rng(0)
    return Batch(
        rows[:n], rng.integers(3, size=n), rng.standard_normal(n).astype(np.float32), rows[n:],
        np.full(n, 0.9, np.float32), np.arange(n), np.ones(n, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("space", [IMAGES, SMALL, DICT], ids=["bytes", "bits", "dict"])
@pytest.mark.parametrize("name", FAMILY)
def test_the_agent_chooses_as_the_network_does_after_learning(name: str, space: Any) -> None:
    torch.set_num_threads(1)
    one = learner(name, space)
    batch = batch_of(one)
    before = one.online.parameters.copy()
    one.learnt = lambda batch, slopes: None  # there is no memory
    for _ in range(3):
        one.update(batch, 1.0)
    size = one.online.encoder.size
    moved = one.online.parameters != before
    assert moved[:size].mean() > 0.5
    assert moved[size:].any()
    seen, agent = observations(space, 40), one.agent()
    if getattr(one.online, "noise", None):
        one.online.noise.weights[:] = np.split(one.online.parameters[size:], 2)[0]
    if name == "iqn":
        tau = np.tile((np.arange(32, dtype=np.float32) + 0.5) / 32, (40, 1))
        one.best = lambda network, rows: network.infer(rows, tau).mean(1).argmax(1)
    agreement = agent.act(seen) == one.greedy(one.rows(seen))
    assert agreement.mean() > 0.95  # but for rounding, where two actions are as good


@pytest.mark.parametrize("name", ["dqn", "dueling-dqn", "noisy-dqn"])
def test_the_gradient_by_the_encoder_is_that_of_differences(name: str) -> None:
    torch.set_num_threads(1)
    one = learner(name)
    batch = batch_of(one)
    one.target.draw = one.online.draw = lambda rng: None
    slopes = one.slopes(batch)
    one.online.backward(slopes.by_outputs)
    gradient, theta = one.online.gradient.copy(), one.online.parameters
    largest = np.argsort(-np.abs(gradient[: one.online.encoder.size]))[:5]
    for k in largest.tolist():
        losses, begin, step = [], theta[k].copy(), np.float32(3e-3)
        for sign in (1, -1):
            theta[k] = begin + sign * step
            losses.append(one.slopes(batch).loss)
        theta[k] = begin
        assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(gradient[k], rel=0.1)


def test_streams_and_noise_begin_behind_the_convolutions() -> None:
    plain, dueling, rainbow = (learner(name) for name in ("dqn", "dueling-dqn", "rainbow"))
    assert [w.shape for w, _ in plain.online._mlp.parameters] == [(128, 3)]
    assert [w.shape for w, _ in dueling.online._mlp.parameters] == [(1024, 256), (256, 4)]
    assert [w.shape for w, _ in rainbow.online._mlp.parameters] == [(1024, 256), (256, 4 * 51)]
    more = learner("noisy-dqn", net_arch=[32])
    assert [w.shape for w, _ in more.online._mlp.parameters] == [(1024, 128), (128, 32), (32, 3)]


def test_rows_are_kept_as_they_are() -> None:
    assert learner("dqn").make_replay(2).row_dtype == np.uint8
    assert learner("dqn", SMALL).make_replay(2).row_shape == (10, 10, 4)
    flat = learner("dqn", encoder="flatten")
    assert flat.online.encoder is None
    assert flat.rows.shape == (200,)


def test_the_usual_encoder_of_bytes_is_that_of_nature() -> None:
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    cls = get_registry().algorithm_class("dqn")
    dqn = cls(cls.Config(buffer_size=10), space, spaces.Discrete(6), seed=0)
    assert len(dqn.online.parameters) == 1_687_206  # as Stable-Baselines3's CnnPolicy
