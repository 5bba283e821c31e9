"""Which device an algorithm is given, and which it is refused."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo
from zoo.errors import ZooError
from zoo.plugin.registry import get_registry
from zoo.training.devices import choose_device


class Frames(gym.Env):
    """Black frames, and episodes of a step."""

    observation_space = spaces.Box(0, 255, (36, 36, 1), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros((36, 36, 1), np.uint8), {}

    def step(self, action):
        return np.zeros((36, 36, 1), np.uint8), 0.0, True, False, {}


def test_a_device_is_for_what_an_encoder_computes() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    gym.register("Frames-v0", Frames)
    with pytest.raises(ZooError, match="ppo does not compute on a GPU, or not for these obs"):
        zoo.train("ppo", "CartPole-v1", device="cuda", steps=64)
    if not torch.cuda.is_available():
        with pytest.raises(ZooError, match="CUDA was asked for, but torch sees no GPU"):
            zoo.train("ppo", "Frames-v0", device="cuda", steps=64)
        run = zoo.train("ppo", "Frames-v0", steps=64, seed=0, set={"n_steps": 32}, final_episodes=1)
        assert run.info["device"] == "cpu"
        assert run.info["threads"] == 0
        assert zoo.load(run.path / "last").kind == "cnn"


@pytest.mark.parametrize("algorithm", ["q-learning", "value-iteration", "ucb1", "sarsa-lambda"])
def test_what_knows_no_torch_stays_on_the_cpu_beside_a_gpu(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    cls = get_registry().algorithm_class(algorithm)
    encodes = cls.encodes(None, spaces.Discrete(3))
    assert choose_device("auto", algorithm, encodes=encodes) == "cpu"
    with pytest.raises(ZooError, match=f"{algorithm} does not compute on a GPU"):
        choose_device("cuda", algorithm, encodes=encodes)


def test_a_gpu_is_chosen_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1", "ppo", encodes=True) == "cuda:1"
    assert choose_device("cuda", "ppo", encodes=True) == "cuda"
    with pytest.raises(ZooError, match="there is no cuda:2: torch sees 2 GPUs, counted from 0"):
        choose_device("cuda:2", "ppo", encodes=True)
    with pytest.raises(ZooError, match="unknown device 'cuda:x'"):
        choose_device("cuda:x", "ppo", encodes=True)


IMAGES = spaces.Box(0, 255, (36, 36, 1), np.uint8)
READS_IMAGES = ("dqn", "rainbow", "iqn", "ppo", "trpo", "recurrent-ppo", "a2c")


@pytest.mark.parametrize("algorithm", [*READS_IMAGES, "a3c", "async-q", "sac", "td-actor-critic"])
def test_each_deep_algorithm_says_whether_torch_encodes_for_it(algorithm: str) -> None:
    cls = get_registry().algorithm_class(algorithm)
    numbers = spaces.Box(-1, 1, (3,), np.float32)
    assert cls.encodes(cls.Config(), numbers) is False
    assert cls.encodes(cls.Config(), IMAGES) is (algorithm in READS_IMAGES)
