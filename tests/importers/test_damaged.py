"""Models whose files are damaged, too large or do not fit together: one line of error."""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.importers.spoiling import poison, rewrite

pytest.importorskip("stable_baselines3")
MUTATIONS = max(30, int(os.environ.get("ZOO_FUZZ", "0")) // 20)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[" * 100_000, b"[]", b'{"policy_class": {":serialized:": 3}}', b"\xff\xfe",
     b'{"policy_class": {":serialized:": "%%%"}}', b'{"n": ' + b"9" * 10_000 + b"}"],
)  # fmt: skip
def test_strange_data(data: bytes, run: Path, tries: Callable[[], str]) -> None:
    rewrite(run, lambda name, content: data if name == "data" else content)
    assert "data of" in tries()


def test_weights_that_do_not_fit(run: Path, tries: Callable[[], str]) -> None:
    torch = pytest.importorskip("torch")
    import io

    def state(**tensors: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save({name.replace("__", "."): t for name, t in tensors.items()}, buffer)
        return buffer.getvalue()

    for content in (
        state(),
        state(action_net__weight=torch.zeros(1, 4)),
        state(action_net__weight=torch.zeros(7, 3), log_std=torch.zeros(1)),
        state(action_net__weight=torch.zeros(1, 3), log_std=torch.zeros(2)),
        state(action_net__weight=torch.full((1, 3), np.nan), log_std=torch.zeros(1)),
        state(action_net__weight=torch.zeros(3), log_std=torch.zeros(1)),
    ):
        rewrite(run, lambda name, old, new=content: new if name == "policy.pth" else old)  # type: ignore[misc]
        assert tries() != ""


def test_a_zip_that_leads_out(run: Path, tries: Callable[[], str]) -> None:
    with zipfile.ZipFile(run / "Pendulum-v1.zip", "a") as file:
        file.writestr("../../escaped", b"x")
    assert "leads out of it" in tries()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice(run: Path, tries: Callable[[], str]) -> None:
    with zipfile.ZipFile(run / "Pendulum-v1.zip", "a") as file:
        file.writestr("policy.pth", b"x")
    assert "stands twice" in tries()


@pytest.mark.parametrize(
    "header",
    [
        b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 64]}}',
        b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [8, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 16]}}',
        b'{"w": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}',
        b'{"w": {"dtype": "OBJ", "shape": [4], "data_offsets": [0, 16]}}',
        b'{"v": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},'
        b' "w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}',
        b'{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
        b"[" * 10_000,
        b'{"w": NaN}',
        b"",
    ],
)
@pytest.mark.parametrize("length", [None, 1 << 40, (1 << 64) - 1])
def test_safetensors(header: bytes, length: int | None, tmp_path: Path) -> None:
    size = (len(header) if length is None else length).to_bytes(8, "little")
    path = tmp_path / "x.safetensors"
    path.write_bytes(size + header + b"\0" * 16)
    described = {"head": "linear", "activation": "relu"}
    with pytest.raises(zoo.ZooError) as caught:
        zoo.import_agent(path, tmp_path / "a", env="CartPole-v1", architecture=described)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a").exists()


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return `data` with a few bytes changed, put in, taken out or doubled."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(len(changed))) if changed else 0
        match rng.integers(4):
            case 0 if changed:
                changed[at] = rng.choice([0, 255, ord("R"), ord("."), rng.integers(256)])
            case 1:
                changed[at:at] = rng.bytes(int(rng.integers(1, 6)))
            case 2:
                del changed[at : at + int(rng.integers(1, 8))]
            case 3:
                changed[at:at] = changed[at : at + int(rng.integers(1, 50))]
    return bytes(changed)


@pytest.mark.parametrize(
    "part", ["data", "policy.pth", "pickles", "vecnormalize.pkl", "config.yml"]
)
def test_any_damage_is_one_line(part: str, run: Path, tries: Callable[[], str]) -> None:
    rng = np.random.default_rng(0)
    beside = run / "Pendulum-v1" / part
    whole = (run / "Pendulum-v1.zip").read_bytes()
    content = beside.read_bytes() if beside.is_file() else b""
    for _ in range(MUTATIONS):
        (run / "Pendulum-v1.zip").write_bytes(whole)
        if content:
            beside.write_bytes(damaged(content, rng))
        elif part == "pickles":
            with zipfile.ZipFile(run / "Pendulum-v1.zip") as file:
                facts = json.loads(file.read("data"))
            key = rng.choice(["policy_class", "policy_kwargs", "observation_space", "action_space"])
            if isinstance(facts[key], dict) and ":serialized:" in facts[key]:
                poison(run, key, damaged(base64.b64decode(facts[key][":serialized:"]), rng))
        else:
            rewrite(run, lambda name, old: damaged(old, rng) if name == part else old)
        tries()
        shutil.rmtree(run.parents[1] / "agent", ignore_errors=True)


@pytest.mark.parametrize("key", ["observation_space", "action_space"])
@pytest.mark.parametrize(
    "odd", [spaces.Box(0, 255, (3, 4, 4), np.uint8), spaces.MultiBinary([2, 3]), spaces.Dict({})]
)
def test_spaces_that_do_not_fit_the_layers(
    key: str, odd: Any, run: Path, tries: Callable[[], str]
) -> None:
    (run / "Pendulum-v1" / "vecnormalize.pkl").unlink()
    (run / "Pendulum-v1" / "config.yml").unlink()
    poison(run, key, pickle.dumps(odd))
    assert "does not fit together" in tries()


def test_contact_forces_that_the_layers_do_not_read(run: Path, tries: Callable[[], str]) -> None:
    (run / "Pendulum-v1" / "vecnormalize.pkl").unlink()
    (run / "Pendulum-v1" / "config.yml").unlink()
    (run / "Pendulum-v1" / "args.yml").write_text("algo: ppo\nenv: Ant-v3\n")
    poison(run, "observation_space", pickle.dumps(spaces.Box(-1.0, 1.0, (111,), np.float32)))
    assert "does not fit together" in tries()


def test_statistics_too_large_are_not_read_whole(
    run: Path, tries: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.foreign.pickles.MAX_BYTES", 100_000)
    (run / "Pendulum-v1" / "vecnormalize.pkl").write_bytes(b"x" * 500_000)
    assert "too large to be read: 100001 bytes" in tries()


def test_endless_arguments_are_refused(run: Path, tries: Callable[[], str]) -> None:
    poison(run, "policy_kwargs", pickle.dumps({str(i): 0 for i in range(101)}))
    assert "101 arguments" in tries()
