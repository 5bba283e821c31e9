"""Repositories that other libraries made are imported from a hub as from a directory."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from huggingface_hub import HfApi

import zoo
from tests.hub.server.serving import Served

sb3 = pytest.importorskip("stable_baselines3")


@pytest.fixture
def repository(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Push what a repository such as sb3/ppo-CartPole-v1 has, and return its commit."""
    monkeypatch.setenv("HF_TOKEN", served.token)
    folder = tmp_path / "ppo-CartPole-v1"
    (folder / "ppo-CartPole-v1").mkdir(parents=True)
    model = sb3.PPO("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": [4]})
    model.save(folder / "ppo-CartPole-v1.zip")
    (folder / "ppo-CartPole-v1" / "data").write_text("{}")
    (folder / "train_eval_metrics.zip").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    (folder / "args.yml").write_text("algo: ppo\nenv: CartPole-v1\n")
    (folder / "config.yml").write_text("normalize: false\n")
    (folder / "env_kwargs.yml").write_text("{}\n")
    (folder / "README.md").write_text("---\nlibrary_name: stable-baselines3\n---\n# PPO\n")
    api = HfApi(endpoint=served.url, token=served.token)
    api.create_repo("lab/ppo-CartPole-v1")
    return api.upload_folder(repo_id="lab/ppo-CartPole-v1", folder_path=folder).oid


def test_a_repository_comes_in(repository: str, served: Served, tmp_path: Path) -> None:
    source = "hf:lab/ppo-CartPole-v1"
    bundle, _ = zoo.import_agent(source, tmp_path / "agent", endpoint=served.url)
    assert (bundle.algorithm, bundle.env_id) == ("sb3-ppo", "CartPole-v1")
    assert bundle.manifest["training"]["source"] == f"{source}@{repository}"
    pinned, _ = zoo.import_agent(f"{source}@{repository}", tmp_path / "agent", endpoint=served.url)
    assert pinned.digest == bundle.digest


def test_what_is_not_there_is_said(repository: str, served: Served, tmp_path: Path) -> None:
    with pytest.raises(zoo.ZooError, match="lab/nothing"):
        zoo.import_agent("hf:lab/nothing", tmp_path / "agent", endpoint=served.url)
    with pytest.raises(zoo.ZooError, match="only from 'hf'"):
        zoo.import_agent("lab:walker", tmp_path / "agent")
    with pytest.raises(zoo.ZooError, match=r"there is no nowhere\.zip"):
        zoo.import_agent("nowhere.zip")


def test_files_are_bounded_together(
    repository: str, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever sizes the hub tells."""
    from zoo.hub import foreign

    left: list[int] = []
    whole = foreign.HuggingFaceHub.file

    def noted(self: object, name: str, path: str, commit: str, most: int, **more: int) -> bytes:
        left.append(most)
        return whole(self, name, path, commit, most, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(foreign.HuggingFaceHub, "file", noted)
    zoo.import_agent("hf:lab/ppo-CartPole-v1", tmp_path / "agent", endpoint=served.url)
    assert len(left) > 2
    assert all(later < earlier for earlier, later in pairwise(left))
