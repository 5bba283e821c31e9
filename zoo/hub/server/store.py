"""The repositories of a server, over the agents of a local hub.

A repository `team/walker` and the local hub's agent `team/walker` are the same thing. What is
committed over HTTP and holds a whole bundle becomes the agent's newest version in the local hub,
so that `zoo search --hub DIR` finds it; what is pushed into the directory shows here as a commit,
whose oid is the beginning of the bundle's digest. All files are blobs of the local hub, shared.

    repositories/<namespace>/<name>/   the commits and branches, see `history`

A name in the local hub may have more or fewer parts than two: `sb3-ppo/ALE/Pong-v5` is the
repository `sb3-ppo/ALE__Pong-v5`, and `walker` is `local/walker`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.local import LocalHub
from zoo.hub.server.history import History, is_folder_name
from zoo.hub.server.names import check_repository
from zoo.hub.server.refusals import Refusal
from zoo.hub.server.repository import Repository, repository_name

FOLDER = "repositories"


class Store:
    """All repositories below a directory."""

    def __init__(self, root: Path | str) -> None:
        self.hub = LocalHub(root)
        self.folder = self.hub.root / FOLDER

    def repository(self, name: str) -> Repository:
        """Return a repository, whether it exists or not; refuse what can be no name of one."""
        return Repository(self.hub, self.folder / check_repository(name), name)

    def names(self) -> Iterator[str]:
        """Yield the name of every repository, in order."""
        own = {
            f"{space.name}/{folder.name}"
            for space in _folders(self.folder)
            for folder in _folders(space)
            if History(folder).exists
        }
        agents = {repository_name(name) for name in self.hub.refs.names()}
        for name in sorted(own | agents):
            with suppress(Refusal):  # an agent's name that the client could not ask for
                yield check_repository(name)

    def repair(self) -> None:
        """Finish what a server that was killed left undone."""
        for name in self.names():
            with suppress(ZooError):  # what is damaged is told to whoever asks for it
                self.repository(name).repair()


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(p for p in path.iterdir() if p.is_dir() and is_folder_name(p.name))
