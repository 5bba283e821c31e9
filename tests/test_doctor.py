from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from tests.actors import run_of
from zoo import doctor
from zoo.doctor import FAILED, MISSING, OK, Check, diagnose
from zoo.environments import rendering
from zoo.plugin.registry import reset_registry


def by_name(group: str) -> dict[str, Check]:
    return {check.name: check for check in doctor._GROUPS[group]()}


@pytest.mark.slow
def test_the_whole_diagnosis_is_plain_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "working_backend", lambda: "egl")
    found = diagnose()
    assert list(dict.fromkeys(check.group for check in found)) == list(doctor._GROUPS)
    rows = [check.to_json() for check in found]
    assert json.loads(json.dumps(rows)) == rows
    assert {check.status for check in found} <= {OK, MISSING, FAILED}
    assert all(check.hint for check in found if check.status == FAILED)


def test_versions_are_those_in_use() -> None:
    versions = by_name("versions")
    assert versions["numpy"].value == np.__version__
    assert versions["python"].value.startswith(platform.python_version())
    assert sys.prefix in versions["python"].value


def test_an_extra_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "imageio-ffmpeg":
            raise metadata.PackageNotFoundError(name)
        return "1.0.0" if name.lower() == "mujoco" else real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    monkeypatch.setattr(doctor.metadata, "metadata", lambda name: _Extras())
    required = {
        "agent-zoo": [
            "numpy>=1.26", "imageio-ffmpeg>=0.6; extra == 'video'", "absent-thing; extra == 'none'",
            "gymnasium[mujoco]<2; extra == 'mujoco'",
            "old; python_version < '3' and extra == 'none'",
        ],
        "gymnasium": ["numpy>=1.21", "mujoco>=2.1.5; extra == 'mujoco'"],
    }  # fmt: skip
    monkeypatch.setattr(doctor.metadata, "requires", required.get)
    found = by_name("extras")
    assert found["video"].value == "lacks imageio-ffmpeg"
    assert found["video"].hint == 'pip install "agent-zoo[video]"'
    assert found["none"].value == "lacks absent-thing"
    assert found["mujoco"].value == "lacks mujoco>=2.1.5 (found 1.0.0)"
    assert found["empty"].status == OK
    assert "base" not in found
    assert "dev" not in found


class _Extras:
    def get_all(self, key: str) -> list[str]:
        assert key == "Provides-Extra"
        return ["video", "mujoco", "none", "empty", "dev"]


@pytest.fixture
def broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    facts = tmp_path / "zoo_ruin-0.3.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-ruin\nVersion: 0.3\n")
    (facts / "entry_points.txt").write_text("[zoo]\nruin = zoo_ruin_hooks\n")
    (tmp_path / "zoo_ruin_hooks.py").write_text("raise RuntimeError('fell down')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ZOO_PLUGINS", "ruin")
    reset_registry()
    yield
    reset_registry()


@pytest.mark.usefixtures("broken_plugin")
def test_a_broken_plugin_is_told_with_its_reason() -> None:
    found = by_name("plugins")
    assert found["zoo"].status == OK
    assert found["ruin"].status == FAILED
    assert "fell down" in found["ruin"].value
    assert "zoo-ruin" in found["ruin"].hint


def test_a_plugin_that_is_asked_for_in_vain_stops_no_other_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rendering, "working_backend", lambda: None)
    monkeypatch.setenv("ZOO_PLUGINS", "no-such-plugin")
    reset_registry()
    try:
        found = {(check.group, check.name): check for check in diagnose()}
    finally:
        monkeypatch.delenv("ZOO_PLUGINS")
        reset_registry()
    assert "no-such-plugin" in found["plugins", "plugins"].value
    assert found["versions", "numpy"].status == OK
    assert found["storage", "runs"].status == OK


def test_drawing_names_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(rendering, "working_backend", lambda: None)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    found = by_name("drawing")
    assert (found["display"].status, found["video"].status) == (MISSING, MISSING)
    assert "agent-zoo[video]" in found["video"].hint
    assert found["mujoco"].status == FAILED
    assert "libosmesa6" in found["mujoco"].hint
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    assert "glfw" in by_name("drawing")["mujoco"].value


def test_cuda_is_looked_for_only_where_torch_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    found = by_name("device")
    assert (found["cuda"].status, found["cuda"].hint) == (MISSING, 'pip install "agent-zoo[torch]"')
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    assert by_name("device")["torch"].status == FAILED


def test_a_gpu_counts_only_where_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    found = by_name("device")["cuda:0"]  # which this torch knows nothing of
    assert found.status == FAILED
    assert found.value


def test_runs_that_cannot_be_written_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert by_name("storage")["runs"].status == OK
    assert not (tmp_path / "runs").exists()  # a look changes nothing

    def refuse(**_: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = by_name("storage")["runs"]
    assert (found.status, "Read-only" in found.value) == (FAILED, True)
    assert "ZOO_RUNS" in found.hint


def test_a_damaged_agent_is_told(own_runs: Path) -> None:
    run = run_of("FrozenLake-v1", name="bad")
    (run.path / "best" / "weights.safetensors").write_bytes(b"")
    found = by_name("storage")["ours/FrozenLake-v1/bad"]
    assert found.status == FAILED
    assert "weights.safetensors is damaged" in found.value
