"""Distributions against torch's own, and draws against the probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as theirs

from zoo import ZooError
from zoo_torch.families import family_of

HIGH = np.array([[1.0, 2.0]], np.float32)
SPACES: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(3, start=5),
    "multi-discrete": spaces.MultiDiscrete([3, 2]),
    "table": spaces.MultiDiscrete(np.array([[3, 2], [2, 4]])),
    "multi-binary": spaces.MultiBinary((2, 2)),
    "box": spaces.Box(-HIGH, HIGH),
    "unbounded": spaces.Box(-np.inf, np.inf, (2,), np.float64),
}


def reference(space: spaces.Space[Any], outputs: torch.Tensor, log_std: torch.Tensor) -> Any:
    """Return (log_prob, entropy) as functions out of torch.distributions."""
    if isinstance(space, spaces.Discrete):
        one = theirs.Categorical(logits=outputs)
        return one.log_prob, one.entropy
    if isinstance(space, spaces.MultiDiscrete):
        parts = [
            theirs.Categorical(logits=block)
            for block in outputs.split(np.ravel(space.nvec).tolist(), 1)
        ]
        return (
            lambda a: sum(part.log_prob(a[:, i]) for i, part in enumerate(parts)),
            lambda: sum(part.entropy() for part in parts),
        )
    one = (
        theirs.Bernoulli(logits=outputs)
        if isinstance(space, spaces.MultiBinary)
        else theirs.Normal(outputs, log_std.exp())
    )
    return (lambda a: one.log_prob(a).sum(1)), (lambda: one.entropy().sum(1))


@pytest.mark.parametrize("kind", SPACES)
def test_log_probabilities_entropies_and_gradients_are_those_of_torch(kind: str) -> None:
    space = SPACES[kind]
    family, rng = family_of(space), np.random.default_rng(0)
    outputs = rng.standard_normal((6, family.outputs)).astype(np.float32)
    log_std = rng.standard_normal(family.stds).astype(np.float32)
    actions = family.draw(outputs, log_std, family.noise(rng, 1, 6)[0])
    leaves = [torch.tensor(outputs, requires_grad=True), torch.tensor(log_std, requires_grad=True)]
    log_prob, entropy = reference(space, *leaves)
    theirs_log_prob, theirs_entropy = log_prob(torch.from_numpy(actions)), entropy()
    mine = family.of(outputs, log_std)
    assert mine.log_prob(actions) == pytest.approx(theirs_log_prob.tolist(), rel=1e-4, abs=1e-5)
    assert mine.entropy() == pytest.approx(theirs_entropy.tolist(), rel=1e-4, abs=1e-5)
    for by_log_prob, by_entropy in ((np.arange(-2, 4), 0.0), (np.arange(6), 0.7)):
        weights = by_log_prob.astype(np.float32)
        total = (theirs_log_prob * torch.tensor(weights)).sum() + by_entropy * theirs_entropy.sum()
        expected = torch.autograd.grad(
            total, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        found = mine.gradient(actions, weights, by_entropy)
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other.numpy(), rel=1e-3, abs=1e-4)


def pairs(kind: str, outputs: torch.Tensor, log_std: torch.Tensor) -> list[Any]:
    """Return torch's distributions whose divergences add up to that of the family of `kind`."""
    space = SPACES[kind]
    if isinstance(space, spaces.Discrete):
        return [theirs.Categorical(logits=outputs)]
    if isinstance(space, spaces.MultiDiscrete):
        blocks = outputs.split(np.ravel(space.nvec).tolist(), 1)
        return [theirs.Categorical(logits=block) for block in blocks]
    if isinstance(space, spaces.MultiBinary):
        return [theirs.Independent(theirs.Bernoulli(logits=outputs), 1)]
    return [theirs.Independent(theirs.Normal(outputs, log_std.exp()), 1)]


@pytest.mark.parametrize("kind", SPACES)
def test_divergences_and_their_gradients_are_those_of_torch(kind: str) -> None:
    family, rng = family_of(SPACES[kind]), np.random.default_rng(0)
    before, after = rng.standard_normal((2, 6, family.outputs)).astype(np.float32)
    std_before, std_after = 0.5 * rng.standard_normal((2, family.stds)).astype(np.float32)
    leaves = [torch.tensor(one, requires_grad=True) for one in (after, std_after)]
    old_and_new = zip(
        pairs(kind, torch.tensor(before), torch.tensor(std_before)), pairs(kind, *leaves),
        strict=True,
    )  # fmt: skip
    expected = torch.stack([theirs.kl_divergence(old, new) for old, new in old_and_new]).sum(0)
    old, new = family.of(before, std_before), family.of(after, std_after)
    assert new.kl_from(old) == pytest.approx(expected.tolist(), rel=1e-4, abs=1e-5)
    assert expected.max() > 0.1
    assert new.kl_from(new) == pytest.approx(np.zeros(6), abs=1e-6)
    slopes = torch.autograd.grad(
        0.7 * expected.sum(), leaves, allow_unused=True, materialize_grads=True
    )
    for one, other in zip(new.kl_gradient(old, 0.7), slopes, strict=True):
        assert one == pytest.approx(other.numpy(), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("kind", SPACES)
def test_the_fisher_metric_is_the_hessian_of_torch_s_divergence(kind: str) -> None:
    family, rng = family_of(SPACES[kind]), np.random.default_rng(0)
    outputs = rng.standard_normal((6, family.outputs)).astype(np.float32)
    log_std = 0.5 * rng.standard_normal(family.stds).astype(np.float32)
    direction = [rng.standard_normal(one.shape).astype(np.float32) for one in (outputs, log_std)]
    leaves = [torch.tensor(one, requires_grad=True) for one in (outputs, log_std)]
    old = pairs(kind, *[leaf.detach() for leaf in leaves])
    new = pairs(kind, *leaves)
    kl = sum(theirs.kl_divergence(one, other).sum() for one, other in zip(old, new, strict=True))
    settings = {"allow_unused": True, "materialize_grads": True}
    slopes = torch.autograd.grad(kl, leaves, create_graph=True, **settings)
    along = sum((s * torch.tensor(d)).sum() for s, d in zip(slopes, direction, strict=True))
    expected = torch.autograd.grad(along, leaves, **settings)
    found = family.of(outputs, log_std).fisher(*direction)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other.numpy(), rel=1e-3, abs=1e-4)
    assert np.abs(found[0]).max() > 0.1


@pytest.mark.parametrize("kind", SPACES)
def test_outputs_are_those_that_a_family_makes_the_same_distributions_of(kind: str) -> None:
    family, rng = family_of(SPACES[kind]), np.random.default_rng(0)
    outputs = rng.standard_normal((6, family.outputs)).astype(np.float32)
    log_std = rng.standard_normal(family.stds).astype(np.float32)
    pi = family.of(outputs, log_std)
    again = family.of(pi.outputs.copy(), log_std)
    assert pi.outputs.shape == outputs.shape
    assert again.kl_from(pi) == pytest.approx(np.zeros(6), abs=1e-6)


def test_logits_far_apart_do_not_overflow() -> None:
    for space in (spaces.Discrete(2), spaces.MultiBinary(2)):
        pi = family_of(space).of(np.array([[1e4, -1e4]], np.float32), np.zeros(0, np.float32))
        assert np.isfinite(pi.entropy()).all()
        assert np.isfinite(pi.gradient(np.zeros((1, 2)) if space.shape else np.array([1]),
                                       np.ones(1, np.float32), 1.0)[0]).all()  # fmt: skip
        other = family_of(space).of(np.array([[-1e4, 1e4]], np.float32), np.zeros(0, np.float32))
        assert np.isfinite(pi.kl_from(other)).all()


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("kind", SPACES)
def test_outputs_are_left_as_they_are(kind: str, rows: int) -> None:
    family = family_of(SPACES[kind])
    outputs = np.random.default_rng(0).standard_normal((rows, family.outputs)).astype(np.float32)
    before, log_std = outputs.copy(), np.zeros(family.stds, np.float32)
    pi = family.of(outputs, log_std)
    actions = family.draw(outputs, log_std, family.noise(np.random.default_rng(0), 1, rows)[0])
    pi.gradient(actions, np.ones(rows, np.float32), 1.0)
    assert np.array_equal(outputs, before)


@pytest.mark.parametrize("kind", SPACES)
def test_actions_are_members_of_the_space(kind: str) -> None:
    space = SPACES[kind]
    family, rng = family_of(space), np.random.default_rng(0)
    outputs = rng.standard_normal((50, family.outputs)).astype(np.float32)
    log_std = np.ones(family.stds, np.float32)
    rows = family.draw(outputs, log_std, family.noise(rng, 1, 50)[0])
    assert rows.shape == (50, *family.row)
    assert rows.dtype == family.dtype
    actions = family.in_space(rows)
    assert all(space.contains(action) for action in actions)


def test_draws_are_as_frequent_as_they_are_probable() -> None:
    family, rng = family_of(SPACES["discrete"]), np.random.default_rng(0)
    p = np.array([0.6, 0.3, 0.1])
    outputs = np.tile(np.log(p), (20_000, 1)).astype(np.float32)
    drawn = family.draw(outputs, np.empty(0), family.noise(rng, 1, 20_000)[0])
    assert np.bincount(drawn) / 20_000 == pytest.approx(p, abs=0.015)

    family = family_of(spaces.MultiBinary(2))
    outputs = np.tile(np.log([0.8 / 0.2, 0.1 / 0.9]), (20_000, 1)).astype(np.float32)
    drawn = family.draw(outputs, np.empty(0), family.noise(rng, 1, 20_000)[0])
    assert drawn.mean(0) == pytest.approx([0.8, 0.1], abs=0.015)


def test_integers_in_a_box_have_no_policy() -> None:
    with pytest.raises(ZooError, match="no policy over"):
        family_of(spaces.Box(0, 5, (2,), np.int64))
