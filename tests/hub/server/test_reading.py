from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session

from tests.actors import saved, walker
from tests.hub.server.serving import Served
from zoo.hub.card import card_files
from zoo.hub.local import LocalHub
from zoo.storage.bundle import Bundle, attach, open_bundle


def pushed(served: Served, path: Path, name: str = "team/walker", seed: int = 0) -> Bundle:
    """Push an agent into the directory that is served, as `zoo push` does."""
    bundle = saved(path, walker(seed), "FrozenLake-v1")
    bundle = attach(bundle, card_files(bundle))
    LocalHub(served.root).push(bundle, name)
    return bundle


def test_what_is_in_the_directory_can_be_downloaded(
    served: Served, stranger: HfApi, tmp_path: Path
) -> None:
    bundle = pushed(served, tmp_path / "a")
    info = stranger.model_info("team/walker", files_metadata=True)
    assert info.sha == bundle.digest[:40]
    assert {s.rfilename for s in info.siblings} == {*bundle.files, "agent.json"}
    assert "FrozenLake-v1" in info.tags
    assert info.library_name == "agent-zoo"
    assert info.pipeline_tag == "reinforcement-learning"
    folder = tmp_path / "copy"
    snapshot_download("team/walker", endpoint=served.url, token=False, local_dir=folder)
    copy = open_bundle(folder)
    assert copy.digest == bundle.digest
    for name in (*bundle.files, "agent.json"):
        assert (copy.path / name).read_bytes() == (bundle.path / name).read_bytes()


def test_versions_are_revisions(served: Served, stranger: HfApi, tmp_path: Path) -> None:
    first = pushed(served, tmp_path / "a", seed=1)
    second = pushed(served, tmp_path / "b", seed=2)
    assert stranger.model_info("team/walker").sha == second.digest[:40]
    assert stranger.model_info("team/walker", revision="v1").sha == first.digest[:40]
    assert stranger.model_info("team/walker", revision=first.digest[:40]).sha == first.digest[:40]
    refs = stranger.list_repo_refs("team/walker")
    assert {tag.name: tag.target_commit for tag in refs.tags} == {
        "v1": first.digest[:40],
        "v2": second.digest[:40],
    }
    assert [(b.name, b.target_commit) for b in refs.branches] == [("main", second.digest[:40])]
    path = hf_hub_download("team/walker", "agent.json", revision="v1", endpoint=served.url)
    assert Path(path).read_bytes() == (first.path / "agent.json").read_bytes()


def test_names_of_other_lengths_are_repositories_too(
    served: Served, stranger: HfApi, tmp_path: Path
) -> None:
    pushed(served, tmp_path / "a", "ours/ALE/Pong-v5")
    pushed(served, tmp_path / "b", "alone")
    assert [info.id for info in stranger.list_models()] == ["local/alone", "ours/ALE__Pong-v5"]
    assert stranger.model_info("ours/ALE__Pong-v5").sha
    assert stranger.model_info("local/alone").sha


def test_models_are_listed_by_filter_search_and_author(
    served: Served, stranger: HfApi, tmp_path: Path
) -> None:
    for number, name in enumerate(("team/walker", "team/runner", "other/walker")):
        pushed(served, tmp_path / str(number), name, seed=number)

    def names(**query: object) -> list[str]:
        return [info.id for info in stranger.list_models(**query)]  # type: ignore[arg-type]

    assert names() == ["other/walker", "team/runner", "team/walker"]
    assert names(author="team") == ["team/runner", "team/walker"]
    assert names(search="WALK") == ["other/walker", "team/walker"]
    assert names(filter=["FrozenLake-v1", "agent-zoo"], author="other") == ["other/walker"]
    assert names(filter="CartPole-v1") == []
    assert names(pipeline_tag="reinforcement-learning", search="runner") == ["team/runner"]
    assert names(limit=1) == ["other/walker"]
    assert names(sort="last_modified") == ["other/walker", "team/runner", "team/walker"]
    (found,) = stranger.list_models(search="runner", cardData=True)
    assert found.card_data.tags[0] == "FrozenLake-v1"


def test_a_listing_has_pages(
    served: Served, stranger: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.server.reading._MOST_LISTED", 2)
    for number in range(5):
        pushed(served, tmp_path / str(number), f"team/walker-{number}", seed=number)
    assert [info.id for info in stranger.list_models(author="team")] == [
        f"team/walker-{number}" for number in range(5)
    ]


def test_trees_and_paths(api: HfApi, stranger: HfApi) -> None:
    api.create_repo("team/folders")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a/b/c.txt", repo_id="team/folders")
    api.upload_file(path_or_fileobj=b"yy", path_in_repo="top.bin", repo_id="team/folders")
    tree = {one.path: one for one in stranger.list_repo_tree("team/folders", recursive=True)}
    assert tree.keys() == {"a", "a/b", "a/b/c.txt", "top.bin"}
    assert tree["top.bin"].size == 2
    assert [one.path for one in stranger.list_repo_tree("team/folders", "a")] == ["a/b"]
    found = stranger.get_paths_info("team/folders", ["a", "top.bin", "absent"])
    assert [one.path for one in found] == ["a", "top.bin"]
    with pytest.raises(RemoteEntryNotFoundError):
        list(stranger.list_repo_tree("team/folders", "absent"))


def test_a_part_of_a_file_can_be_asked_for(api: HfApi, served: Served) -> None:
    content = bytes(range(256)) * 1000
    api.create_repo("team/part")
    commit = api.upload_file(path_or_fileobj=content, path_in_repo="w.bin", repo_id="team/part")
    url = f"{served.url}/team/part/resolve/main/w.bin"
    whole = get_session().get(url)
    assert whole.content == content
    part = get_session().get(url, headers={"Range": "bytes=100000-"})
    assert part.status_code == 206
    assert part.content == content[100000:]
    assert part.headers["Content-Range"] == f"bytes 100000-255999/{len(content)}"
    head = get_session().head(url)
    assert head.headers["Content-Length"] == head.headers["X-Linked-Size"] == "256000"
    assert head.headers["X-Repo-Commit"] == commit.oid
    assert head.headers["ETag"] == head.headers["X-Linked-Etag"]
    assert get_session().get(url, headers={"Range": "bytes=256000-"}).status_code == 416


def test_what_is_not_there_is_told_apart(api: HfApi, stranger: HfApi, served: Served) -> None:
    api.create_repo("team/empty")
    with pytest.raises(RepositoryNotFoundError):
        stranger.model_info("team/absent")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("team/absent")
    for revision in ("absent", "0" * 40, "refs/pr/1"):
        with pytest.raises(RevisionNotFoundError):
            stranger.model_info("team/empty", revision=revision)
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download("team/empty", "absent.txt", endpoint=served.url)
    assert not api.file_exists("team/empty", "absent.txt")
    assert api.repo_exists("team/empty")


def test_what_is_private_is_not_there_for_strangers(
    api: HfApi, stranger: HfApi, served: Served
) -> None:
    api.create_repo("team/secret", private=True)
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id="team/secret")
    assert api.model_info("team/secret").private is True
    with pytest.raises(RepositoryNotFoundError):
        stranger.model_info("team/secret")
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("team/secret", "a.txt", endpoint=served.url, token=False)
    assert [info.id for info in stranger.list_models()] == []
    assert [info.id for info in api.list_models()] == ["team/secret"]
    absent = get_session().get(f"{served.url}/api/models/team/absent")
    secret = get_session().get(f"{served.url}/api/models/team/secret")
    assert absent.status_code == secret.status_code == 401
    assert absent.text.replace("absent", "secret") == secret.text
    api.update_repo_settings("team/secret", private=False)
    assert stranger.model_info("team/secret").private is False


def test_gated_files_need_a_token(api: HfApi, stranger: HfApi, served: Served) -> None:
    api.create_repo("team/gated")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id="team/gated")
    api.update_repo_settings("team/gated", gated="manual")
    assert stranger.model_info("team/gated").gated == "manual"
    with pytest.raises(GatedRepoError):
        hf_hub_download("team/gated", "a.txt", endpoint=served.url, token=False)
    assert hf_hub_download("team/gated", "a.txt", endpoint=served.url, token=served.token)


def test_a_closed_hub_wants_a_token_for_everything(serve: object) -> None:
    served = serve(closed=True)  # type: ignore[operator]
    with pytest.raises(HfHubHTTPError, match="closed"):
        list(HfApi(endpoint=served.url, token=False).list_models())
    assert list(HfApi(endpoint=served.url, token=served.token).list_models()) == []


def test_who_one_is(api: HfApi, served: Served) -> None:
    assert api.whoami()["name"].startswith("ada")
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(endpoint=served.url, token="hf_wrong").whoami()
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi(endpoint=served.url, token="hf_wrong").model_info("team/absent")


@pytest.mark.parametrize(
    "path",
    [
        "/team/part/resolve/main/../../../../tokens.json",
        "/team/part/resolve/main/..%2f..%2f..%2ftokens.json",
        "/team/part/resolve/main/%2e%2e/%2e%2e/tokens.json",
        "/team/part/resolve/main/a%5c..%5c..%5ctokens.json",
        "/team/part/resolve/main//etc/passwd",
        "/team/part/resolve/main/C:%5Ctokens.json",
        "/team/part/resolve/..%2f..%2fmain/a.txt",
        "/api/models/..%2f..%2fetc/passwd",
        "/api/models/team%2f..%2f../part",
        "/api/models/./part",
        "/api/models/team/part/tree/main/..%2f..",
        "/api/models/team/part/revision/..%2f..%2fsecret",
        "/%00/part/resolve/main/a.txt",
    ],
)
def test_no_path_leads_out(api: HfApi, served: Served, path: str) -> None:
    import http.client

    api.create_repo("team/part")
    host = served.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path)  # httpx would tidy the path up
    response = connection.getresponse()
    assert response.status in (400, 401, 404)
    assert b"sha256" not in response.read()


def test_a_name_with_two_strokes_leads_to_its_own_namespace_only(
    served: Served, api: HfApi, stranger: HfApi, tmp_path: Path
) -> None:
    pushed(served, tmp_path / "a", "team/secret/x")
    api.update_repo_settings("team/secret__x", private=True)
    assert api.model_info("team/secret__x").private
    for name in ("team/secret__x", "team__secret/x"):
        with pytest.raises(RepositoryNotFoundError):
            stranger.model_info(name)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("api/models/team/walker/tree/", 200),
        ("api/models/team/walker/revision/%00", 404),
        ("team/walker/resolve/", 400),
        ("team/walker/resolve/main/", 400),
    ],
)
def test_an_address_that_lacks_its_end_is_answered(
    served: Served, tmp_path: Path, address: str, status: int
) -> None:
    pushed(served, tmp_path / "a")
    assert get_session().get(f"{served.url}/{address}").status_code == status


def test_a_page_has_at_least_one_model(served: Served, tmp_path: Path) -> None:
    pushed(served, tmp_path / "a", "team/a")
    pushed(served, tmp_path / "b", "team/b")
    answer = get_session().get(f"{served.url}/api/models?limit=0")
    assert [one["id"] for one in answer.json()] == ["team/a"]
