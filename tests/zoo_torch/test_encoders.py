"""Encoders against torch modules written plainly: features, gradients, first weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from zoo import ZooError
from zoo_torch import convolutions
from zoo_torch.encoders import ARCHITECTURES, encoder_for

LAST, FIRST = (spaces.Box(0, 255, shape, np.uint8) for shape in ((40, 36, 3), (3, 40, 36)))


def bound(space, kind=None, *, seed: int = 0, shares: bool = True, **settings):
    """Return an encoder with parameters and gradient of its own."""
    encoder = encoder_for(space, kind, rng=np.random.default_rng(seed), **settings)
    assert encoder is not None
    encoder._shares = shares  # as if its device had another memory
    parameters, gradient = np.zeros((2, encoder.size), np.float32)
    encoder.bind(parameters, gradient)
    return encoder, parameters, gradient


def images(space: spaces.Box, n: int = 5) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, *space.shape), dtype=np.uint8)


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, channels, 3, padding=1)
        self.two = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.two(torch.relu(self.one(torch.relu(x))))


def plain(kind: str, inputs: int) -> nn.Module:
    """Return the network as its paper has it."""
    if kind == "nature":
        trunk = [nn.Conv2d(3, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(),
                 nn.Conv2d(64, 64, 3), nn.ReLU()]  # fmt: skip
        units = 512
    elif kind == "minatar":
        trunk, units = [nn.Conv2d(3, 16, 3), nn.ReLU()], 128
    else:
        trunk, units, channels = [], 256, 3
        for width in (16, 32, 32):
            trunk += [nn.Conv2d(channels, width, 3, padding=1), nn.MaxPool2d(3, 2, 1)]
            trunk += [Block(width), Block(width)]
            channels = width
        trunk.append(nn.ReLU())
    return nn.Sequential(*trunk, nn.Flatten(), nn.Linear(inputs, units), nn.ReLU())


def filled(module: nn.Module, parameters: np.ndarray) -> list[nn.Parameter]:
    """Put the encoder's parameters into a module, in order."""
    leaves, start = list(module.parameters()), 0
    for leaf in leaves:
        leaf.data = torch.tensor(parameters[start : start + leaf.numel()]).view(leaf.shape)
        start += leaf.numel()
    assert start == len(parameters)
    return leaves


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "mirrored"])
@pytest.mark.parametrize("space", [LAST, FIRST], ids=["last", "first"])
@pytest.mark.parametrize(("kind", "inputs"), [("nature", 64), ("impala", 800), ("minatar", 20672)])
def test_features_and_gradient_are_those_of_plain_modules(
    kind: str, inputs: int, space: spaces.Box, shares: bool
) -> None:
    encoder, parameters, gradient = bound(space, kind, shares=shares)
    module = plain(kind, inputs)
    leaves = filled(module, parameters)
    rows = images(space)
    x = torch.from_numpy(rows).float() / 255
    theirs = module(x if space is FIRST else x.permute(0, 3, 1, 2))
    ours = encoder.forward(rows)
    assert ours.shape == (5, encoder.outputs) == tuple(theirs.shape)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), 1e-4, 1e-4)

    by = np.random.default_rng(2).standard_normal(ours.shape).astype(np.float32)
    (theirs * torch.from_numpy(by)).sum().backward()
    gradient[:] = 7  # is written, not added to
    encoder.backward(by)
    expected = np.concatenate([leaf.grad.numpy().ravel() for leaf in leaves])
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(gradient, expected, 1e-3, 2e-3)


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "mirrored"])
@pytest.mark.parametrize(("kind", "inputs"), [("nature", 64), ("impala", 800), ("minatar", 20672)])
def test_a_push_is_the_jacobian_times_a_direction(
    kind: str, inputs: int, shares: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, parameters, gradient = bound(FIRST, kind, shares=shares)
    module = plain(kind, inputs)
    leaves = filled(module, parameters)
    rows = images(FIRST)
    features = module(torch.from_numpy(rows).float() / 255)
    # J v by two backward passes: the derivative by u of (u J) v
    u = torch.zeros_like(features, requires_grad=True)
    by_leaves = torch.autograd.grad(features, leaves, u, create_graph=True)
    v = np.random.default_rng(2).standard_normal(len(parameters)).astype(np.float32)
    along = torch.cat([one.flatten() for one in by_leaves]) @ torch.from_numpy(v)
    (expected,) = torch.autograd.grad(along, u)
    monkeypatch.setattr(convolutions, "CHUNK", 2)
    gradient[:] = 7
    found = encoder.push(rows, v)
    scale = float(expected.abs().max())
    assert scale > 1
    np.testing.assert_allclose(found, expected.numpy(), 1e-3, 1e-4 * scale)
    assert (gradient == 7).all()


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "mirrored"])
def test_a_pull_in_pieces_is_the_gradient_of_all_rows(
    shares: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = spaces.Dict({"a": LAST, "n": spaces.Discrete(3)})
    encoder, parameters, gradient = bound(space, shares=shares)
    rows = encoder.rows({"a": images(LAST, 7), "n": np.arange(7) % 3})
    by = np.random.default_rng(2).standard_normal((7, encoder.outputs)).astype(np.float32)
    encoder.forward(rows)
    encoder.backward(by)
    expected = gradient.copy()
    monkeypatch.setattr(convolutions, "CHUNK", 3)
    gradient[:] = 7
    encoder.pull(rows, by)
    np.testing.assert_allclose(gradient, expected, 1e-3, 1e-4)
    assert np.abs(expected).max() > 0.1
    v = np.random.default_rng(3).standard_normal(len(parameters)).astype(np.float32)
    moved = encoder.push(rows, v)  # which is its transpose
    assert float((by * moved).sum()) == pytest.approx(float(expected @ v), rel=1e-3)
    assert not moved[:, 256:].any()  # no parameter moves the numbers beside the images


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "mirrored"])
def test_products_leave_what_backward_needs_and_see_what_the_parameters_are_now(
    shares: bool,
) -> None:
    encoder, parameters, gradient = bound(LAST, shares=shares)
    rows, other = images(LAST), images(LAST, 3)[::-1].copy()
    by, v = np.ones((5, 512), np.float32), np.ones_like(parameters)
    encoder.forward(rows)
    encoder.backward(by)
    expected = gradient.copy()
    encoder.forward(rows)
    encoder.push(other, v)
    encoder.pull(other, by[:3])
    assert not np.array_equal(gradient, expected)
    encoder.backward(by)
    assert np.array_equal(gradient, expected)
    parameters[:] = 0
    assert not encoder.push(rows, v).any()  # the last rectifiers are shut
    encoder.pull(rows, by)
    assert not gradient.any()


def test_passes_on_a_gpu_are_repeatable_and_leave_the_flags_as_they_were() -> None:
    encoder, *_ = bound(LAST)
    flags = torch.backends.cudnn
    before = flags.enabled, flags.benchmark, flags.deterministic, flags.allow_tf32
    encoder._device = torch.device("cuda")
    with encoder._repeatable():
        assert flags.enabled
        assert flags.deterministic
        assert not flags.benchmark
        assert flags.allow_tf32 == before[-1]
    assert (flags.enabled, flags.benchmark, flags.deterministic, flags.allow_tf32) == before


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "mirrored"])
def test_a_pass_sees_what_the_parameters_are_now(shares: bool) -> None:
    encoder, parameters, _ = bound(LAST, shares=shares)
    rows = images(LAST)
    before = encoder.infer(rows)
    np.testing.assert_allclose(encoder.forward(rows), before, atol=1e-5)
    parameters[:] = 0
    assert before.any()
    assert not encoder.infer(rows).any()
    assert not encoder.forward(rows).any()


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "mirrored"])
def test_inference_leaves_what_backward_needs_and_takes_many_rows_in_pieces(shares: bool) -> None:
    encoder, _, gradient = bound(LAST, shares=shares)
    rows, many = images(LAST), images(LAST, 600)
    features = encoder.forward(rows)
    pieces = encoder.infer(many)
    encoder.backward(np.ones_like(features))
    kept = gradient.copy()
    assert pieces.shape == (600, 512)
    np.testing.assert_allclose(pieces[590:], encoder.infer(many[590:]), atol=1e-5)
    encoder.forward(rows)
    encoder.backward(np.ones_like(features))
    assert np.array_equal(gradient, kept)


def test_a_dict_s_images_are_encoded_and_the_rest_is_beside_them() -> None:
    space = spaces.Dict({"a": LAST, "n": spaces.Discrete(3), "b": FIRST})
    encoder, parameters, gradient = bound(space)
    seen = {"a": images(LAST), "b": images(FIRST)[::-1].copy(), "n": np.array([0, 1, 2, 0, 1])}
    features = encoder.forward(encoder.rows(seen))
    assert features.shape == (5, 256 + 256 + 3)
    assert np.array_equal(features[:, 512:], np.eye(3, dtype=np.float32)[seen["n"]])
    alone, own, _ = bound(spaces.Dict({"a": LAST}))
    own[:] = parameters[: len(own)]
    np.testing.assert_allclose(features[:, :256], alone.infer(alone.rows(seen)), atol=1e-5)
    by = np.zeros_like(features)
    by[:, 256:] = 1  # nothing depends on the first image
    encoder.backward(by)
    assert not gradient[: len(own)].any()
    assert gradient[len(own) :].any()


def test_first_weights_are_orthogonal_and_biases_nought() -> None:
    encoder, parameters, _ = bound(LAST, "nature")
    (tensors,) = encoder.tensors()
    flat = tensors["2.weight"].reshape(64, -1)
    assert flat @ flat.T == pytest.approx(2 * np.eye(64), abs=1e-4)
    assert not any(one.any() for name, one in tensors.items() if name.endswith("bias"))
    _, other, _ = bound(LAST, "nature", seed=1)
    _, again, _ = bound(LAST, "nature")
    assert np.array_equal(parameters, again)
    assert not np.array_equal(parameters, other)
    _, torch_s, _ = bound(LAST, "nature", orthogonal=False)
    edge = 1 / np.sqrt(3 * 8 * 8)
    assert 0.9 * edge < np.abs(torch_s[: 32 * 3 * 8 * 8 + 32]).max() <= edge


def test_a_target_keeps_the_parameters_that_it_is_bound_to() -> None:
    target = encoder_for(LAST)
    parameters, gradient = np.full((2, target.size), 0.5, np.float32)
    target.bind(parameters, gradient)
    assert (parameters == 0.5).all()


def test_the_global_generator_of_torch_is_left_alone() -> None:
    before = torch.get_rng_state()
    encoder, _, _ = bound(LAST, "impala")
    encoder.backward(encoder.forward(images(LAST)))
    encoder.pull(images(LAST), encoder.push(images(LAST), np.ones(encoder.size, np.float32)))
    assert torch.equal(torch.get_rng_state(), before)


def test_read_only_rows_are_read_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    encoder, _, _ = bound(LAST)
    rows = images(LAST)
    rows.flags.writeable = False
    encoder.infer(rows)
    assert not recwarn.list


def test_numbers_that_are_no_bytes_are_not_scaled() -> None:
    space = spaces.Box(0, 1, (10, 10, 4), np.bool_)
    encoder, _, _ = bound(space, "minatar")
    rows = np.random.default_rng(0).random((3, 10, 10, 4)) < 0.5
    doubled = encoder.infer(rows.astype(np.float32) * 2)
    assert doubled == pytest.approx(2 * encoder.infer(rows), rel=1e-4, abs=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ZooError, match=r"does not fit Box.* is too small .*minatar"):
        encoder_for(spaces.Box(0, 255, (10, 10, 3), np.uint8), "nature")
    with pytest.raises(ZooError, match=r"unknown encoder 'natur'.*Did you mean nature"):
        encoder_for(LAST, "natur")
    assert encoder_for(LAST, "flatten") is None
    assert encoder_for(spaces.Box(-1, 1, (3,))) is None


def test_the_catalogue_imports_no_torch() -> None:
    program = "import sys, zoo_torch.encoders; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False"
    assert set(ARCHITECTURES) == {"nature", "impala", "minatar"}
