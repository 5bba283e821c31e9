"""The gradient of a loss by hand through both networks, against autograd from end to end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions

from tests.zoo_torch.tiny import PICTURE, logits_and_values, two_sighted
from zoo_torch.actor_critic import ActorCritic, Slopes
from zoo_torch.families import family_of


def make(space: spaces.Space, **changes) -> ActorCritic:
    settings = {"policy_units": [8, 6], "value_units": [5], "activation": "tanh"}
    return ActorCritic(
        3, family_of(space), orthogonal=True, log_std=-0.5, rng=np.random.default_rng(0),
        **settings | changes,
    )  # fmt: skip


def through_torch(model: ActorCritic, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
    """Return outputs, values, log_std and the flat parameters, connected by autograd."""
    theta = torch.tensor(model.parameters, requires_grad=True)
    start, found = 0, []
    for network in (model.policy, model.value):
        h = torch.tensor(rows)
        for number, (weight, bias) in enumerate(network.parameters):
            w = theta[start : start + weight.size].view(weight.shape)
            start += weight.size
            h = h @ w + theta[start : start + bias.size]
            start += bias.size
            if number + 1 < len(network.parameters):
                h = torch.tanh(h)
        found.append(h)
    return found[0], found[1][:, 0], theta[start:], theta


@pytest.mark.parametrize("space", [spaces.Discrete(4), spaces.Box(-1, 1, (2,))])
def test_the_gradient_by_all_parameters_is_autograd_s(space: spaces.Space) -> None:
    model, rng = make(space), np.random.default_rng(1)
    rows = rng.standard_normal((9, 3)).astype(np.float32)
    family = model.family
    actions = family.draw(model.policy.forward(rows), model.log_std, family.noise(rng, 1, 9)[0])
    weights, pulls = rng.standard_normal((2, 9)).astype(np.float32)
    pi, _ = model.evaluate(rows)
    model.backward(pi, actions, Slopes(weights, pulls, 0.3))

    outputs, values, log_std, theta = through_torch(model, rows)
    theirs = (
        distributions.Categorical(logits=outputs)
        if isinstance(space, spaces.Discrete)
        else distributions.Independent(distributions.Normal(outputs, log_std.exp()), 1)
    )
    loss = (theirs.log_prob(torch.from_numpy(actions)) * torch.tensor(weights)).sum()
    (loss + (values * torch.tensor(pulls)).sum() + 0.3 * theirs.entropy().sum()).backward()
    assert model.gradient == pytest.approx(theta.grad.numpy(), rel=1e-3, abs=1e-4)
    assert np.abs(model.gradient).max() > 0.01


@pytest.mark.parametrize("space", [spaces.Discrete(4), spaces.Box(-1, 1, (2,))])
def test_the_divergence_from_an_old_policy_adds_its_gradient(space: spaces.Space) -> None:
    model, rng = make(space), np.random.default_rng(1)
    rows = rng.standard_normal((9, 3)).astype(np.float32)
    pi, _ = model.evaluate(rows)
    before = (pi.outputs.copy(), model.log_std.copy())
    model.parameters += 0.3 * rng.standard_normal(model.parameters.shape).astype(np.float32)
    pi, _ = model.evaluate(rows)
    nothing = np.zeros(9, np.float32)
    actions = np.zeros((9, *model.family.row), model.family.dtype)
    old = model.family.of(*before)
    model.backward(pi, actions, Slopes(nothing, nothing, 0.0, kl=0.2), old)

    outputs, _, log_std, theta = through_torch(model, rows)

    def theirs(outputs, log_std):
        if isinstance(space, spaces.Discrete):
            return distributions.Categorical(logits=outputs)
        return distributions.Independent(distributions.Normal(outputs, log_std.exp()), 1)

    one, other = theirs(*map(torch.tensor, before)), theirs(outputs, log_std)
    (0.2 * distributions.kl_divergence(one, other).sum()).backward()
    assert model.gradient == pytest.approx(theta.grad.numpy(), rel=1e-3, abs=1e-4)
    assert np.abs(model.gradient).max() > 0.01


def test_the_halves_of_a_gradient_leave_the_other_half_at_zero() -> None:
    model, rng = make(spaces.Box(-1, 1, (2,))), np.random.default_rng(1)
    rows = rng.standard_normal((9, 3)).astype(np.float32)
    actions = rng.standard_normal((9, 2)).astype(np.float32)
    weights, pulls = rng.standard_normal((2, 9)).astype(np.float32)
    pi, _ = model.evaluate(rows)
    model.backward(pi, actions, Slopes(weights, pulls, 0.0))
    whole = model.gradient.copy()
    model.backward_policy(*pi.gradient(actions, weights, 0.0))
    policy = model.gradient.copy()
    model.backward_value(pulls)
    assert policy + model.gradient == pytest.approx(whole, abs=1e-6)
    assert not (policy * model.gradient).any()
    assert policy[-2:].all()  # log_std
    assert model.gradient.any()


@pytest.mark.parametrize("shares", [True, False], ids=["one encoder", "two"])
def test_the_gradient_through_encoders_is_autograd_s_whole_and_in_halves(shares: bool) -> None:
    model, rng = two_sighted(spaces.Discrete(3), shares=shares), np.random.default_rng(1)
    rows = rng.integers(0, 256, (9, *PICTURE.shape), dtype=np.uint8)
    actions = rng.integers(3, size=9)
    weights, pulls = rng.standard_normal((2, 9)).astype(np.float32)
    theta = torch.tensor(model.parameters, requires_grad=True)
    outputs, values = logits_and_values(model, theta, rows)
    log_probs = outputs.log_softmax(1)[range(9), actions]
    losses = (log_probs * torch.tensor(weights)).sum(), (values * torch.tensor(pulls)).sum()
    by_policy, by_value = (
        torch.autograd.grad(loss, theta, retain_graph=True)[0].numpy() for loss in losses
    )

    pi, V = model.evaluate(rows)
    assert values.detach().numpy() == pytest.approx(V, abs=1e-5)
    model.backward(pi, actions, Slopes(weights, pulls, 0.0))
    assert model.gradient == pytest.approx(by_policy + by_value, rel=1e-3, abs=1e-5)
    pi, _ = model.distributions(rows), model.values(rows[:4])  # which do not disturb each other
    model.backward_log_prob(pi, actions, weights)
    assert model.gradient == pytest.approx(by_policy, rel=1e-3, abs=1e-5)
    model.values(rows)
    model.backward_value(pulls)
    assert model.gradient == pytest.approx(by_value, rel=1e-3, abs=1e-5)
    own = model.encoder.size
    assert np.abs(by_policy[:own]).max() > 0.01
    assert np.abs(by_value[own * (not shares) :][:own]).max() > 0.01
    assert bool((by_policy * by_value).any()) is shares


@pytest.mark.parametrize("shares", [True, False], ids=["one encoder", "two"])
def test_values_come_with_actions_only_where_features_are_shared(shares: bool) -> None:
    model = two_sighted(spaces.Discrete(3), shares=shares)
    rows = np.random.default_rng(1).integers(0, 256, (5, *PICTURE.shape), dtype=np.uint8)
    outputs, values = (None if one is None else one.copy() for one in model.act(rows))
    pi, V = model.assess(rows)
    assert pi.log_p == pytest.approx(model.family.of(outputs, model.log_std).log_p, abs=1e-6)
    assert model.values(rows) == pytest.approx(V, abs=1e-6)
    assert (values is not None) is model.shares_features is shares
    if values is not None:
        assert values == pytest.approx(V, abs=1e-6)


def test_the_networks_are_views_of_the_parameters() -> None:
    model = make(spaces.Discrete(2))
    model.parameters[:] = 0
    assert not model.policy.parameters[0][0].any()
    assert not model.policy.forward(np.ones((2, 3), np.float32)).any()


def test_the_first_policy_is_nearly_the_same_everywhere() -> None:
    model = make(spaces.Discrete(4))
    pi, _ = model.evaluate(np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32))
    assert pi.entropy().min() > 0.999 * np.log(4)


def test_layers_are_copies_that_act_alike() -> None:
    model = make(spaces.Discrete(4), activation="relu")
    layers, rows = model.layers(), np.ones((2, 3), np.float32)
    before = model.policy.forward(rows).copy()
    model.parameters[:] = 0
    h = rows
    for layer in layers:
        h = h @ layer.weight.T + layer.bias
        h = np.maximum(h, 0) if layer.activation == "relu" else h
    assert h == pytest.approx(before, rel=1e-5)
