"""What torch saves is read without torch, and tensors stay inside of their storages."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from typing import Any

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.foreign import torch_file

torch = pytest.importorskip("torch")


def saved(value: Any, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def state() -> dict[str, Any]:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {
        "whole": base,
        "turned": base.T,
        "part": base[1:3, ::2],
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "empty": torch.zeros(0, 3),
        "bool": torch.tensor([True, False]),
        "half": torch.ones(3, dtype=torch.float16),
        "long": torch.arange(5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_come_back(legacy: bool) -> None:
    tensors = state()
    found = torch_file.read_state(saved(tensors, legacy), "x.pth")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        expected = tensor.detach().numpy()
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_module_and_parts_inside_of_parts(legacy: bool) -> None:
    module = torch.nn.Linear(3, 2)
    value = ({"weights": module.state_dict(), "n": 3}, [torch.ones(1)])
    found = torch_file.read(saved(value, legacy), "x.pth")
    np.testing.assert_array_equal(found[0]["weights"]["weight"], module.weight.detach().numpy())
    assert found[0]["n"] == 3
    assert found[1][0].tolist() == [1.0]


def rewritten(data: bytes, change: Any) -> bytes:
    """Return a torch file whose members `change(name, content)` has changed; None drops one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def test_a_storage_that_is_short_or_missing_is_refused() -> None:
    data = saved({"w": torch.ones(4)})
    short = rewritten(data, lambda name, c: c[:8] if "/data/" in name else c)
    missing = rewritten(data, lambda name, c: None if "/data/" in name else c)
    swapped = rewritten(data, lambda name, c: b"big" if name.endswith("byteorder") else c)
    for file, said in ((short, "another size"), (missing, "missing"), (swapped, "other order")):
        with pytest.raises(ZooError, match=said):
            torch_file.read_state(file, "x.pth")


class Fake:
    """Pickled, it is the call of a name with arguments."""

    def __init__(self, name: Any, *arguments: Any) -> None:
        self.name, self.arguments = name, arguments

    def __reduce__(self) -> Any:
        return self.name, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value[1:] if isinstance(value, tuple) and value[:1] == ("persistent",) else None


def tensor_file(
    *, size: Any = (4,), stride: Any = (1,), offset: Any = 0, count: Any = 4, storage: Any = None
) -> bytes:
    storage = storage or torch.FloatStorage
    inner = ("persistent", "storage", storage, "0", "cpu", count)
    fake = Fake(torch._utils._rebuild_tensor_v2, inner, offset, size, stride, False, None)
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump({"w": fake})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", buffer.getvalue())
        file.writestr("archive/data/0", struct.pack("<4f", 1, 2, 3, 4))
    return archive.getvalue()


def test_the_forged_file_is_read_where_it_tells_the_truth() -> None:
    assert torch_file.read_state(tensor_file(), "x")["w"].tolist() == [1, 2, 3, 4]
    again = torch_file.read_state(tensor_file(size=(2, 2), stride=(1, 2)), "x")["w"]
    assert again.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    "lie",
    [
        {"size": (5,)},
        {"offset": 1},
        {"offset": -1},
        {"offset": 1 << 62},
        {"stride": (2,)},
        {"stride": (-1,)},
        {"size": (1 << 40,), "stride": (0,)},
        {"size": (4, 1 << 30), "stride": (1, 0)},
        {"size": (2, 2), "stride": (1,)},
        {"size": (1,) * 100, "stride": (1,) * 100},
        {"count": 1 << 40},
        {"count": -4},
        {"count": "4"},
        {"storage": torch.nn.Linear},
        {"storage": torch.BFloat16Storage},
        {"size": "4"},
    ],
)
def test_tensors_that_lie_are_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(ZooError) as caught:
        torch_file.read_state(tensor_file(**lie), "x.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0, 1, 50, 200, 400])
@pytest.mark.parametrize("legacy", [False, True])
def test_what_is_cut_off_is_refused(cut: int, legacy: bool) -> None:
    data = saved({"w": torch.ones(40)}, legacy)
    with pytest.raises(ZooError):
        torch_file.read_state(data[:-1] if cut == 1 else data[:cut], "x.pth")


def test_other_things_are_no_state() -> None:
    with pytest.raises(ZooError, match="no dictionary of tensors"):
        torch_file.read_state(saved([1, 2]), "x.pth")
    with pytest.raises(ZooError, match=r"no data\.pkl"):
        torch_file.read_state(rewritten(saved({}), lambda n, c: None if "pkl" in n else c), "x")
    with pytest.raises(ZooError, match="did not write it"):
        torch_file.read_state(pickle.dumps(1) * 5, "x.pth")


@pytest.mark.parametrize("legacy", [False, True])
def test_many_tensors_of_one_storage_are_bounded_together(
    legacy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = torch.ones(100)
    data = saved({f"w{i}": shared for i in range(50)}, legacy)
    assert len(torch_file.read_state(data, "x.pth")) == 50
    monkeypatch.setattr(torch_file, "_MAX_BYTES", 50 * 400 - 1)
    with pytest.raises(ZooError, match="too many bytes together"):
        torch_file.read_state(data, "x.pth")
