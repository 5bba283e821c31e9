"""Pushes to a hub that is broken or busy: one commit, or one line of error."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.hub import hostile
from tests.hub.hostile import Hostile, made
from tests.hub.server.serving import Served
from zoo.hub.base import Unreachable
from zoo.hub.huggingface import HuggingFaceHub
from zoo.hub.upload import Upload


@pytest.mark.parametrize(
    ("target", "spoil"),
    [
        ("repos/create", hostile.broken),
        ("revision/main", hostile.status(503)),
        ("preupload/main", hostile.status(429)),
        ("objects/batch", hostile.silent),
        ("verify", hostile.broken),
        ("commit/main", hostile.status(412)),
        ("commit/main", hostile.status(503)),
        ("commit/main", hostile.broken),
        ("commit/main", hostile.silent),
    ],
)
def test_a_push_passes_a_storm_and_is_one_commit(
    hub: HuggingFaceHub, bad: Hostile, tmp_path: Path, target: str, spoil: Any
) -> None:
    """The spoilt request was fulfilled all the same; asking again must not do it twice."""
    head = hub.resolve("team/walker")
    bad.target, bad.spoil, bad.times = target, spoil, 2
    done = hub.push(made(tmp_path / "b", 1), "team/walker")
    bad.times = 0
    assert done.revision == hub.resolve("team/walker") != head
    with hub.connection("team/walker") as api:
        assert len(api.list_repo_commits("team/walker")) == 2


def test_a_push_that_comes_second_is_made_again_on_top(
    hub: HuggingFaceHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, others = Upload._operations, []

    def prepare_slowly(self: Upload, *arguments: Any) -> Any:
        if not others:
            path, content = "LICENSE", b"MIT"
            others.append(
                hub.api.upload_file(
                    path_or_fileobj=content, path_in_repo=path, repo_id="team/walker"
                )
            )
        return prepare(self, *arguments)

    monkeypatch.setattr(Upload, "_operations", prepare_slowly)
    done = hub.push(made(tmp_path / "b", 1), "team/walker")
    with hub.connection("team/walker") as api:
        log = [commit.commit_id for commit in api.list_repo_commits("team/walker")]
        assert log[:2] == [done.revision, others[0].oid]
        assert "LICENSE" in api.list_repo_files("team/walker")


@pytest.mark.parametrize("target", ["repos/create", "objects/batch", "commit/main"])
def test_a_push_that_cannot_succeed_ends(
    hub: HuggingFaceHub, bad: Hostile, served: Served, tmp_path: Path, target: str
) -> None:
    bad.target, bad.spoil, hub.timeout = target, hostile.silent, 0.4
    began = time.monotonic()
    with pytest.raises(Unreachable, match="does not answer in time"):
        hub.push(made(tmp_path / "b", 1), "team/walker")
    assert time.monotonic() - began < 10
