"""A remote hub that lies in a directory: a plugin for tests, with the scheme `lab`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from zoo import Bundle, Entry, Hub, HubSpec, LocalHub, Pushed, Query, hookimpl
from zoo.hub.base import Unreachable, cached_name
from zoo.hub.names import LATEST
from zoo.plugin.registry import register_plugin, reset_registry


class LabHub(Hub):
    """Keeps its agents in a local hub elsewhere. A revision is the number of a push: r1, r2, ..."""

    root: ClassVar[Path]
    is_down: ClassVar[bool] = False
    calls: ClassVar[list[str]] = []
    last_push: ClassVar[dict[str, Any]] = {}

    def __init__(self, *, endpoint: str | None = None, timeout: float) -> None:
        self.endpoint, self.timeout = endpoint, timeout

    def search(self, query: Query) -> list[Entry]:
        self._ask("search")
        return self.store.search(query)

    def resolve(self, name: str, revision: str | None = None) -> str:
        self._ask("resolve")
        digest = self.store.resolve(name, revision)
        tags = {ref.digest: ref.tag for ref in self.store.refs.tags(name) if ref.tag != LATEST}
        return tags[digest]

    def pull(
        self, name: str, revision: str | None, destination: LocalHub, *, progress: Any = None
    ) -> Bundle:
        self._ask("pull")
        assert revision is not None
        bundle = self.store.get(name, revision)
        return destination.add(bundle, cached_name("lab", name), [revision])

    def push(self, bundle: Bundle, name: str, *, progress: Any = None, **options: Any) -> Pushed:
        self._ask("push")
        type(self).last_push = {"name": name, "endpoint": self.endpoint, **options}
        count = len(self.store.refs.tags(name))
        return self.store.push(bundle, name, tag=f"r{count or 1}")

    @property
    def store(self) -> LocalHub:
        return LocalHub(self.root)

    def _ask(self, what: str) -> None:
        self.calls.append(what)
        if self.is_down:
            raise Unreachable("the lab is not reached", "Plug the cable in")


class Plugin:
    """What an entry point would name."""

    @hookimpl
    def zoo_hubs(self) -> list[HubSpec]:
        return [HubSpec("lab", f"{__name__}:LabHub", "The lab's own hub")]


@contextmanager
def lab(root: Path) -> Iterator[type[LabHub]]:
    """Have the hub `lab`, empty, in `root`."""
    reset_registry()
    register_plugin("lab", Plugin())
    LabHub.root, LabHub.is_down, LabHub.calls = root, False, []
    yield LabHub
    reset_registry()
