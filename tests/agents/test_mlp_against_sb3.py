"""The MLP agent chooses what policies of Stable-Baselines3 choose, freshly initialised."""

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Quantile,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent

BOX = spaces.Box(-np.inf, np.inf, (3,))

TORCH_NAMES = {
    "Tanh": "tanh",
    "ReLU": "relu",
    "ELU": "elu",
    "LeakyReLU": "leaky-relu",
    "GELU": "gelu",
    "SiLU": "silu",
}


def layers_of(*modules):
    """Return torch's Linear layers with the activations that follow them."""
    layers = []
    for module in modules:
        if hasattr(module, "weight"):
            bias = None if module.bias is None else module.bias.detach().numpy()
            layers.append(Layer(module.weight.detach().numpy(), bias))
        else:
            name = TORCH_NAMES[type(module).__name__]
            layers[-1] = Layer(layers[-1].weight, layers[-1].bias, name)
    return layers


def strengthen(policy):
    """Make the outputs large, so that bounds and squashing come into play."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(2.0).add_(0.3 * torch.randn_like(parameter))
    return policy


def actor_critic(space, **kwargs):
    torch = pytest.importorskip("torch")
    policies = pytest.importorskip("stable_baselines3.common.policies")
    torch.manual_seed(0)
    policy = strengthen(policies.ActorCriticPolicy(BOX, space, lambda _: 1e-3, **kwargs))
    return policy, layers_of(*policy.mlp_extractor.policy_net, policy.action_net)


def assert_equal_actions(policy, agent):
    rng = np.random.default_rng(0)
    observations = 2 * rng.normal(size=(1000, 3)).astype(np.float32)
    ours = agent.act(observations)
    theirs, _ = policy.predict(observations, deterministic=True)
    assert ours.shape == theirs.shape
    assert len(np.unique(ours, axis=0)) > 1
    if np.issubdtype(ours.dtype, np.integer):
        assert (ours == theirs).all()
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "space",
    [spaces.Discrete(4), spaces.MultiDiscrete([3, 2]), spaces.MultiBinary(3)],
    ids=str,
)
@pytest.mark.parametrize("activation", TORCH_NAMES)
def test_categorical_equals_stable_baselines3(space, activation):
    torch = pytest.importorskip("torch")
    policy, layers = actor_critic(space, activation_fn=getattr(torch.nn, activation))
    assert_equal_actions(policy, MLPAgent(BOX, space, layers, Categorical()))


def test_gaussian_equals_stable_baselines3():
    space = spaces.Box(np.float32([-1, -2]), np.float32([0.5, 3]))
    policy, layers = actor_critic(space, net_arch=[16])
    head = DiagonalGaussian(policy.log_std.detach().numpy())
    assert_equal_actions(policy, MLPAgent(BOX, space, layers, head))


@pytest.mark.parametrize("squash", [False, True])
def test_state_dependent_exploration_equals_stable_baselines3(squash):
    torch = pytest.importorskip("torch")
    space = spaces.Box(np.float32([-1, -2]), np.float32([0.5, 3]))
    policy, layers = actor_critic(space, use_sde=True, squash_output=squash)
    agent = MLPAgent(
        BOX, space, layers, DiagonalGaussian(policy.log_std.detach().numpy(), squash=squash)
    )
    assert_equal_actions(policy, agent)

    # the deviation of the noise, before bounds, as SB3's distribution has it
    observation = np.array([[0.3, -0.4, 0.5]], np.float32)
    with torch.no_grad():
        theirs = policy.get_distribution(torch.tensor(observation)).distribution.stddev.numpy()
    wide = spaces.Box(-1e6, 1e6, (2,))
    loose = MLPAgent(BOX, wide, layers, DiagonalGaussian(policy.log_std.detach().numpy()))
    drawn = loose.act(np.repeat(observation, 40_000, 0), deterministic=False)
    np.testing.assert_allclose(drawn.std(0), theirs[0], rtol=0.03)


@pytest.mark.parametrize("use_sde", [False, True])
def test_sac_equals_stable_baselines3(use_sde):
    policies = pytest.importorskip("stable_baselines3.sac.policies")
    space = spaces.Box(np.float32([-1, -2]), np.float32([0.5, 3]))
    policy = policies.SACPolicy(BOX, space, lambda _: 1e-3, net_arch=[16, 16], use_sde=use_sde)
    actor = strengthen(policy).actor
    if use_sde:
        head = DiagonalGaussian(actor.log_std.detach().numpy(), squash=True, clip_mean=2.0)
        layers = layers_of(*actor.latent_pi, actor.mu[0])
    else:
        head = SquashedGaussian(layers_of(actor.log_std)[0])
        layers = layers_of(*actor.latent_pi, actor.mu)
    assert_equal_actions(policy, MLPAgent(BOX, space, layers, head))


def test_sac_samples_like_stable_baselines3():
    torch = pytest.importorskip("torch")
    policies = pytest.importorskip("stable_baselines3.sac.policies")
    torch.manual_seed(0)
    space = spaces.Box(-1, 1, (2,))
    actor = policies.SACPolicy(BOX, space, lambda _: 1e-3, net_arch=[16]).actor
    agent = MLPAgent(
        BOX,
        space,
        layers_of(*actor.latent_pi, actor.mu),
        SquashedGaussian(layers_of(actor.log_std)[0]),
    )
    observations = np.tile(np.float32([0.5, -1.0, 2.0]), (20_000, 1))
    theirs, _ = actor.predict(observations, deterministic=False)
    ours = agent.act(observations, deterministic=False)
    quantiles = np.linspace(0.05, 0.95, 10)
    expected = np.quantile(theirs, quantiles, axis=0)
    np.testing.assert_allclose(np.quantile(ours, quantiles, axis=0), expected, atol=0.04)


def test_td3_equals_stable_baselines3():
    policies = pytest.importorskip("stable_baselines3.td3.policies")
    space = spaces.Box(np.float32([-1, -2]), np.float32([0.5, 3]))
    policy = strengthen(policies.TD3Policy(BOX, space, lambda _: 1e-3, net_arch=[16, 16]))
    layers = layers_of(*list(policy.actor.mu)[:-1])  # the last one is the head's tanh
    assert_equal_actions(policy, MLPAgent(BOX, space, layers, Deterministic()))


def test_dqn_equals_stable_baselines3():
    policies = pytest.importorskip("stable_baselines3.dqn.policies")
    space = spaces.Discrete(4)
    policy = strengthen(policies.DQNPolicy(BOX, space, lambda _: 1e-3, net_arch=[16, 16]))
    layers = layers_of(*policy.q_net.q_net)
    assert_equal_actions(policy, MLPAgent(BOX, space, layers, QValue(0.05)))


def test_quantiles_equal_sb3_contrib():
    policies = pytest.importorskip("sb3_contrib.qrdqn.policies")
    space = spaces.Discrete(4)
    policy = policies.QRDQNPolicy(BOX, space, lambda _: 1e-3, n_quantiles=7, net_arch=[16, 16])
    layers = layers_of(*strengthen(policy).quantile_net.quantile_net)
    assert_equal_actions(policy, MLPAgent(BOX, space, layers, Quantile(7)))


def test_maskable_actions_equal_sb3_contrib():
    policies = pytest.importorskip("sb3_contrib.common.maskable.policies")
    for space, size in ((spaces.Discrete(4), 4), (spaces.MultiBinary(3), 6)):
        policy = strengthen(policies.MaskableActorCriticPolicy(BOX, space, lambda _: 1e-3))
        layers = layers_of(*policy.mlp_extractor.policy_net, policy.action_net)
        agent = MLPAgent(BOX, space, layers, Categorical(masks=True))
        rng = np.random.default_rng(0)
        observations = rng.normal(size=(1000, 3)).astype(np.float32)
        masks = rng.random((1000, size)) < 0.6
        masks[:, ::2] = True
        theirs, _ = policy.predict(observations, deterministic=True, action_masks=masks)
        assert (agent.act(observations, action_masks=masks) == theirs).all()
