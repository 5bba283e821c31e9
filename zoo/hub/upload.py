"""Push an agent to a remote hub: one commit, on top of what is there at that moment."""

from __future__ import annotations

import hashlib
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelInfo
from huggingface_hub.errors import (
    HfHubHTTPError,
    HfUriError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo.errors import ZooError
from zoo.hub.base import Progress, Pushed
from zoo.hub.card import card_files
from zoo.hub.connection import pause
from zoo.storage import strict_json
from zoo.storage.bundle import Bundle, attach, copy_bundle
from zoo.storage.manifest import MANIFEST

if TYPE_CHECKING:
    from zoo.hub.huggingface import HuggingFaceHub

MAIN = "main"
_TRIES = 8
_MOST_MANIFEST = 16 << 20


@dataclass
class _Difference:
    """What a push changes in a repository: names of files."""

    changed: list[str]
    unchanged: list[str]
    gone: list[str]


class Upload:
    """One push. Its methods raise `ZooError` where the hub refuses or is not reached."""

    def __init__(
        self,
        hub: HuggingFaceHub,
        name: str,
        *,
        branch: str | None = None,
        tag: str | None = None,
        private: bool = False,
    ) -> None:
        self.hub, self.name, self.branch = hub, name, branch or MAIN
        self.tag, self.private = tag, private

    def plan(self, bundle: Bundle) -> Pushed:
        """Return what `run` would do, without doing it."""
        with tempfile.TemporaryDirectory() as place, self.hub.connection(self.name) as api:
            published = self._published(bundle, Path(place))
            try:
                info = api.model_info(self.name, revision=self.branch, files_metadata=True)
            except (RepositoryNotFoundError, RevisionNotFoundError):
                return Pushed("", self._url(), (*published.files, MANIFEST))
            difference = self._difference(published, info)
            return Pushed("", self._url(), tuple(difference.changed), tuple(difference.unchanged))

    def run(self, bundle: Bundle, progress: Progress | None) -> Pushed:
        """Push: make the repository where it is new, commit, and tag."""
        with tempfile.TemporaryDirectory() as place:
            published = self._published(bundle, Path(place))
            total = published.size

            def sent(size: int) -> None:
                if progress is not None:
                    progress(min(size, total), total)

            with self.hub.connection(self.name, sent) as api:
                self._prepare(api)
                commit, difference = self._commit(api, published)
                if self.tag:
                    self._set_tag(api, commit)
        if progress is not None:
            progress(total, total)
        return Pushed(
            commit,
            self._url(),
            tuple(difference.changed),
            tuple(difference.unchanged),
            (self.tag,) if self.tag else (),
        )

    def _published(self, bundle: Bundle, place: Path) -> Bundle:
        """Return a copy of the bundle whose card says how to pull it from here.

        The card is one of the bundle's files, so the copy's digest is another, unless the card
        said so already.
        """
        bundle.verify()
        copy = copy_bundle(bundle, place / "bundle")
        return attach(copy, card_files(copy, f"hf:{self.name}"))

    def _prepare(self, api: HfApi) -> None:
        with suppress(HfUriError):  # it exists, we may not make it, and the client trips over that
            api.create_repo(self.name, private=self.private or None, exist_ok=True)
        if self.branch != MAIN:
            api.create_branch(self.name, branch=self.branch, exist_ok=True)
        if self.private and api.model_info(self.name).private is False:
            raise ZooError(
                f"hf:{self.name} is public already", "Push to another name, or leave out --private"
            )

    def _commit(self, api: HfApi, bundle: Bundle) -> tuple[str, _Difference]:
        """Commit on top of the branch; where another push came between, once more."""
        for number in range(1, _TRIES + 1):
            info = api.model_info(self.name, revision=self.branch, files_metadata=True)
            difference = self._difference(bundle, info)
            if not difference.changed and not difference.gone:
                return str(info.sha), difference
            try:
                done = api.create_commit(
                    self.name,
                    self._operations(bundle, difference),
                    commit_message=f"Push {bundle.algorithm} on {bundle.env_id}",
                    revision=self.branch,
                    parent_commit=info.sha,
                )
                return str(done.oid), difference
            except HfHubHTTPError as error:
                if error.response.status_code != 412:
                    raise
                time.sleep(pause(number))
        raise ZooError(
            f"others push to hf:{self.name} all the time: {_TRIES} tries came too late",
            "Try again later",
        )

    def _operations(self, bundle: Bundle, difference: _Difference) -> list[Any]:
        added = [
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=bundle.path / name)
            for name in difference.changed
        ]
        return [*added, *(CommitOperationDelete(name) for name in difference.gone)]

    def _difference(self, bundle: Bundle, info: ModelInfo) -> _Difference:
        """Compare by what git and LFS call the files' contents; nothing is downloaded for it."""
        there = {
            one.rfilename: one.lfs.sha256 if one.lfs else one.blob_id for one in info.siblings or ()
        }
        names = [*bundle.files, MANIFEST]
        same = [name for name in names if name in there and self._is(bundle, name, there[name])]
        changed = [name for name in names if name not in same]
        left = there.keys() - set(names)
        gone = sorted(left & self._listed_there(info)) if left and MANIFEST in changed else []
        return _Difference(changed, same, gone)

    def _is(self, bundle: Bundle, name: str, oid: str | None) -> bool:
        digest = bundle.digest if name == MANIFEST else bundle.files[name]["sha256"]
        return oid in (digest, _git_oid(bundle.path / name))

    def _listed_there(self, info: ModelInfo) -> set[str]:
        """Return the files of the agent that is there: with it they go, others' files stay."""
        if MANIFEST not in {one.rfilename for one in info.siblings or ()}:
            return set()
        data = self.hub.file(self.name, MANIFEST, str(info.sha), _MOST_MANIFEST)
        try:
            files = strict_json.loads(data, MANIFEST).get("files")
        except (ZooError, AttributeError):
            return set()
        return set(files) if isinstance(files, dict) else set()

    def _set_tag(self, api: HfApi, commit: str) -> None:
        assert self.tag is not None
        try:
            api.create_tag(self.name, tag=self.tag, revision=commit)
        except HfHubHTTPError as error:
            if error.response.status_code != 409:
                raise
            if api.model_info(self.name, revision=self.tag).sha != commit:
                raise ZooError(
                    f"hf:{self.name}@{self.tag} is another agent already",
                    f"The push itself is done, as {commit}; choose another tag",
                ) from error

    def _url(self) -> str:
        return f"{self.hub.endpoint}/{self.name}"


def _git_oid(path: Path) -> str:
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
