"""`zoo.push`: to the local hub, to a directory, and to a remote hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.actors import run_of, saved, walker
from tests.remote import LabHub, lab
from zoo import Bundle, LocalHub, ZooError
from zoo.hub.references import find


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[LabHub]]:
    monkeypatch.chdir(tmp_path)
    with lab(tmp_path / "lab") as found:
        yield found


@pytest.fixture
def mine(tmp_path: Path) -> Bundle:
    return saved(tmp_path / "mine", walker(1), "FrozenLake-v1")


def test_an_agent_is_called_by_its_algorithm_and_environment(mine: Bundle) -> None:
    assert zoo.push(mine).tags == ("v1", "latest")
    assert find("ours/FrozenLake-v1").digest == mine.digest
    assert zoo.load("ours/FrozenLake-v1@v1").origin.digest == mine.digest


def test_a_run_is_pushed_by_its_reference() -> None:
    run = run_of("FrozenLake-v1", name="cold")
    zoo.push("cold", "team/walker@good")
    assert find("team/walker").digest == find("team/walker@good").digest == find(run.path).digest
    shutil.rmtree(run.path)
    assert zoo.load("team/walker") is not None


def test_a_tag_is_given_once(mine: Bundle) -> None:
    zoo.push(mine, "walker@good", tag="good")
    with pytest.raises(ZooError, match="names a tag, and so does --tag"):
        zoo.push(mine, "walker@good", tag="better")
    with pytest.raises(ZooError, match="names a digest"):
        zoo.push(mine, f"walker@sha256:{mine.digest}")
    with pytest.raises(ZooError, match="no branches and no private agents"):
        zoo.push(mine, "walker", private=True)


@pytest.mark.parametrize("name", ["../x", "/etc/x", r"a\b", "C:/x", "a/../../x"])
def test_a_name_is_no_path(mine: Bundle, name: str) -> None:
    with pytest.raises(ZooError, match="cannot be the name of an agent"):
        zoo.push(mine, name)


def test_a_directory_is_a_hub(mine: Bundle, tmp_path: Path) -> None:
    zoo.push(mine, "team/walker", hub=tmp_path / "shared")
    with pytest.raises(ZooError, match="no agent"):
        find("team/walker")
    pulled = zoo.pull("team/walker", hub=tmp_path / "shared")
    assert pulled.digest == mine.digest == find("team/walker").digest
    assert pulled.path.is_relative_to(LocalHub().root)


def test_a_tree_of_bundles_is_read_and_not_written(mine: Bundle, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(mine.path, tree / "theirs" / "ALE__Ice-v5")
    before = sorted(tree.rglob("*"))
    assert [entry.ref for entry in zoo.search(hub=tree)] == ["theirs/ALE/Ice-v5"]
    assert zoo.pull("theirs/ALE/Ice-v5", hub=tree).digest == mine.digest
    with pytest.raises(ZooError, match="a tree of bundles, which is only read"):
        zoo.push(mine, "x", hub=tree)
    with pytest.raises(ZooError, match=r"no agent 'theirs/ALE/Ice-v6'.*Did you mean theirs"):
        zoo.pull("theirs/ALE/Ice-v6", hub=tree)
    assert sorted(tree.rglob("*")) == before


def test_a_remote_hub_gets_its_options(remote: type[LabHub], mine: Bundle) -> None:
    zoo.push(mine, "lab:walker", revision="dev", tag="x", private=True, endpoint="here")
    assert remote.last_push == {
        "name": "walker", "endpoint": "here", "revision": "dev", "tag": "x", "private": True,
        "dry_run": False,
    }  # fmt: skip
    zoo.push(mine, "walker@y", hub="lab")
    assert remote.last_push["tag"] == "y"
    with pytest.raises(ZooError, match="names a hub, and so does --hub"):
        zoo.push(mine, "lab:walker", hub="elsewhere")
    with pytest.raises(ZooError, match="no endpoint"):
        zoo.push(mine, "walker", endpoint="here")
