"""Plain networks with a description become agents that act as torch and ONNX do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo

torch = pytest.importorskip("torch")
nn = torch.nn
SEEN = np.random.default_rng(0).uniform(-2, 2, (300, 4)).astype(np.float32)


@pytest.fixture
def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))


def greedy(net: Any) -> np.ndarray:
    with torch.no_grad():
        return net(torch.from_numpy(SEEN)).argmax(1).numpy()


def test_a_state_dict_and_safetensors(net: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.save(net.state_dict(), tmp_path / "policy.pth")
    save_file(net.state_dict(), tmp_path / "policy.safetensors")
    (tmp_path / "net.yml").write_text("head: categorical\nactivation: tanh\n")
    for name in ("policy.pth", "policy.safetensors"):
        bundle, _ = zoo.import_agent(
            tmp_path / name, tmp_path / "a", env="CartPole-v1", architecture=tmp_path / "net.yml"
        )
        np.testing.assert_array_equal(bundle.agent().act(SEEN), greedy(net))
        assert bundle.algorithm == "imported"


def test_layers_and_statistics_by_name(net: Any, tmp_path: Path) -> None:
    mean, var = torch.full((4,), 0.5), torch.full((4,), 4.0)
    state = {f"actor.{k}": v for k, v in net.state_dict().items()}
    more = {"critic.weight": torch.zeros(1, 4), "critic.bias": torch.zeros(1)}
    torch.save(state | more | {"mean": mean, "var": var}, tmp_path / "p.pt")
    described = {
        "head": "q-value", "activation": "tanh", "layers": ["actor.0", "actor.2", "actor.4"],
        "mean": "mean", "var": "var",
    }  # fmt: skip
    bundle, _ = zoo.import_agent(
        tmp_path / "p.pt", tmp_path / "a", env="CartPole-v1", architecture=described
    )
    expected = bundle.agent().act(SEEN * 2 + 0.5)
    np.testing.assert_array_equal(expected, greedy(net))


def test_a_gaussian(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 1))
    torch.save(net.state_dict() | {"log_std": torch.zeros(1)}, tmp_path / "p.pth")
    described = {"head": "gaussian", "activation": "tanh", "log_std": "log_std"}
    bundle, _ = zoo.import_agent(
        tmp_path / "p.pth", tmp_path / "a", env="Pendulum-v1", architecture=described
    )
    with torch.no_grad():
        expected = net(torch.from_numpy(SEEN[:, :3])).clamp(-2, 2).numpy()
    np.testing.assert_allclose(bundle.agent().act(SEEN[:, :3]), expected, atol=1e-6)


@pytest.mark.parametrize("operators", ["gemm", "matmul"])
def test_an_onnx_graph(net: Any, tmp_path: Path, operators: str) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, value = [], [], "x"
    for index, module in enumerate(net):
        out = f"v{index}"
        if isinstance(module, nn.Tanh):
            nodes.append(helper.make_node("Tanh", [value], [out]))
        else:
            weight, bias = (p.detach().numpy() for p in (module.weight, module.bias))
            if operators == "matmul":
                weight = np.ascontiguousarray(weight.T)
            constants += [numpy_helper.from_array(weight, f"w{index}")]
            constants += [numpy_helper.from_array(bias, f"b{index}")]
            if operators == "gemm":
                inputs = [value, f"w{index}", f"b{index}"]
                nodes.append(helper.make_node("Gemm", inputs, [out], transB=1))
            else:
                nodes.append(helper.make_node("MatMul", [value, f"w{index}"], [f"{out}m"]))
                nodes.append(helper.make_node("Add", [f"{out}m", f"b{index}"], [out]))
        value = out
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("x", 4), (value, 2))
    ]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], constants))
    onnx.save_model(model, tmp_path / "net.onnx")
    bundle, _ = zoo.import_agent(tmp_path / "net.onnx", tmp_path / "a", env="CartPole-v1")
    np.testing.assert_array_equal(bundle.agent().act(SEEN), greedy(net))


def test_what_is_missing_is_named(net: Any, tmp_path: Path) -> None:
    path = tmp_path / "p.pth"
    torch.save(net.state_dict(), path)
    with pytest.raises(zoo.ZooError, match=r"head and activation must be given.*--architecture"):
        zoo.import_agent(path, tmp_path / "a", env="CartPole-v1")
    with pytest.raises(zoo.ZooError, match="Did you mean head"):
        zoo.import_agent(path, tmp_path / "a", architecture={"haed": "linear"})
    described = {"head": "linear", "activation": "relu"}
    with pytest.raises(zoo.ZooError, match="does not say which environment"):
        zoo.import_agent(path, tmp_path / "a", architecture=described)
    described["layers"] = ["1"]
    with pytest.raises(zoo.ZooError, match=r"has no 1\.weight"):
        zoo.import_agent(path, tmp_path / "a", env="CartPole-v1", architecture=described)
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    with pytest.raises(zoo.ZooError, match="cannot be read"):
        zoo.import_agent(tmp_path / "x.onnx", tmp_path / "a", env="CartPole-v1")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([("Gemm", ["x"], ["y"])], "do not fit"),
        ([("MatMul", ["x"], ["y"])], "do not fit"),
        ([("Gemm", ["x", "w"], [])], "do not fit"),
        ([("Constant", [], [])], "do not fit"),
        ([("Gemm", ["x", "scalar", "bias"], ["y"])], "do not fit"),
        ([("Gemm", ["x", "w", "long"], ["y"])], "do not fit"),
        ([("MatMul", ["x", "w"], ["z"]), ("Add", ["z", "z"], ["y"])], "do not fit"),
        ([("MatMul", ["w", "x"], ["y"])], "input on the right"),
        ([("MatMul", ["x", "w"], ["z"])], "not the end of its nodes"),
    ],
)
def test_graphs_that_are_not_whole_are_refused(
    nodes: list[tuple[str, list[str], list[str]]], said: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    numbers = {"w": (4, 2), "bias": (2,), "long": (3,), "scalar": ()}
    arrays = [numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in numbers.items()]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "xy"]
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes], "g", ends[:1], ends[1:], arrays
    )
    (tmp_path / "x.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(zoo.ZooError, match=said) as caught:
        zoo.import_agent(tmp_path / "x.onnx", tmp_path / "a", env="CartPole-v1")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["9" * 5000, "\u00b2"])
def test_names_of_layers_that_are_hardly_numbers(name: str, tmp_path: Path) -> None:
    torch.save({f"{name}.weight": torch.ones(2, 2)}, tmp_path / "x.pth")
    described = {"head": "q-value", "activation": "relu"}
    with pytest.raises(zoo.ZooError, match="layers do not fit"):
        zoo.import_agent(
            tmp_path / "x.pth", tmp_path / "a", env="CartPole-v1", architecture=described
        )
    with pytest.raises(zoo.ZooError, match="no activation"):
        zoo.import_agent(
            tmp_path / "x.pth", tmp_path / "a", architecture={**described, "activation": []}
        )
