"""`zoo.search`: the local hub and what ships, or another hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.actors import saved, walker
from tests.remote import LabHub, lab
from zoo import Bundle


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[LabHub]]:
    monkeypatch.chdir(tmp_path)
    with lab(tmp_path / "lab") as found:
        yield found


@pytest.fixture
def mine(tmp_path: Path) -> Bundle:
    return saved(tmp_path / "mine", walker(1), "FrozenLake-v1")


def test_search_knows_the_local_hub_and_what_ships(mine: Bundle, remote: type[LabHub]) -> None:
    zoo.push(mine, "team/walker")
    zoo.push(mine, "lab:elsewhere")
    remote.calls.clear()
    found = {entry.ref: entry for entry in zoo.search()}
    assert "team/walker" in found
    assert found["sb3-ppo/CartPole-v1"].mean_return == 500.0
    assert remote.calls == []
    good = zoo.search(env_id="CartPole-v1", min_return=499.0)
    assert "sb3-ppo/CartPole-v1" in [entry.ref for entry in good]
    assert {entry.env_id for entry in good} == {"CartPole-v1"}
    assert min(entry.mean_return for entry in good) >= 499.0
    assert [e.ref for e in zoo.search("elsewhere", hub="lab")] == ["elsewhere"]
