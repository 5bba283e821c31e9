"""What a hub is: a place where bundles lie under names, each under exact revisions.

A plugin brings a hub by the hook `zoo_hubs`. Its class is made with the keyword arguments
`endpoint` and `timeout`, and the user names it by its scheme: `hf:org/name@revision`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.hub.local import LocalHub
    from zoo.hub.refs import Ref
    from zoo.storage.bundle import Bundle

SECONDS = 60.0
"""How long one request to a hub may take before it counts as failed."""

Progress = Callable[[int, int], object]
"""Called with the bytes done and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for; what is empty or None does not restrict.

    Each word of `text` must occur in the name, the algorithm or the environment's id, in upper
    or lower case. `algorithm` and `env_id` are whole names. An agent whose mean return is not
    known is not found where `min_return` is given.
    """

    text: str = ""
    algorithm: str | None = None
    env_id: str | None = None
    min_return: float | None = None

    def accepts(self, entry: Entry) -> bool:
        """Say whether `entry` is what is searched for, as far as it tells."""
        if self.algorithm not in (None, entry.algorithm) or self.env_id not in (None, entry.env_id):
            return False
        if self.min_return is not None and not (
            entry.mean_return is not None and entry.mean_return >= self.min_return
        ):
            return False
        shown = f"{entry.ref} {entry.algorithm} {entry.env_id}".casefold()
        return all(word in shown for word in self.text.casefold().split())


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent that a hub has. `ref` finds it again; what the hub does not tell is None.

    `size` is in bytes; `path` is a directory on this machine, `url` a page for people.
    `digest` is the SHA-256 of its agent.json.
    """

    ref: str
    algorithm: str | None = None
    env_id: str | None = None
    mean_return: float | None = None
    ci95_return: tuple[float, float] | None = None
    episodes: int | None = None
    size: int | None = None
    digest: str | None = None
    path: str | None = None
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        return asdict(self)

    def rank(self) -> tuple[str, float, str]:
        """Return what listings are sorted by: the environment, then the best agent first."""
        worst = float("inf")
        return self.env_id or "", worst if self.mean_return is None else -self.mean_return, self.ref


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did, or would do: the new exact revision, its tags, and the names of the files.

    `revision` is empty after a dry run.
    """

    revision: str
    url: str = ""
    uploaded: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        return asdict(self)


class Unreachable(ZooError):
    """A hub could not be reached, or did not answer in time."""


class Hub(ABC):
    """A place that keeps bundles under names.

    Every method raises `ZooError` where the hub cannot be reached in time, does not have what
    is asked for, or refuses; no other error and no waiting without end.
    """

    @abstractmethod
    def search(self, query: Query) -> list[Entry]:
        """Return the agents that fit, the best of each environment first where that is known."""

    @abstractmethod
    def resolve(self, name: str, revision: str | None = None) -> str:
        """Return the exact revision (a digest or a commit) that `revision` means now.

        None means the hub's default, the newest. An exact revision is returned as it is.
        """

    @abstractmethod
    def pull(
        self,
        name: str,
        revision: str | None,
        destination: LocalHub,
        *,
        progress: Progress | None = None,
    ) -> Bundle:
        """Bring an agent into `destination` and return it, opened.

        It is added there under `cached_name(scheme, name)` with its exact revision as a tag; the
        caller adds further tags. What the destination has already is not fetched again, and every
        file's SHA-256 is held against the bundle's own manifest before anything is added.
        """

    def gave(self, ref: Ref) -> bool:
        """Say whether what was pulled under `ref`, an exact revision, came from this very hub.

        A hub that can have several addresses keeps in `ref.source` from which one it was.
        """
        return True

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
        """Put an agent under `name`, in one step as seen by others.

        `revision` is the branch that moves on, by default the hub's; `tag` a name for the new
        exact revision. `private` matters only where the name is new. A dry run writes nothing.
        A hub that is only read keeps this method, which refuses.
        """
        raise ZooError(f"cannot push {name}: this hub is read-only", "Push to another hub")


def cached_name(scheme: str, name: str) -> str:
    """Return the name under which the local hub keeps what was pulled from a remote one."""
    return f"{scheme}/{name}"
