"""Networks of older versions of SB3, by the names that their numbers had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.heads import DiagonalGaussian, Linear
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.errors import ZooError
from zoo.foreign.records import Made, Name
from zoo.importers.sb3_model import Model
from zoo.importers.sb3_networks import network

VECTOR = spaces.Box(-1.0, 1.0, (3,), np.float32)
ARMS = spaces.Box(-1.0, 1.0, (2,), np.float32)
RNG = np.random.default_rng(0)


def numbers(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name.replace("__", "."): RNG.normal(size=shape) for name, shape in shapes.items()}


def model(tensors: dict[str, np.ndarray], family: str = "actor-critic", **more: Any) -> Model:
    policy = Name("stable_baselines3.common.policies", "ActorCriticPolicy")
    found = Model("x.zip", family, policy, {}, VECTOR, ARMS, tensors, {}, "1.0")
    return replace(found, **more)


def test_layers_that_policy_and_value_function_share_come_first() -> None:
    tensors = numbers(
        mlp_extractor__shared_net__0__weight=(5, 3), mlp_extractor__shared_net__0__bias=(5,),
        mlp_extractor__policy_net__0__weight=(4, 5), mlp_extractor__policy_net__0__bias=(4,),
        action_net__weight=(2, 4), action_net__bias=(2,), log_std=(2,),
    )  # fmt: skip
    layers, head = network(model(tensors))
    assert [(layer.inputs, layer.outputs) for layer in layers] == [(3, 5), (5, 4), (4, 2)]
    assert [layer.activation for layer in layers] == ["tanh", "tanh", "identity"]
    assert isinstance(head, DiagonalGaussian)


def test_ten_layers_keep_their_order() -> None:
    shapes = {f"q_net__q_net__{2 * i}__weight": (3, 3) for i in range(11)}
    tensors = numbers(**shapes)
    layers, _ = network(model(tensors, "dqn", action_space=spaces.Discrete(3)))
    expected = [tensors[f"q_net.q_net.{2 * i}.weight"].astype(np.float32) for i in range(11)]
    assert all((one.weight == two).all() for one, two in zip(layers, expected, strict=True))
    assert layers[-1].activation == "identity"


def test_a_lone_layer_of_ars() -> None:
    policy = Name("sb3_contrib.ars.policies", "ARSLinearPolicy")
    tensors = numbers(action_net__weight=(2, 3))
    layers, head = network(model(tensors, "ars", policy_class=policy))
    assert isinstance(head, Linear)
    agent = MLPAgent(VECTOR, ARMS, layers, head)
    x = np.full((1, 3), 0.1, np.float32)
    expected = np.clip(x @ tensors["action_net.weight"].T, -1, 1)
    np.testing.assert_allclose(agent.act(x), expected, rtol=1e-5)


def test_gsde_with_features_of_its_own_still_acts() -> None:
    tensors = numbers(
        mlp_extractor__policy_net__0__weight=(4, 3), action_net__weight=(2, 4), log_std=(7, 2)
    )
    layers, head = network(model(tensors, facts={"use_sde": True}))
    assert isinstance(head, DiagonalGaussian)
    assert head.log_std.shape == (2,)
    MLPAgent(VECTOR, ARMS, layers, head).act(np.zeros((4, 3), np.float32), deterministic=False)


@pytest.mark.parametrize(
    "given", [Name("os", "system"), Made(Name("os", "system"), ("x",)), "ReLU", 3]
)
def test_an_activation_is_a_known_one(given: Any) -> None:
    tensors = numbers(action_net__weight=(2, 3), log_std=(2,))
    with pytest.raises(ZooError, match="which is not known"):
        network(model(tensors, kwargs={"activation_fn": given}))
    known = Name("torch.nn.modules.activation", "LeakyReLU")
    layers, _ = network(model(tensors, kwargs={"activation_fn": known}))
    assert isinstance(layers[0], Layer)
