"""Networks of convolutions in NumPy against torch's own modules, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zoo import ZooError
from zoo.agents.convolutions import (
    Convolution,
    Flatten,
    Linear,
    MaxPool,
    Network,
    Relu,
    Residual,
    compile_network,
    describe_network,
    output_shape,
    parameter_shapes,
    restore_network,
)

torch = pytest.importorskip("torch", reason="needs the extra `torch`")
SHAPE = (3, 13, 11)
BRANCH = (Relu(), Convolution(5, 3, padding=1), Relu(), Convolution(5, 3, padding=1))
NETWORKS: dict[str, Network] = {
    "convolution": (Convolution(4, 3),),
    "strides and padding": (Convolution(4, 4, stride=3, padding=2),),
    "one pixel": (Convolution(2, 1),),
    "pool": (MaxPool(3, 2, 1),),
    "pool without padding": (MaxPool(2, 2),),
    "residual": (Convolution(5, 3), Residual(BRANCH), Relu()),
    "to features": (Convolution(4, 5, 2), Relu(), Flatten(), Linear(7), Relu(), Linear(2)),
}


def modules(network: Network, shape: tuple[int, ...]) -> list[torch.nn.Module]:
    """Return the torch modules that a network's names promise."""
    made: list[torch.nn.Module] = []
    for stage in network:
        match stage:
            case Convolution():
                one = torch.nn.Conv2d(
                    shape[0], stage.filters, stage.size, stage.stride, stage.padding
                )
            case MaxPool():
                one = torch.nn.MaxPool2d(stage.size, stage.stride, stage.padding)
            case Relu():
                one = torch.nn.ReLU()
            case Flatten():
                one = torch.nn.Flatten()
            case Linear():
                one = torch.nn.Linear(shape[0], stage.units)
            case Residual():
                one = torch.nn.Sequential(*modules(stage.branch, shape))
        made.append(one)
        shape = stage.output(shape)
    return made


def run(network: Network, made: list[torch.nn.Module], x: torch.Tensor) -> torch.Tensor:
    for stage, module in zip(network, made, strict=True):
        x = x + module(x) if isinstance(stage, Residual) else module(x)
    return x


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_network_gives_what_torch_gives(network: Network) -> None:
    torch_rng = torch.Generator().manual_seed(1)
    made = modules(network, SHAPE)
    tensors = {}
    for index, module in enumerate(made):
        for name, parameter in module.named_parameters():
            parameter.data = torch.randn(parameter.shape, generator=torch_rng)
            tensors[f"{index}.{name}"] = parameter.detach().numpy()
    assert {name: one.shape for name, one in tensors.items()} == parameter_shapes(network, SHAPE)
    x = np.random.default_rng(0).standard_normal((6, *SHAPE)).astype(np.float32)
    with torch.no_grad():
        expected = run(network, made, torch.from_numpy(x)).numpy()
    assert expected.shape[1:] == output_shape(network, SHAPE)
    given = x.transpose(0, 2, 3, 1).copy()
    found = compile_network(network, SHAPE, tensors)(given)
    if found.ndim == 4:
        found = found.transpose(0, 3, 1, 2)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_large_batch_is_computed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS["to features"]
    rng = np.random.default_rng(0)
    shapes = parameter_shapes(network, SHAPE)
    tensors = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    x = rng.standard_normal((9, 13, 11, 3)).astype(np.float32)
    at_once = compile_network(network, SHAPE, tensors)(x.copy())
    monkeypatch.setattr("zoo.agents.convolutions._CHUNK", 5000)  # of 5 x 4 x 75 numbers each
    assert compile_network(network, SHAPE, tensors)(x.copy()) == pytest.approx(at_once, abs=1e-4)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_network_is_the_same_after_json(network: Network) -> None:
    assert restore_network(json.loads(json.dumps(describe_network(network)))) == network


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (lambda: Convolution(0, 3), "filters .* cannot be 0"),
        (lambda: Convolution(4, 3.0), "size .* cannot be 3.0"),  # type: ignore[arg-type]
        (lambda: Convolution(4, 3, True), "stride .* cannot be True"),
        (lambda: Convolution(4, 3, 1, 1_000_000), "more padding"),
        (lambda: MaxPool(2, 0), "stride .* cannot be 0"),
        (lambda: Residual((Residual(BRANCH),)), "residual block in its branch"),
        (lambda: Residual((Convolution(4, 3),)).output(SHAPE), "changes the shape"),
        (lambda: Convolution(4, 12).output(SHAPE), "13 x 11 pixels is too small .* 12 x 12"),
        (lambda: Convolution(4, 3).output((5,)), "needs an image"),
        (lambda: restore_network([{"stage": "rely"}]), "Did you mean relu"),
    ],
)
def test_what_cannot_be_is_refused(stage, said: str) -> None:
    with pytest.raises(ZooError, match=said):
        stage()


def test_a_convolution_that_would_fill_the_memory_is_refused() -> None:
    shape = (3, 1000, 1000)
    tensors = {n: np.zeros(s, np.float32) for n, s in Convolution(1, 500).parameters(shape).items()}
    with pytest.raises(ZooError, match="numbers for one image"):
        Convolution(1, 500).compile(shape, tensors)
