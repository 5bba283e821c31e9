"""`zoo.pull`: from a remote hub, once, and whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.actors import saved, walker
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


@pytest.fixture
def newer(tmp_path: Path) -> Bundle:
    return saved(tmp_path / "newer", walker(2), "FrozenLake-v1")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("lap", "no hub 'lap'. Did you mean lab"),
        ("./nowhere", "there is no hub"),
        ("mine", "is no"),
    ],
)
def test_a_hub_that_is_none_is_told(
    remote: type[LabHub], mine: Bundle, place: str, message: str
) -> None:
    with pytest.raises(ZooError, match=message):
        zoo.pull("x", hub=place)
    with pytest.raises(ZooError, match=message):
        zoo.search(hub=place)


def test_a_bare_name_is_pulled_from_this_machine_only(remote: type[LabHub], mine: Bundle) -> None:
    zoo.push(mine, "lab:team/walker")
    remote.calls.clear()
    with pytest.raises(ZooError, match="no agent 'team/walker'"):
        zoo.pull("team/walker")
    assert remote.calls == []


def test_what_is_pulled_is_used_without_the_network(
    remote: type[LabHub], mine: Bundle, newer: Bundle
) -> None:
    with pytest.raises(ZooError, match="Fetch it with: zoo pull lab:team/walker"):
        find("lab:team/walker")
    zoo.push(mine, "lab:team/walker")
    assert zoo.pull("lab:team/walker").digest == mine.digest
    zoo.push(newer, "lab:team/walker")
    remote.calls.clear()
    assert find("lab:team/walker").digest == find("lab:team/walker@r1").digest == mine.digest
    assert remote.calls == []
    assert zoo.pull("lab:team/walker").digest == newer.digest
    assert find("lab:team/walker").digest == newer.digest
    assert find(f"lab:team/walker@sha256:{mine.digest}").digest == mine.digest
    assert LocalHub().ref("lab/team/walker").source == "lab:team/walker@r2"


def test_a_digest_that_is_here_is_not_asked_for(remote: type[LabHub], mine: Bundle) -> None:
    zoo.push(mine, "lab:walker")
    with pytest.raises(ZooError, match="has the digest"):
        zoo.pull("lab:walker@sha256:00000000")
    zoo.pull("lab:walker")
    remote.calls.clear()
    assert zoo.pull(f"lab:walker@sha256:{mine.digest[:12]}").digest == mine.digest
    assert remote.calls == []


def test_a_hub_that_is_not_reached_gives_what_was_pulled_before(
    remote: type[LabHub], mine: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo.push(mine, "lab:walker")
    remote.is_down = True
    with pytest.raises(ZooError, match="not reached"):
        zoo.pull("lab:walker")
    remote.is_down = False
    zoo.pull("lab:walker")
    remote.is_down = True
    assert zoo.pull("lab:walker").digest == mine.digest
    assert "not reached; what was pulled before is used" in capsys.readouterr().err
    with pytest.raises(ZooError, match="not reached"):
        zoo.pull("lab:walker@r7")


def test_an_agent_is_copied_where_it_is_wanted(mine: Bundle, tmp_path: Path) -> None:
    zoo.push(mine, "walker")
    out = tmp_path / "out"
    copy = zoo.pull("walker", output=out)
    assert copy.path == out
    assert copy.digest == mine.digest
    assert not os.path.samefile(out / "agent.json", find("walker").path / "agent.json")
    assert os.access(out / "agent.json", os.W_OK)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("dear")
    with pytest.raises(ZooError, match="exists and is no agent"):
        zoo.pull("walker", output=tmp_path / "full")
    weights = find("walker").path / "weights.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ZooError, match=r"weights\.safetensors is damaged"):
        zoo.pull("walker", output=tmp_path / "other")
    assert not (tmp_path / "other").exists()
