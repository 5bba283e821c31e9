"""A bundle to save and to spoil, and what is said when it is refused."""

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.heads import Categorical
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.errors import ZooError
from zoo.storage.bundle import save_bundle

FACTS = {
    "algorithm": "sb3-ppo",
    "plugin": "sb3",
    "versions": {"agent-zoo": "0.1.0"},
    "config": {"learning_rate": 3e-4, "net_arch": [8]},
    "environment": {"id": "CartPole-v1", "kwargs": {}, "wrappers": []},
    "training": {"steps": 1000, "seed": 0},
}
BOX = spaces.Box(-1, 1, (3,))


def mlp(seed=0):
    rng = np.random.default_rng(seed)
    layers = [
        Layer(rng.normal(size=(8, 3)), rng.normal(size=8), "tanh"),
        Layer(rng.normal(size=(2, 8)), rng.normal(size=2)),
    ]
    return MLPAgent(BOX, spaces.Discrete(2), layers, Categorical())


def save(path, agent=None, **changes):
    return save_bundle(path, agent or mlp(), **FACTS | changes)


def refusal(act):
    with pytest.raises(ZooError) as caught:
        act()
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.hint
    return message


def refusal_without_hint(act):
    with pytest.raises(ZooError) as caught:
        act()
    return str(caught.value)
