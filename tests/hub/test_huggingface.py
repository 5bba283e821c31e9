from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

import zoo
from tests.actors import saved, walker
from tests.hub.server.serving import Served
from zoo import ZooError
from zoo.hub.base import Query, Unreachable
from zoo.hub.huggingface import HuggingFaceHub
from zoo.hub.local import LocalHub
from zoo.storage.bundle import Bundle, open_bundle

EVALUATION = (
    b'{"mean_return": 0.75, "std_return": 0.25, "ci95_return": [0.5, 1.0], "episodes": 100, '
    b'"seed": 4, "deterministic": true}'
)


@pytest.fixture
def hub(served: Served, monkeypatch: pytest.MonkeyPatch) -> HuggingFaceHub:
    monkeypatch.setenv("HF_TOKEN", served.token)
    return HuggingFaceHub(served.url, timeout=5)


def made(path: Path, seed: int = 0, **files: bytes) -> Bundle:
    named = {name.replace("_", "."): content for name, content in files.items()}
    return saved(
        path, walker(seed), "FrozenLake-v1", files={"evaluation.json": EVALUATION, **named}
    )


def test_an_agent_goes_up_and_comes_down_the_same(
    hub: HuggingFaceHub, mine: LocalHub, tmp_path: Path
) -> None:
    bundle = made(tmp_path / "a", replay_mp4=os.urandom(300_000))
    steps: list[tuple[int, int]] = []
    done = hub.push(bundle, "team/walker", progress=lambda *step: steps.append(step))
    assert set(done.uploaded) == {*bundle.files, "README.md", "agent.json"}
    assert hub.resolve("team/walker") == done.revision
    assert steps[-1][0] == steps[-1][1] > 300_000
    assert [step[0] for step in steps] == sorted(step[0] for step in steps)
    pulled = hub.pull("team/walker", None, mine)
    pulled.verify()
    for name in bundle.files:
        assert (pulled.path / name).read_bytes() == (bundle.path / name).read_bytes()
    assert mine.ref("hf/team/walker", done.revision).digest == pulled.digest
    assert hub.push(pulled, "team/walker").uploaded == ()  # the card says where it is already


def test_what_is_there_is_not_sent_or_fetched_again(
    hub: HuggingFaceHub, mine: LocalHub, served: Served, tmp_path: Path
) -> None:
    bundle = made(tmp_path / "a", replay_mp4=os.urandom(200_000))
    first = hub.push(bundle, "team/walker")
    again = hub.push(bundle, "team/walker")
    assert again.revision == first.revision
    assert (again.uploaded, set(again.unchanged)) == ((), set(first.uploaded))
    other = made(tmp_path / "b", seed=1, replay_mp4=(bundle.path / "replay.mp4").read_bytes())
    changed = hub.push(other, "team/walker")
    assert set(changed.uploaded) == {"weights.safetensors", "agent.json"}
    hub.pull("team/walker", first.revision, mine)
    weights = mine.get("hf/team/walker", first.revision).files["weights.safetensors"]["sha256"]
    film = served.root / "blobs/sha256" / _of(bundle, "replay.mp4")[:2] / _of(bundle, "replay.mp4")
    film.unlink()  # it cannot be fetched, and need not be
    second = hub.pull("team/walker", changed.revision, mine)
    assert second.files["weights.safetensors"]["sha256"] != weights


def _of(bundle: Bundle, name: str) -> str:
    return bundle.files[name]["sha256"]


def test_revisions_and_tags(hub: HuggingFaceHub, mine: LocalHub, tmp_path: Path) -> None:
    first = hub.push(made(tmp_path / "a", 1), "team/walker", tag="v1")
    second = hub.push(made(tmp_path / "b", 2), "team/walker", tag="v2", revision="next")
    assert hub.resolve("team/walker", "v1") == first.revision == hub.resolve("team/walker")
    assert hub.resolve("team/walker", "v2") == second.revision
    assert hub.resolve("team/walker", "next") == second.revision
    assert hub.resolve("team/walker", second.revision) == second.revision
    v1, v2 = (hub.pull("team/walker", tag, mine) for tag in ("v1", "v2"))
    assert v1.digest != v2.digest
    assert hub.push(v2, "team/walker", tag="v2", revision="next").revision == second.revision
    with pytest.raises(ZooError, match="v1 is another agent already"):
        hub.push(v2, "team/walker", tag="v1")


def test_files_of_the_agent_before_go_and_others_stay(
    hub: HuggingFaceHub, served: Served, tmp_path: Path
) -> None:
    api = HfApi(endpoint=served.url, token=served.token)
    hub.push(made(tmp_path / "a", replay_mp4=b"film"), "team/walker")
    api.upload_file(path_or_fileobj=b"MIT", path_in_repo="LICENSE", repo_id="team/walker")
    hub.push(made(tmp_path / "b"), "team/walker")
    assert set(api.list_repo_files("team/walker")) == {
        "LICENSE", "README.md", "agent.json", "evaluation.json", "weights.safetensors",
    }  # fmt: skip


def test_a_dry_run_changes_nothing(hub: HuggingFaceHub, served: Served, tmp_path: Path) -> None:
    bundle = made(tmp_path / "a")
    planned = hub.push(bundle, "team/walker", dry_run=True)
    assert planned.revision == ""
    assert set(planned.uploaded) == {*bundle.files, "README.md", "agent.json"}
    with pytest.raises(ZooError, match="is not on"):
        hub.resolve("team/walker")
    done = hub.push(bundle, "team/walker")
    assert hub.push(bundle, "team/walker", dry_run=True).uploaded == ()
    assert hub.push(made(tmp_path / "b", 1), "team/walker", dry_run=True).uploaded
    assert hub.resolve("team/walker") == done.revision
    assert open_bundle(bundle.path).digest == bundle.digest


def test_private_means_private(
    hub: HuggingFaceHub, served: Served, mine: LocalHub, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bundle = made(tmp_path / "a")
    hub.push(bundle, "team/secret", private=True)
    assert hub.pull("team/secret", None, mine)
    hub.push(bundle, "team/open")
    head = hub.resolve("team/open")
    with pytest.raises(ZooError, match="public already"):
        hub.push(made(tmp_path / "b", 1), "team/open", private=True)
    assert hub.resolve("team/open") == head
    monkeypatch.delenv("HF_TOKEN")
    stranger = HuggingFaceHub(served.url)
    with pytest.raises(ZooError, match="is private"):
        stranger.pull("team/secret", None, mine)
    with pytest.raises(ZooError, match="token"):
        stranger.push(bundle, "team/open2")
    assert [entry.ref for entry in stranger.search(Query())] == ["hf:team/open"]


def test_search(hub: HuggingFaceHub, tmp_path: Path) -> None:
    hub.push(made(tmp_path / "a"), "team/walker")
    hub.push(saved(tmp_path / "b", walker(1), "FrozenLake-v1"), "team/unknown")
    (best, other) = hub.search(Query())
    assert (best.ref, best.algorithm, best.env_id) == ("hf:team/walker", "ours", "FrozenLake-v1")
    assert best.mean_return == 0.75
    assert best.url == f"{hub.endpoint}/team/walker"
    assert (other.ref, other.env_id, other.mean_return) == (
        "hf:team/unknown",
        "FrozenLake-v1",
        None,
    )
    assert hub.search(Query(min_return=0.7)) == [best]
    assert hub.search(Query(min_return=0.8)) == []
    assert hub.search(Query(text="TEAM walk")) == [best]
    assert hub.search(Query(env_id="CartPole-v1")) == []
    assert hub.search(Query(algorithm="ours", env_id="FrozenLake-v1", text="unknown")) == [other]


def test_the_card_on_the_site_says_how_to_pull_it(
    hub: HuggingFaceHub, mine: LocalHub, tmp_path: Path
) -> None:
    hub.push(made(tmp_path / "a", replay_mp4=b"film"), "team/walker")
    pulled = hub.pull("team/walker", None, mine)
    text = pulled.read("README.md").decode()
    assert "zoo pull hf:team/walker\nzoo enjoy hf:team/walker\n" in text
    assert 'zoo.pull("hf:team/walker")' in text
    assert "\n[The agent acting](replay.mp4)\n" in text  # no picture, which would be a broken one
    assert "value: 0.75 +/- 0.25\n" in text
    assert "| 95 % bootstrap interval | 0.50 to 1.00 |" in text


def test_without_the_network_it_says_so_at_once(
    hub: HuggingFaceHub, mine: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = hub.push(made(tmp_path / "a"), "team/walker")
    pulled = hub.pull("team/walker", None, mine)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Unreachable, match="HF_HUB_OFFLINE"):
        hub.resolve("team/walker")
    assert hub.resolve("team/walker", done.revision) == done.revision
    assert hub.pull("team/walker", done.revision, mine).digest == pulled.digest
    with pytest.raises(Unreachable):
        HuggingFaceHub("http://127.0.0.1:9", timeout=1).pull("team/walker", done.revision, mine)


def test_foreign_repositories_are_no_agents(
    hub: HuggingFaceHub, served: Served, mine: LocalHub
) -> None:
    api = HfApi(endpoint=served.url, token=served.token)
    api.create_repo("team/other")
    with pytest.raises(ZooError, match=r"no agent\.json.*zoo import hf:team/other"):
        hub.pull("team/other", None, mine)
    with pytest.raises(ZooError, match="no such revision"):
        hub.pull("team/other", "absent", mine)
    for name in ("no-slash/too/many", "../../etc", "a b/c", "team/--x"):
        with pytest.raises(ZooError):
            hub.pull(name, None, mine)
    assert not (mine.root / "refs").exists()


@pytest.mark.parametrize(
    "address",
    ["ftp://x", "hub.example", "https://me:secret@x", "http://", "http://[", "http://x:99999"],
)
def test_an_address_is_checked(address: str) -> None:
    with pytest.raises(ZooError, match="not the address of a hub"):
        HuggingFaceHub(address)


def test_two_hubs_that_have_the_same_name_are_not_mixed_up(
    hub: HuggingFaceHub, tmp_path: Path
) -> None:
    done = hub.push(made(tmp_path / "a"), "team/walker")
    zoo.pull("hf:team/walker", endpoint=hub.endpoint)
    other = "http://127.0.0.1:9"
    for ref in ("hf:team/walker", f"hf:team/walker@{done.revision}"):
        with pytest.raises(Unreachable):
            zoo.pull(ref, endpoint=other, timeout=1)
        zoo.pull(ref, endpoint=hub.endpoint)


def test_what_was_pulled_from_the_same_address_is_used_without_the_network(
    hub: HuggingFaceHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = hub.push(made(tmp_path / "a"), "team/walker")
    refs = ("hf:team/walker", f"hf:team/walker@{done.revision}")
    digests = {zoo.pull(ref, endpoint=hub.endpoint).digest for ref in refs}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert {zoo.pull(ref, endpoint=hub.endpoint).digest for ref in refs} == digests


def test_a_lock_says_how_to_pull_it_elsewhere(
    hub: HuggingFaceHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = hub.push(made(tmp_path / "a"), "team/walker")
    exact = f"hf:team/walker@{done.revision}"
    pulled = zoo.pull("hf:team/walker", endpoint=hub.endpoint)
    pins = zoo.lock(["hf:team/walker", exact], file=tmp_path / "zoo.lock")
    assert [pin.source for pin in pins.values()] == [exact, exact]
    monkeypatch.setenv("ZOO_HUB", str(tmp_path / "another"))
    installed = zoo.pull_locked(tmp_path / "zoo.lock", endpoint=hub.endpoint)
    assert [bundle.digest for bundle in installed] == [pulled.digest, pulled.digest]


def test_whoever_has_no_token_is_told_so(
    hub: HuggingFaceHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.push(made(tmp_path / "a"), "team/walker")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    nobody = HuggingFaceHub(hub.endpoint)
    for name in ("team/walker", "team/new"):
        with pytest.raises(ZooError, match=f"wants a token for hf:{name}"):
            nobody.push(made(tmp_path / name, seed=1), name)
