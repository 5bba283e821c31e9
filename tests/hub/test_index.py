"""Searching: what is found is what the hub has now, whoever changed it, and it is found fast."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.actors import saved, walker
from zoo import LocalHub, Query
from zoo.hub import index
from zoo.hub.upkeep import collect_garbage


@pytest.fixture
def hub(tmp_path: Path) -> LocalHub:
    return LocalHub(tmp_path / "hub")


def push(hub: LocalHub, name: str, mean: float | None, env_id: str = "Ice-v1") -> str:
    """Push an agent that claims a mean return, and return its digest."""
    files = {}
    if mean is not None:
        claim = {"mean_return": mean, "ci95_return": [mean - 1, mean + 1], "episodes": 9}
        files = {"evaluation.json": json.dumps(claim).encode()}
    folder = hub.root.parent / "made" / name.replace("/", "__")
    return hub.push(saved(folder, walker(), env_id, files=files), name).revision


def refs(hub: LocalHub, *words: str, **query: object) -> list[str]:
    return [entry.ref for entry in hub.search(Query(" ".join(words), **query))]  # type: ignore


@pytest.fixture
def full(hub: LocalHub) -> LocalHub:
    push(hub, "team/good", 90)
    push(hub, "team/bad", 10)
    push(hub, "unknown", None)
    push(hub, "lake", 5, "Lake-v0")
    return hub


def test_the_best_of_each_environment_come_first(full: LocalHub) -> None:
    assert refs(full) == ["team/good", "team/bad", "unknown", "lake"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query("TEAM"), ["team/good", "team/bad"]),
        (Query("team bad"), ["team/bad"]),
        (Query("lake-v0"), ["lake"]),
        (Query("ours"), ["team/good", "team/bad", "unknown", "lake"]),
        (Query("nothing"), []),
        (Query(env_id="Ice-v1"), ["team/good", "team/bad", "unknown"]),
        (Query(env_id="Ice"), []),
        (Query(algorithm="ours"), ["team/good", "team/bad", "unknown", "lake"]),
        (Query(algorithm="theirs"), []),
        (Query(min_return=10.0), ["team/good", "team/bad"]),
        (Query(min_return=float("nan")), []),
        (Query("team", "ours", "Ice-v1", 10.5), ["team/good"]),
        (Query("' OR 1=1 --"), []),
    ],
)
def test_a_query_restricts(full: LocalHub, query: Query, found: list[str]) -> None:
    assert [entry.ref for entry in full.search(query)] == found


def test_an_entry_has_the_facts_of_its_bundle(full: LocalHub) -> None:
    (entry,) = full.search(Query("good"))
    bundle = full.get("team/good")
    assert entry.to_json() == {
        "ref": "team/good", "algorithm": "ours", "env_id": "Ice-v1", "mean_return": 90.0,
        "ci95_return": (89.0, 91.0), "episodes": 9, "size": bundle.size,
        "digest": bundle.digest, "path": str(bundle.path), "url": None,
    }  # fmt: skip


def test_every_change_is_seen(full: LocalHub) -> None:
    assert len(refs(full)) == 4
    full.remove("team/good")
    assert refs(full, "team") == ["team/bad"]
    digest = push(full, "team/bad", 50)
    assert [(e.digest, e.mean_return) for e in full.search(Query("bad"))] == [(digest, 50.0)]
    full.tag("team/bad", "v1", "latest")
    assert [entry.mean_return for entry in full.search(Query("bad"))] == [10.0]
    collect_garbage(full)
    push(full, "new", 70)
    assert refs(full, min_return=6.0) == ["new", "team/bad"]


def test_a_name_with_versions_but_no_latest_shows_the_newest(full: LocalHub) -> None:
    push(full, "team/bad", 50)
    full.remove("team/bad", "latest")
    assert refs(full, "bad") == ["team/bad@v2"]


@pytest.mark.parametrize("damage", ["garbage", "absent", "other", "version", "cut"])
def test_an_index_that_is_no_use_is_made_anew(full: LocalHub, damage: str) -> None:
    found = refs(full)
    path = full.root / index.FILE
    if damage == "garbage":
        path.write_bytes(b"not a database" * 1000)
    elif damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as connection:
            column = "version" if damage == "version" else "log"
            connection.execute(f"UPDATE position SET {column} = 99")
            connection.execute("DELETE FROM names")
        connection.close()
    assert refs(full) == found


def test_names_that_came_from_another_hub_are_seen(full: LocalHub, tmp_path: Path) -> None:
    other = LocalHub(tmp_path / "other")
    push(other, "elsewhere", 1)
    refs(full)
    refs(other)
    for folder in ("refs", "bundles", "blobs"):
        shutil.copytree(full.root / folder, other.root / folder, dirs_exist_ok=True)
    shutil.copy(full.root / "log", other.root / "log")  # as a copy of the whole directory would
    assert refs(other) == ["team/good", "team/bad", "elsewhere", "unknown", "lake"]


def test_a_damaged_agent_hides_no_other(full: LocalHub) -> None:
    manifest = full.get("team/bad").path / "agent.json"
    manifest.chmod(0o644)
    manifest.write_text("{")
    assert refs(full) == ["team/good", "unknown", "lake"]


def test_a_line_of_the_log_that_was_cut_off_hides_no_other(full: LocalHub) -> None:
    refs(full)
    with open(full.refs.log, "ab") as file:
        file.write(b"\nteam/go")
    push(full, "new", 70)
    assert "new" in refs(full)


def test_there_is_nothing_to_find_where_there_is_no_hub(hub: LocalHub) -> None:
    assert refs(hub) == []
    hub.root.mkdir()
    assert refs(hub) == []
    assert list(hub.root.iterdir()) == []


@pytest.mark.slow
def test_ten_thousand_agents_are_searched(hub: LocalHub) -> None:
    digest = push(hub, "first", 1)
    manifest = hub.get("first").path / "agent.json"
    tags = json.dumps({"latest": {"digest": digest, "source": "", "pushed": "2026"}})
    for i in range(10_000):
        folder = hub.refs.refs / f"team-{i % 100}" / f"agent-{i}"
        folder.mkdir(parents=True)
        (folder / "@tags").write_text(tags)
    hub.refs.renew_log()
    assert manifest.exists()
    assert len(refs(hub)) == 10_001
    assert refs(hub, "agent-777") == sorted(
        [f"team-{i % 100}/agent-{i}" for i in (777, *range(7770, 7780))]
    )
