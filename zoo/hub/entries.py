"""What a listing says of a bundle."""

from __future__ import annotations

from zoo.hub.base import Entry
from zoo.storage.bundle import Bundle


def entry_of(ref: str, bundle: Bundle) -> Entry:
    """Return the facts about a bundle on this machine; raise `ZooError` where it is damaged."""
    evaluation = bundle.evaluation or {}
    bounds = evaluation.get("ci95_return")
    return Entry(
        ref=ref,
        algorithm=bundle.algorithm,
        env_id=bundle.env_id,
        mean_return=evaluation.get("mean_return"),
        ci95_return=None if bounds is None else (bounds[0], bounds[1]),
        episodes=evaluation.get("episodes"),
        size=bundle.size,
        digest=bundle.digest,
        path=str(bundle.path),
    )
