"""Search for agents: in the local hub and among those that ship, or in another hub."""

from __future__ import annotations

from zoo.hub.base import SECONDS, Entry, Query
from zoo.hub.folder import FolderHub
from zoo.hub.local import LocalHub
from zoo.hub.places import Place, open_hub
from zoo.resources import shipped


def search(
    text: str = "",
    *,
    algorithm: str | None = None,
    env_id: str | None = None,
    min_return: float | None = None,
    hub: Place = None,
    endpoint: str | None = None,
    timeout: float = SECONDS,
) -> list[Entry]:
    """Return the agents that fit, by environment and there the best first.

    Each word of `text` must occur in the name, the algorithm or the environment's id; what is
    None does not restrict. `hub` is a directory or a scheme; without it the local hub and the
    agents that ship are searched, and the network is not reached.
    """
    query = Query(text, algorithm, env_id, min_return)
    if hub is not None or endpoint is not None:
        return open_hub(hub, endpoint=endpoint, timeout=timeout).search(query)
    found = LocalHub().search(query)
    names = {entry.ref for entry in found}
    ship = [e for e in FolderHub(shipped("models")).search(query) if e.ref not in names]
    return sorted([*found, *ship], key=Entry.rank) if ship else found
