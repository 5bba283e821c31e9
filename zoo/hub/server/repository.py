"""One repository of a server: its own commits, over the versions that the local hub has of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.local import LocalHub
from zoo.hub.names import LATEST, is_name, is_tag
from zoo.hub.refs import Ref
from zoo.hub.server.history import HEADS, TAGS, Commit, File, Head, History, moment
from zoo.hub.server.names import MAIN, is_commit
from zoo.hub.server.refusals import Refusal, RepositoryExists, no_revision, stale
from zoo.storage import strict_json
from zoo.storage.files import explain, remove_directory
from zoo.storage.manifest import MANIFEST, check_manifest

LOCAL = "local"
"""The namespace of agents whose name in the local hub has one part only."""

_SLASH = "__"
_MOST_MANIFEST = 16 << 20
_COMMIT_DIGITS = 40


class Repository:
    """One repository. Methods that find nothing raise the `Refusal` that the client expects."""

    def __init__(self, hub: LocalHub, folder: Path, name: str) -> None:
        self.hub, self.name, self.namespace = hub, name, name.partition("/")[0]
        self.history = History(folder)

    @property
    def exists(self) -> bool:
        return self.history.exists or bool(self._agents)

    @cached_property
    def agent_name(self) -> str:
        """What the repository is called in the local hub."""
        namespace, _, rest = self.name.partition("/")
        alone = [rest] if namespace == LOCAL else []
        inside = f"{namespace}/{rest.replace(_SLASH, '/')}"  # never another namespace's agent
        for name in (self.name, inside, *alone):
            if is_name(name) and self.hub.refs.tags(name):
                return name
        return self.name

    @cached_property
    def _agents(self) -> dict[str, Ref]:
        """The versions that the local hub has of this repository, by tag."""
        if not is_name(self.agent_name):
            return {}
        return {ref.tag: ref for ref in self.hub.refs.tags(self.agent_name)}

    def create(self, *, private: bool) -> None:
        """Make the repository, with a first commit that holds nothing."""
        with self._changing():
            if self.exists:
                raise RepositoryExists(self.name)
            texts = {"title": "initial commit", "message": "", "author": ""}
            first = self.history.add_commit({}, None, **texts)
            self.history.set_head(MAIN, Head(first.oid))
            self.history.write_settings(private=private)

    def change_settings(self, **settings: bool) -> None:
        """Make the repository private or gated, or no longer so."""
        with self._changing():
            self.history.write_settings(**settings)

    def delete(self) -> None:
        """Remove the repository, from the local hub too."""
        with self._changing():
            if self._agents:
                self.hub.remove(self.agent_name)
            if self.history.exists:
                remove_directory(self.history.folder)

    def commit(self, revision: str) -> Commit:
        """Return the commit that a branch, a tag or an oid means."""
        found = self._by_oid(revision) if is_commit(revision) else self._by_name(revision)
        if found is None:
            raise no_revision(revision)
        return found

    def branches(self) -> dict[str, str]:
        return {MAIN: self.commit(MAIN).oid} | {
            name: oid for name, oid in self.history.refs(HEADS).items() if name != MAIN
        }

    def tags(self) -> dict[str, str]:
        agents = {tag: _oid(ref) for tag, ref in self._agents.items() if tag != LATEST}
        return agents | self.history.refs(TAGS)

    def log(self, revision: str, most: int) -> list[Commit]:
        """Return a commit and those before it, the newest first."""
        found: list[Commit] = []
        commit: Commit | None = self.commit(revision)
        while commit is not None and len(found) < most:
            found.append(commit)
            commit = self._by_oid(commit.parent) if commit.parent else None
        return found

    def add(
        self,
        branch: str,
        parent: str | None,
        change: Mapping[str, File | None],
        *,
        title: str,
        message: str,
        author: str,
    ) -> Commit:
        """Commit a change, files by path or None for those to delete, on top of a branch.

        Refuses a `parent` that is no longer the branch's head. The branch moves last.
        """
        with self._changing():
            is_branch = branch == MAIN or self.history.head(branch) is not None
            head = self._by_name(branch) if is_branch else None
            if head is None:
                raise no_revision(branch)
            if parent is not None and parent != head.oid:
                raise stale(parent, head.oid)
            files = dict(head.files) | {p: file for p, file in change.items() if file}
            for path in (path for path, file in change.items() if file is None):
                files.pop(path, None)  # another commit may have deleted it meanwhile
            texts = {"title": title, "message": message, "author": author}
            commit = self.history.add_commit(files, head.oid, **texts)
            if not self.history.exists:  # so far it was an agent of the local hub only
                self.history.write_settings(private=False)
            self.history.set_head(branch, Head(commit.oid, self._latest()))
            if branch == MAIN:
                self._publish(commit)
        return commit

    def repair(self) -> None:
        """Finish what a server that was killed left undone: the local hub may lack a commit."""
        head = self.history.head()
        if head is None or head.seen != self._latest():
            return
        with self._changing():
            commit = self.history.commit(head.commit)
            if commit is not None:
                self._publish(commit)

    def set_tag(self, name: str, revision: str) -> None:
        """Have a new tag mean a commit, in the local hub too where that holds an agent."""
        with self._changing():
            if name in self.tags() or name in self.branches():
                raise Refusal(409, f"Tag reference exists already: {name}")
            commit = self.commit(revision)
            self.history.set_tag(name, commit.oid)
            digest = self._bundle(commit)
            if digest and is_tag(name) and name != LATEST:
                self.hub.add(self.hub.bundle(digest), self.agent_name, [name])

    def remove_tag(self, name: str) -> None:
        with self._changing():
            found = self.history.remove_ref(TAGS, name)
            if name in self._agents and name != LATEST:
                self.hub.remove(self.agent_name, name)
                found = True
        if not found:
            raise no_revision(name)

    def add_branch(self, name: str, revision: str) -> None:
        with self._changing():
            if name in self.branches() or name in self.tags():
                raise Refusal(409, f"Reference already exists: {name}")
            self.history.set_head(name, Head(self.commit(revision).oid))

    def remove_branch(self, name: str) -> None:
        if name == MAIN:
            raise Refusal(403, "the branch main cannot be deleted")
        with self._changing():
            if not self.history.remove_ref(HEADS, name):
                raise no_revision(name)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep others from changing the repository, and forget what was read before."""
        with self.history.locked():
            for name in ("agent_name", "_agents"):
                self.__dict__.pop(name, None)
            yield

    def _latest(self) -> str | None:
        latest = self._agents.get(LATEST)
        return latest.digest if latest else None

    def _by_name(self, name: str) -> Commit | None:
        if name == MAIN:
            return self._main()
        head = self.history.head(name)
        if oid := head.commit if head else self.history.tag(name):
            return self._by_oid(oid)
        ref = self._agents.get(name)
        return self._as_commit(ref) if ref else None

    def _main(self) -> Commit | None:
        """Return the newest of two: the branch's commit, or what was pushed into the directory."""
        head, latest = self.history.head(), self._agents.get(LATEST)
        commit = self._by_oid(head.commit) if head else None
        if latest is None or commit is None or head is None:
            return self._as_commit(latest) if latest and commit is None else commit
        if latest.digest in (head.seen, self._bundle(commit)):
            return commit
        return self._as_commit(latest, commit.oid)

    def _by_oid(self, oid: str) -> Commit | None:
        if commit := self.history.commit(oid):
            return commit
        for ref in self._agents.values():
            if _oid(ref) == oid:
                return self._as_commit(ref)
        return None

    def _as_commit(self, ref: Ref, parent: str | None = None) -> Commit:
        """Return a version of the local hub in the form of a commit."""
        files = {name: File(*entry) for name, entry in self._listed(ref.digest).items()}
        path = self.hub.blobs.path(ref.digest)
        with explain(path, "read"):
            files[MANIFEST] = File(ref.digest, path.stat().st_size)
        title = f"{ref.tag}, pushed into the local hub"
        return Commit(_oid(ref), files, parent, title, date=moment(ref.pushed))

    def _listed(self, digest: str) -> dict[str, tuple[str, int]]:
        """Return the files that an agent.json lists; raise `ZooError` where it is none."""
        data = self.hub.blobs.read(digest, most=_MOST_MANIFEST)
        path = self.hub.blobs.path(digest)
        manifest = strict_json.loads(data, str(path), max_bytes=_MOST_MANIFEST)
        check_manifest(manifest, path)
        return {name: (e["sha256"], e["size"]) for name, e in manifest["files"].items()}

    def _bundle(self, commit: Commit) -> str | None:
        """Return the digest of the agent that a commit holds, whole and with nothing besides.

        Hidden files, such as .gitattributes, are the repository's own and do not count.
        """
        manifest = commit.files.get(MANIFEST)
        if manifest is None or manifest.size > _MOST_MANIFEST:
            return None
        try:
            listed = self._listed(manifest.sha256)
        except ZooError:
            return None
        held = {path: tuple(f) for path, f in commit.files.items() if not path.startswith(".")}
        return manifest.sha256 if held == listed | {MANIFEST: tuple(manifest)} else None

    def _publish(self, commit: Commit) -> None:
        """Give a commit that holds an agent to the local hub, as its newest version."""
        digest = self._bundle(commit)
        if digest is None or digest == self._latest() or not is_name(self.agent_name):
            return
        try:
            self.hub.add(self.hub.bundle(digest), self.agent_name, [LATEST])
        except ZooError as error:  # the commit stands all the same
            print(f"zoo: {self.name} is not in the local hub: {error}", file=sys.stderr)
        else:
            self.history.set_head(MAIN, Head(commit.oid, digest))


def repository_name(agent: str) -> str:
    """Return the name of the repository that shows an agent of the local hub."""
    first, slash, rest = agent.partition("/")
    return f"{first}/{rest.replace('/', _SLASH)}" if slash else f"{LOCAL}/{first}"


def _oid(ref: Ref) -> str:
    return ref.digest[:_COMMIT_DIGITS]
