from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from tests.actors import run_of, saved, walker
from zoo import Entry, LocalHub, ZooError, load
from zoo.hub import references
from zoo.hub.references import find, list_agents
from zoo.storage.bundle import Bundle
from zoo.storage.runs import folder_name


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have models that ship: none yet."""
    models = tmp_path / "models"
    monkeypatch.setattr(references, "shipped", lambda name: tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return models


def ship(models: Path, env_id: str, seed: int = 0, **files: bytes) -> Bundle:
    return saved(models / "ours" / folder_name(env_id), walker(seed), env_id, files=files)


def test_a_path_is_a_bundle_or_a_run(tmp_path: Path) -> None:
    bundle = saved(tmp_path / "mine", walker(), "FrozenLake-v1")
    for reference in ("mine", "./mine", tmp_path / "mine", "mine/agent.json"):
        assert find(reference).digest == bundle.digest
    run = run_of("FrozenLake-v1", seed=3)
    assert find(run.path).path == run.best


def test_the_newest_run_comes_before_older_ones_and_before_models(models: Path) -> None:
    shipped = ship(models, "FrozenLake-v1", seed=9)
    assert find("ours/FrozenLake-v1").digest == shipped.digest
    run_of("FrozenLake-v1", seed=1)
    newest = run_of("FrozenLake-v1", seed=2)
    assert find("ours/FrozenLake-v1").path == newest.best
    run_of("FrozenLake-v1", which="")  # has begun, but has no agent yet
    assert find("ours/FrozenLake-v1").path == newest.best


def test_a_run_is_meant_by_id_name_or_both() -> None:
    older = run_of("FrozenLake-v1", name="cold", seed=1)
    run_of("FrozenLake-v1", seed=2)
    for reference in (
        older.id, "cold", "ours/FrozenLake-v1/cold", f"ours/FrozenLake-v1/{older.id}", older.id[:6],
    ):  # fmt: skip
        assert find(reference).path == older.best


def test_the_last_agent_stands_in_for_a_best_one() -> None:
    run = run_of("FrozenLake-v1", which="last")
    assert find("ours/FrozenLake-v1").path == run.last


def test_ids_with_slashes_are_found_in_runs_and_in_models(models: Path) -> None:
    shipped = ship(models, "ALE/Ice-v5")
    assert shipped.path.name == "ALE__Ice-v5"
    assert find("ours/ALE/Ice-v5").digest == shipped.digest
    run = run_of("ALE/Ice-v5", name="first", seed=1)
    assert find("ours/ALE/Ice-v5/first").path == run.best


def test_a_digest_pins_the_agent(models: Path) -> None:
    older = run_of("FrozenLake-v1", seed=1)
    run_of("FrozenLake-v1", seed=2)
    shipped = ship(models, "FrozenLake-v1", seed=3)
    digest = find(older.path).digest
    for length in (8, 20, 64):
        assert find(f"ours/FrozenLake-v1@sha256:{digest[:length]}").path == older.best
    assert find(f"ours/FrozenLake-v1@sha256:{shipped.digest}").path == shipped.path
    assert find(f"{older.id}@sha256:{digest.upper()}").path == older.best


def test_a_digest_picks_among_runs_of_the_same_name() -> None:
    older = run_of("FrozenLake-v1", name="cold", seed=1)
    newer = run_of("Taxi-v4", name="cold", seed=2)
    assert find("cold").path == newer.best
    assert find(f"cold@sha256:{find(older.path).digest}").path == older.best


@pytest.mark.parametrize("pin", ["", "1234567", "xyzxyzxyz", "0" * 65])
def test_what_is_no_digest_is_refused(pin: str) -> None:
    run = run_of("FrozenLake-v1")
    with pytest.raises(ZooError, match=r"no SHA-256 digest\. Give 8 to 64"):
        find(f"{run.id}@sha256:{pin}")


def test_another_digest_is_refused_and_the_real_one_told() -> None:
    run = run_of("FrozenLake-v1")
    with pytest.raises(ZooError, match=f"has the digest {find(run.path).digest}, not 00000000"):
        find(f"ours/FrozenLake-v1@sha256:{'0' * 8}")


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("ours/FrozenLaek-v1", "Did you mean ours/FrozenLake-v1"),
        ("ours/Taxi-v3", "Did you mean ours/Taxi-v4?"),
        ("colt", "Did you mean cold?"),
        ("nothing like it", "`zoo models` lists the agents"),
        ("./nowhere", "Check the path"),
        ("models", "no agent and no run"),
        ("hf:somebody/agent", "Fetch it with: zoo pull hf:somebody/agent"),
        ("nobody@sha256:12345678", "there is no agent 'nobody'"),
    ],
)
def test_an_unknown_reference_is_one_helpful_line(models: Path, reference: str, hint: str) -> None:
    run_of("FrozenLake-v1", name="cold")
    ship(models, "Taxi-v4")
    with pytest.raises(ZooError) as caught:
        find(reference)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_without_an_agent_says_how_to_go_on() -> None:
    run = run_of("FrozenLake-v1", which="")
    with pytest.raises(ZooError, match=f"no agent yet.*zoo resume {run.id}"):
        find(run.id)


def test_load_returns_an_agent_that_acts_and_knows_its_origin() -> None:
    run_of("FrozenLake-v1", seed=4)
    agent = load("ours/FrozenLake-v1")
    np.testing.assert_array_equal(agent.act(np.arange(16)), walker(4).act(np.arange(16)))
    assert agent.origin.env_id == "FrozenLake-v1"


def test_the_newest_agent_is_not_replaced_by_another_where_it_is_damaged() -> None:
    run_of("FrozenLake-v1", seed=1)
    newest = run_of("FrozenLake-v1", seed=2)
    (newest.path / "best" / "agent.json").write_text("{")
    with pytest.raises(ZooError, match="JSON"):
        load("ours/FrozenLake-v1")


def test_every_listed_reference_finds_its_own_bundle(models: Path) -> None:
    run_of("FrozenLake-v1", seed=1)
    run_of("FrozenLake-v1", seed=2, name="named")
    run_of("Taxi-v4", which="")
    ship(models, "FrozenLake-v1", seed=3)
    ship(models, "ALE/Ice-v5", seed=4)
    rows = list_agents()
    assert len(rows) == 4
    for ref, facts in rows:
        assert isinstance(facts, Entry)
        assert str(find(ref).path) == facts.path
    refs = [ref for ref, _ in rows]
    assert refs[0] == "ours/FrozenLake-v1/named"
    assert refs[-2] == "ours/ALE/Ice-v5"
    assert refs[-1].startswith("ours/FrozenLake-v1@sha256:")  # the runs hide it


@pytest.mark.parametrize("file", ["agent.json", "weights.safetensors", "evaluation.json"])
def test_a_damaged_bundle_hides_no_other(models: Path, file: str) -> None:
    run_of("FrozenLake-v1")
    broken = ship(models, "Taxi-v4", **{"evaluation.json": b'{"mean_return": 1}'})
    (broken.path / file).write_bytes(b"{")
    rows = dict(list_agents())
    assert isinstance(rows.pop("ours/Taxi-v4"), ZooError)
    assert [type(facts) for facts in rows.values()] == [Entry]


def test_the_local_hub_comes_after_runs_and_before_models(models: Path, tmp_path: Path) -> None:
    shipped = ship(models, "FrozenLake-v1", seed=1)
    pushed = saved(tmp_path / "mine", walker(2), "FrozenLake-v1")
    LocalHub().push(pushed, "ours/FrozenLake-v1")
    assert find("ours/FrozenLake-v1").digest == pushed.digest
    run = run_of("FrozenLake-v1", seed=3)
    assert find("ours/FrozenLake-v1").path == run.best
    for digest in (pushed.digest, shipped.digest):
        assert find(f"ours/FrozenLake-v1@sha256:{digest[:12]}").digest == digest
    assert find("ours/FrozenLake-v1@v1").digest == pushed.digest


def test_a_version_in_the_local_hub_is_meant_by_its_tag(tmp_path: Path) -> None:
    old = saved(tmp_path / "old", walker(1), "FrozenLake-v1")
    new = saved(tmp_path / "new", walker(2), "FrozenLake-v1")
    for bundle in (old, new):
        LocalHub().push(bundle, "team/walker")
    assert find("team/walker").digest == find("team/walker@latest").digest == new.digest
    assert find("team/walker@v1").digest == old.digest
    assert find(f"team/walker@sha256:{old.digest[:8]}").digest == old.digest
    with pytest.raises(ZooError, match=r"no tag 'v3'.*Its tags are"):
        find("team/walker@v3")
    with pytest.raises(ZooError, match=r"Did you mean team/walker\?"):
        find("team/wolker")
    for odd in ("../x@v1", "team/walker@../v1", "a@b@c"):
        with pytest.raises(ZooError):
            find(odd)


def test_a_digest_is_found_though_no_name_leads_to_it(tmp_path: Path) -> None:
    old = saved(tmp_path / "old", walker(1), "FrozenLake-v1")
    hub = LocalHub()
    hub.push(old, "team/walker")
    hub.remove("team/walker")
    assert find(f"team/walker@sha256:{old.digest}").digest == old.digest
    with pytest.raises(ZooError, match="no agent"):
        find(f"team/walker@sha256:{old.digest[:12]}")
    hub.pin(old.digest, "team/walker")
    assert find(f"team/walker@sha256:{old.digest[:12]}").digest == old.digest


def test_the_listing_has_the_local_hub_once(models: Path) -> None:
    shipped = ship(models, "FrozenLake-v1", seed=1)
    LocalHub().push(shipped, "ours/FrozenLake-v1")
    LocalHub().push(ship(models, "Taxi-v4", seed=2), "team/driver")
    rows = list_agents()
    assert [ref for ref, _ in rows] == ["ours/FrozenLake-v1", "team/driver", "ours/Taxi-v4"]
    for ref, facts in rows:
        assert isinstance(facts, Entry)
        assert find(ref).digest == facts.digest


def test_no_reference_reaches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for reference in ("hf:a/b", "a/b", "https://example.org/a"):
        with pytest.raises(ZooError):
            find(reference)
