"""What the real client writes: repositories, commits, branches and tags."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationDelete, HfApi, constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session
from huggingface_hub.utils._runtime import is_xet_available

from tests.actors import saved, walker
from tests.hub.server.commits import add
from tests.hub.server.serving import Served
from zoo.hub import upkeep
from zoo.hub.base import Query
from zoo.hub.card import card_files
from zoo.hub.local import LocalHub
from zoo.hub.server.store import Store
from zoo.storage.bundle import Bundle, attach


def made(path: Path, seed: int = 0, **files: bytes) -> Bundle:
    bundle = saved(path, walker(seed), "FrozenLake-v1", files=files)
    return attach(bundle, card_files(bundle))


def contents(served: Served, name: str, revision: str = "main") -> dict[str, bytes]:
    """Download a repository and return its files' contents by path."""
    folder = served.root.parent / "copies" / name / revision
    snapshot_download(
        name, revision=revision, endpoint=served.url, token=served.token, local_dir=folder
    )
    files = (path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("most_regular", [1000, 8 << 20])  # beside the commit, and in it
def test_a_folder_goes_up_and_comes_down_the_same(
    api: HfApi,
    served: Served,
    tmp_path: Path,
    most_regular: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.hub.server.writing.MOST_REGULAR", most_regular)
    big = os.urandom(3_000_000)
    bundle = made(tmp_path / "a", **{"film.mp4": big})
    url = api.create_repo("team/walker")
    assert url == f"{served.url}/team/walker"
    commit = api.upload_folder(repo_id="team/walker", folder_path=bundle.path)
    assert api.model_info("team/walker").sha == commit.oid
    expected = {path.name: path.read_bytes() for path in bundle.path.iterdir()}
    assert contents(served, "team/walker") == expected
    assert expected["film.mp4"] == big


def test_a_bundle_that_was_uploaded_is_an_agent_of_the_local_hub(
    api: HfApi, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = LocalHub(served.root)
    first, second = made(tmp_path / "a", 1), made(tmp_path / "b", 2)
    api.create_repo("team/walker")
    api.upload_folder(repo_id="team/walker", folder_path=first.path)
    assert [entry.ref for entry in hub.search(Query(env_id="FrozenLake-v1"))] == ["team/walker"]
    api.upload_folder(repo_id="team/walker", folder_path=second.path)
    assert hub.get("team/walker").digest == second.digest
    assert [ref.tag for ref in hub.refs.tags("team/walker")] == ["latest"]
    hub.get("team/walker").verify()
    third = made(tmp_path / "c", 3)
    hub.push(third, "team/walker")  # and the other way round
    head = api.model_info("team/walker").sha
    assert head == third.digest[:40]
    commit = api.create_commit(
        "team/walker", [add("notes.txt", b"hello")], commit_message="Add notes", parent_commit=head
    )
    assert "notes.txt" in contents(served, "team/walker", commit.oid)
    assert hub.get("team/walker").digest == third.digest  # with a file besides it is no bundle
    monkeypatch.setattr(upkeep, "GRACE", -1.0)
    upkeep.collect_garbage(hub)
    assert contents(served, "team/walker")["notes.txt"] == b"hello"
    titles = [commit.title for commit in api.list_repo_commits("team/walker")]
    assert titles[0] == "Add notes"
    assert titles[1].endswith("pushed into the local hub")


def test_an_older_agent_can_be_pushed_into_the_directory_again(
    api: HfApi, served: Served, tmp_path: Path
) -> None:
    hub, first, second = LocalHub(served.root), made(tmp_path / "a", 1), made(tmp_path / "b", 2)
    hub.push(first, "team/walker")
    api.upload_folder(repo_id="team/walker", folder_path=second.path)
    assert hub.get("team/walker").digest == second.digest
    hub.push(first, "team/walker")
    assert api.model_info("team/walker").sha == first.digest[:40]


def test_only_what_changed_is_committed(api: HfApi, served: Served, tmp_path: Path) -> None:
    bundle = made(tmp_path / "a", **{"film.mp4": os.urandom(200_000)})
    api.create_repo("team/walker")
    first = api.upload_folder(repo_id="team/walker", folder_path=bundle.path)
    again = api.upload_folder(repo_id="team/walker", folder_path=bundle.path)
    assert again.oid == first.oid


def test_files_and_folders_are_deleted(api: HfApi, served: Served) -> None:
    api.create_repo("team/files")
    files = {"a/1.txt": b"1", "a/2.txt": b"2", "b.txt": b"3", "c.txt": b"4"}
    operations = [add(path, content) for path, content in files.items()]
    api.create_commit("team/files", operations, commit_message="Add")
    gone = [CommitOperationDelete("a/"), CommitOperationDelete("b.txt")]
    api.create_commit("team/files", [*gone, add("a/3.txt", b"5")], commit_message="Change")
    assert contents(served, "team/files") == {"a/3.txt": b"5", "c.txt": b"4"}
    with pytest.raises(HfHubHTTPError, match="doesn't exist"):
        api.create_commit("team/files", [CommitOperationDelete("b.txt")], commit_message="Again")


def test_branches_and_tags(api: HfApi, served: Served, tmp_path: Path) -> None:
    bundle = made(tmp_path / "a")
    api.create_repo("team/walker")
    commit = api.upload_folder(repo_id="team/walker", folder_path=bundle.path)
    api.create_tag("team/walker", tag="release/1.0")
    assert api.model_info("team/walker", revision="release/1.0").sha == commit.oid
    assert LocalHub(served.root).get("team/walker", "release/1.0").digest == bundle.digest
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag("team/walker", tag="release/1.0")
    api.create_tag("team/walker", tag="release/1.0", exist_ok=True)
    api.create_branch("team/walker", branch="try/this")
    api.create_commit(
        "team/walker", [add("x.txt", b"x")], commit_message="Try", revision="try/this"
    )
    assert "x.txt" in contents(served, "team/walker", "try/this")
    assert "x.txt" not in contents(served, "team/walker")
    assert {b.name for b in api.list_repo_refs("team/walker").branches} == {"main", "try/this"}
    api.delete_branch("team/walker", branch="try/this")
    api.delete_tag("team/walker", tag="release/1.0")
    assert {b.name for b in api.list_repo_refs("team/walker").branches} == {"main"}
    with pytest.raises(HfHubHTTPError, match="404"):
        api.create_commit(
            "team/walker", [add("x.txt", b"x")], commit_message="Try", revision="absent"
        )


def test_a_repository_is_created_once_and_can_be_deleted(
    api: HfApi, served: Served, tmp_path: Path
) -> None:
    api.create_repo("team/walker")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("team/walker")
    assert api.create_repo("team/walker", exist_ok=True) == f"{served.url}/team/walker"
    api.upload_folder(repo_id="team/walker", folder_path=made(tmp_path / "a").path)
    api.delete_repo("team/walker")
    assert not api.repo_exists("team/walker")
    assert LocalHub(served.root).search(Query()) == []
    api.create_repo("walker")  # into the user's own namespace
    assert api.repo_exists(f"{api.whoami()['name']}/walker")


def test_a_client_with_xet_pushes_agents_too(
    api: HfApi, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    assert is_xet_available()
    bundle = made(tmp_path / "a", **{"film.mp4": os.urandom(3_000_000)})
    api.create_repo("team/walker")
    api.upload_folder(repo_id="team/walker", folder_path=bundle.path)
    assert LocalHub(served.root).get("team/walker").digest == bundle.digest
    again = api.upload_folder(repo_id="team/walker", folder_path=bundle.path)
    assert again.oid == api.model_info("team/walker").sha


def test_much_at_once_is_uploaded_beside_the_commit(
    api: HfApi, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.server.writing.MOST_TOGETHER", 2500)
    files = {f"{number}.bin": os.urandom(1000) for number in range(5)}
    api.create_repo("team/walker")
    operations = [add(path, content) for path, content in files.items()]
    api.create_commit("team/walker", operations, commit_message="Add")
    assert [operation._upload_mode for operation in operations] == ["regular"] * 2 + ["lfs"] * 3
    assert contents(served, "team/walker") == files


def test_a_file_that_another_commit_deleted_is_gone(api: HfApi, served: Served) -> None:
    api.create_repo("team/walker")
    api.create_commit("team/walker", [add("a", b"1"), add("b", b"2")], commit_message="Two")
    repository = Store(served.root).repository("team/walker")
    for files in ({"a": None}, {"a": None, "b": None}):  # both read before either was made
        repository.add("main", None, files, title="Delete", message="", author="")
    assert not {"a", "b"} & repository.commit("main").files.keys()


def test_half_a_character_in_a_title_does_not_spoil_the_log(api: HfApi, served: Served) -> None:
    api.create_repo("team/walker")
    head = {"key": "header", "value": {"summary": "a\ud800", "description": "\ud800"}}
    url = f"{served.url}/api/models/team/walker/commit/main"
    token = {"Authorization": f"Bearer {served.token}"}
    body = json.dumps(head).encode()
    assert get_session().post(url, content=body, headers=token).status_code == 200
    assert api.list_repo_commits("team/walker")[0].title == "a?"
