"""The Hugging Face Hub, and servers that speak its interface, as a hub of agents.

A pull asks which commit a revision is, and takes everything from that commit: first agent.json,
then the files that it lists, each held against its SHA-256. A push is one commit.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from huggingface_hub import HfApi, ModelInfo, constants, hf_hub_url
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

import zoo
from zoo.errors import ZooError
from zoo.hub.answers import explained, token_for
from zoo.hub.base import SECONDS, Entry, Hub, Progress, Pushed, Query, cached_name
from zoo.hub.connection import BROKEN, TRIES, Client, connected, pause
from zoo.hub.download import Download
from zoo.storage import strict_json
from zoo.storage.manifest import MANIFEST, check_manifest

if TYPE_CHECKING:
    from zoo.hub.local import LocalHub
    from zoo.hub.refs import Ref
    from zoo.storage.bundle import Bundle

SCHEME = "hf"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_MANIFEST = 16 << 20
_MOST_FOUND = 1000
_MOST_FILES = 1000
_MOST_WORDS = 10


class HuggingFaceHub(Hub):
    """The hub at `endpoint`, by default `$HF_ENDPOINT` or https://huggingface.co.

    `timeout` is how many seconds an answer may take; files have longer, by their size. The
    token is the client's own, from its store or the environment; we neither keep nor show it.
    """

    def __init__(self, endpoint: str | None = None, timeout: float = SECONDS) -> None:
        chosen = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self.endpoint, self.timeout = chosen.rstrip("/"), timeout
        if not _is_address(self.endpoint):
            raise ZooError(
                f"{chosen!r} is not the address of a hub", "Give one such as https://hub.example"
            )
        self.token = token_for(self.endpoint, os.environ.get("HF_TOKEN"))

    @property
    def api(self) -> HfApi:
        """The client, for this address; to be used inside `connection` only."""
        return HfApi(
            endpoint=self.endpoint,
            token=self.token,
            library_name="agent-zoo",
            library_version=zoo.__version__,
        )

    @contextmanager
    def connection(
        self, name: str, on_sent: Callable[[int], object] = lambda sent: None
    ) -> Iterator[HfApi]:
        """Give the client; what it raises becomes a `ZooError` about `name`."""
        told = explained(f"{SCHEME}:{name}", self.endpoint)
        with told, connected(self.endpoint, self.timeout, on_sent):
            yield self.api

    def search(self, query: Query) -> list[Entry]:
        from zoo.hub.listing import entry_of

        filters = ["agent-zoo", *filter(None, (query.env_id, query.algorithm))]
        words = query.text.split()[:_MOST_WORDS]
        with self.connection("search") as api:
            found = api.list_models(
                filter=filters,
                search=words[0] if words else None,
                limit=_MOST_FOUND,
                expand=["cardData", "model-index", "tags"],
            )
            entries = [entry_of(info, self.endpoint) for info in found]
        return sorted(filter(query.accepts, entries), key=Entry.rank)

    def resolve(self, name: str, revision: str | None = None) -> str:
        if revision and _COMMIT.fullmatch(revision):
            return revision
        with self.connection(name) as api:
            return _commit_of(api.model_info(name, revision=revision), name)

    def pull(
        self,
        name: str,
        revision: str | None,
        destination: LocalHub,
        *,
        progress: Progress | None = None,
    ) -> Bundle:
        kept = cached_name(SCHEME, name)
        if bundle := self._pulled_before(name, revision, destination):
            return bundle
        with self.connection(name) as api:
            info = api.model_info(name, revision=revision, files_metadata=True)
            commit = _commit_of(info, name)
            data = self._manifest(info, name, commit)
            digest = hashlib.sha256(data).hexdigest()
            value = strict_json.loads(data, f"{SCHEME}:{name}/{MANIFEST}")
            check_manifest(value, destination.root / MANIFEST)
            destination.create()
            destination.blobs.add(data, digest)
            self._fetch_files(name, commit, value["files"], destination, progress)
        bundle = destination.bundle(digest)
        return destination.add(bundle, kept, [commit], source=self._source(name, commit))

    def gave(self, ref: Ref) -> bool:
        return ref.source.startswith(f"{self.endpoint}/")

    def push(
        self,
        bundle: Bundle,
        name: str,
        *,
        revision: str | None = None,
        tag: str | None = None,
        private: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Pushed:
        from zoo.hub.upload import Upload

        upload = Upload(self, name, branch=revision, tag=tag, private=private)
        return upload.plan(bundle) if dry_run else upload.run(bundle, progress)

    def file(
        self, name: str, path: str, commit: str, most: int, *, size: int | None = None
    ) -> bytes:
        """Return a file's content, inside `connection`; refuse what is larger than `most` bytes.

        `size`, where it is known, is what the time that it may take is reckoned by.
        """
        for number in range(1, TRIES + 1):
            try:
                return self._read(*self._address(name, path, commit), most, min(size or 0, most))
            except BROKEN:
                if number == TRIES:
                    raise
                time.sleep(pause(number))
        raise AssertionError("the last try returns or raises")

    def _read(self, url: str, headers: dict[str, str], most: int, expected: int) -> bytes:
        with self._client().file(url, headers, expected) as response:
            hf_raise_for_status(response)
            parts, size = [], 0
            for piece in response.iter_bytes():
                size += len(piece)
                if size > most:
                    raise ZooError(f"{url} is larger than {most} bytes", "It cannot be a bundle's")
                parts.append(piece)
        return b"".join(parts)

    def _manifest(self, info: ModelInfo, name: str, commit: str) -> bytes:
        """Return the agent.json of a commit, sure that it is the one that git names there."""
        found = {one.rfilename: one for one in info.siblings or ()}
        if MANIFEST not in found:
            raise ZooError(
                f"{SCHEME}:{name} has no {MANIFEST}, so it is no agent of the zoo",
                f"If another library made it, try: zoo import {SCHEME}:{name}",
            )
        listed = found[MANIFEST]
        data = self.file(name, MANIFEST, commit, _MOST_MANIFEST, size=listed.size)
        expected = listed.lfs.sha256 if listed.lfs else listed.blob_id
        if expected not in (None, hashlib.sha256(data).hexdigest(), git_oid(data)):
            raise ZooError(
                f"{SCHEME}:{name}/{MANIFEST} is damaged: it is not the file of commit {commit}",
                "Try again; if it stays so, the hub is not to be trusted",
            )
        return data

    def _fetch_files(
        self,
        name: str,
        commit: str,
        files: dict[str, dict[str, object]],
        destination: LocalHub,
        progress: Progress | None,
    ) -> None:
        total, before = sum(int(str(entry["size"])) for entry in files.values()), 0
        free = shutil.disk_usage(destination.root).free
        if len(files) > _MOST_FILES or total > free:
            raise ZooError(
                f"{SCHEME}:{name} lists {len(files)} files of {total} bytes; there may be "
                f"{_MOST_FILES}, and {free} bytes are free",
                "Free some space, if you trust the hub",
            )
        for path, entry in files.items():
            url, headers = self._address(name, path, commit)
            digest, size = str(entry["sha256"]), int(str(entry["size"]))

            def received(now: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + now, total)

            Download(self._client(), url, headers, digest, size, received).into(destination)
            before += size

    def _pulled_before(self, name: str, commit: str | None, hub: LocalHub) -> Bundle | None:
        """Return what was pulled from here at that commit: a commit never changes."""
        if commit is None or not _COMMIT.fullmatch(commit):
            return None
        ref = hub.refs.get(cached_name(SCHEME, name), commit)
        if ref is None or not self.gave(ref):
            return None
        bundle = hub.bundle(ref.digest)
        bundle.verify()
        return bundle

    def _source(self, name: str, commit: str) -> str:
        return f"{self.endpoint}/{name}@{commit}"

    def _address(self, name: str, path: str, commit: str) -> tuple[str, dict[str, str]]:
        url = hf_hub_url(name, path, revision=commit, endpoint=self.endpoint)
        return url, build_hf_headers(token=self.token, library_name="agent-zoo")

    def _client(self) -> Client:
        client = get_session()
        assert isinstance(client, Client), "only inside `connection`"
        return client


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        is_port = parts.port is None or parts.port > 0
    except ValueError:  # an odd port, or half of an IPv6 address
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and is_port
        and (not parts.username)
    )


def git_oid(content: bytes) -> str:
    """Return the name that git gives to a file of this content."""
    data = b"blob %d\0%s" % (len(content), content)
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _commit_of(info: ModelInfo, name: str) -> str:
    if not isinstance(info.sha, str) or not _COMMIT.fullmatch(info.sha):
        raise ZooError(f"the hub names no commit of {SCHEME}:{name}", "Is the address a hub's?")
    return info.sha
