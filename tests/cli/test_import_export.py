"""`zoo import` and `zoo export` from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from zoo.cli.main import main


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    weights = {"net.0.weight": np.eye(2, 4, dtype=np.float32)}
    save_file(weights, tmp_path / "net.safetensors")
    (tmp_path / "net.yml").write_text("head: q-value\nactivation: relu\n")
    return tmp_path / "net.safetensors"


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_a_model_comes_in_and_goes_out(network: Path) -> None:
    told = json.loads(
        run("import", network, "--env", "CartPole-v1", "--architecture", "net.yml",
            "--algo", "lab", "--json")
    )  # fmt: skip
    assert told["path"] == str(Path("imported") / "lab" / "CartPole-v1")
    assert (told["env_id"], told["kind"], told["notes"]) == ("CartPole-v1", "mlp", [])
    written = run("export", told["path"], "--format", "numpy")
    assert "CartPole-v1.npz" in written
    with np.load("CartPole-v1.npz") as file:
        np.testing.assert_array_equal(file["layers.0.weight"], np.eye(2, 4))
    assert "mean return" in run("eval", told["path"], "--episodes", "2")


def test_notes_go_to_stderr(network: Path) -> None:
    result = CliRunner().invoke(
        main,
        ["import", str(network), "--env", "MountainCar-v0", "--architecture", "net.yml"],
    )
    assert result.exit_code == 1  # two inputs, not four
    assert result.output.count("\n") == 1


def test_mistakes_are_one_line(network: Path) -> None:
    for arguments, said in (
        (("import", "nowhere.zip"), "there is no nowhere.zip"),
        (("import", network), "--architecture"),
        (("import", network, "--from", "layer"), "Did you mean layers?"),
        (("import", Path.cwd()), "no model that an importer recognises"),
        (("export", "sb3-ppo/CartPole-v1", "--format", "onxx"), "Did you mean onnx?"),
    ):
        output = run(*arguments, code=1)
        assert said in output
        assert output.count("\n") == 1
    assert "Missing option '--format'" in run("export", "sb3-ppo/CartPole-v1", code=2)
