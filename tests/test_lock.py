"""zoo.lock: the same agents elsewhere and later, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.actors import run_of, saved, walker
from tests.remote import LabHub, lab
from zoo import Bundle, LocalHub, ZooError
from zoo.hub.references import find
from zoo.hub.upkeep import collect_garbage
from zoo.lock import Pin, read_lock


@pytest.fixture(autouse=True)
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[LabHub]]:
    monkeypatch.chdir(tmp_path)
    with lab(tmp_path / "lab") as found:
        yield found


def agent(seed: int) -> Bundle:
    return saved(Path(f"agent-{seed}"), walker(seed), "FrozenLake-v1")


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on as on another machine: with the project's files, but another hub and no runs."""
    monkeypatch.setenv("ZOO_HUB", str(Path("another-hub").absolute()))
    monkeypatch.setenv("ZOO_RUNS", str(Path("other-runs").absolute()))


def test_a_lock_is_sorted_and_the_same_each_time(tmp_path: Path) -> None:
    first, second = agent(1), agent(2)
    zoo.push(first, "walker")
    zoo.push(second, "lab:team/best")
    zoo.pull("lab:team/best")
    pins = zoo.lock(["walker", "lab:team/best"])
    assert list(pins) == ["lab:team/best", "walker"]
    assert json.loads(Path("zoo.lock").read_text()) == {
        "format": 1,
        "agents": {
            "lab:team/best": {"sha256": second.digest, "source": "lab:team/best@r1"},
            "walker": {"sha256": first.digest, "source": ""},
        },
    }
    text = Path("zoo.lock").read_text()
    assert str(tmp_path) not in text
    zoo.lock(["lab:team/best", "walker"])
    zoo.lock()
    assert Path("zoo.lock").read_text() == text
    assert read_lock() == pins


def test_pins_are_added_and_renewed() -> None:
    zoo.push(agent(1), "a")
    zoo.push(agent(2), "b")
    zoo.lock(["a"])
    zoo.lock([f"b@sha256:{find('b').digest[:12]}"])
    zoo.push(agent(3), "a")
    assert zoo.lock(["b"])["a"].digest == agent(1).digest
    assert zoo.lock()["a"].digest == agent(3).digest


def test_what_is_locked_stays_when_its_name_moves_on() -> None:
    run = run_of("FrozenLake-v1", name="cold", seed=1)
    digest = find("cold").digest
    zoo.lock(["cold"])
    run.delete()
    collect_garbage(LocalHub())
    assert find(f"cold@sha256:{digest}").digest == digest
    assert [bundle.digest for bundle in zoo.pull_locked()] == [digest]
    assert find("cold").digest == digest


def test_another_machine_gets_exactly_those(
    monkeypatch: pytest.MonkeyPatch, remote: type[LabHub]
) -> None:
    old = agent(1)
    zoo.push(old, "lab:walker")
    zoo.pull("lab:walker")
    zoo.lock(["lab:walker"])
    zoo.push(agent(2), "lab:walker")
    elsewhere(monkeypatch)
    zoo.pull("lab:walker")
    assert find("lab:walker").digest == agent(2).digest
    assert [bundle.digest for bundle in zoo.pull_locked()] == [old.digest]
    assert find("lab:walker").digest == old.digest
    remote.is_down = True
    assert [bundle.digest for bundle in zoo.pull_locked()] == [old.digest]


def test_a_directory_can_give_what_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.push(agent(1), "walker")
    zoo.push(agent(1), "anything", hub="shared")
    zoo.lock(["walker"])
    elsewhere(monkeypatch)
    with pytest.raises(ZooError, match=r"the lock names no hub that has it.*--hub HUB"):
        zoo.pull_locked()
    zoo.pull_locked(hub="shared")
    assert find("walker").digest == agent(1).digest


def test_nothing_is_installed_where_one_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, remote: type[LabHub]
) -> None:
    zoo.push(agent(1), "lab:a")
    zoo.pull("lab:a")
    zoo.push(agent(2), "b")
    zoo.lock(["lab:a", "b"])
    elsewhere(monkeypatch)
    with pytest.raises(ZooError, match="b is not on this machine"):
        zoo.pull_locked()
    with pytest.raises(ZooError):
        find("lab:a")


def test_another_agent_than_the_pinned_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, remote: type[LabHub]
) -> None:
    zoo.push(agent(1), "lab:walker")
    zoo.pull("lab:walker")
    zoo.lock(["lab:walker"])
    text = Path("zoo.lock").read_text()
    Path("zoo.lock").write_text(text.replace(agent(1).digest, "0" * 64))
    with pytest.raises(ZooError, match=f"has the digest {agent(1).digest}, not 0000"):
        zoo.pull_locked()


def test_a_damaged_copy_is_fetched_again(remote: type[LabHub]) -> None:
    zoo.push(agent(1), "lab:walker")
    path = zoo.pull("lab:walker").path / "weights.safetensors"
    zoo.lock(["lab:walker"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    zoo.pull_locked()
    find("lab:walker").verify()


def test_a_path_cannot_be_locked() -> None:
    agent(1)
    for path in ("./agent-1", "../agent-1", "/agent-1"):
        with pytest.raises(ZooError, match="cannot be pinned: it is no name"):
            zoo.lock([path])
    with pytest.raises(ZooError, match=r"pins nothing yet.*zoo lock AGENT"):
        zoo.lock()
    assert not Path("zoo.lock").exists()


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"format": 1}', '{"format": 99, "agents": {}}',
        '{"format": 1, "agents": {"a": "b"}}',
        '{"format": 1, "agents": {"a": {"sha256": "0", "source": ""}}}',
        '{"format": 1, "agents": {"../a": {"sha256": "%s", "source": ""}}}' % ("0" * 64),
        '{"format": 1, "agents": {"a": {"sha256": "%s", "source": "/etc"}}}' % ("0" * 64),
        '{"format": 1, "agents": {"a": {"sha256": "%s"}}, "agents": {}}' % ("0" * 64),
        '{"format": NaN, "agents": {}}',
    ],
)  # fmt: skip
def test_a_damaged_lock_is_told(content: str) -> None:
    Path("zoo.lock").write_text(content)
    with pytest.raises(ZooError, match=r"zoo\.lock") as caught:
        zoo.pull_locked()
    assert "\n" not in str(caught.value)


def test_an_absent_lock_is_told() -> None:
    with pytest.raises(ZooError, match=r"cannot read zoo\.lock: it does not exist"):
        zoo.pull_locked()


def test_a_pin_says_where_it_came_from() -> None:
    assert Pin("0" * 64).source == ""
