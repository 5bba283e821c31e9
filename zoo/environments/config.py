"""Which environment, as data: it stands in run files and in bundles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import ZooError

Wrapper = tuple[str, dict[str, Any]]
"""A wrapper by name, and its keyword arguments."""


@dataclass(frozen=True)
class EnvironmentConfig:
    """An environment's id, its keyword arguments and its wrappers, the innermost first.

    `id` is the reference as the user gave it: a Gymnasium id, `package.module:EnvId-v0` or
    `path/to/file.py:ClassName`. Frame stacking is a wrapper too: `("frame-stack", {"n": 4})`.
    """

    id: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    wrappers: tuple[Wrapper, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the config as it stands in `run.json` and in `agent.json`."""
        return {
            "id": self.id,
            "kwargs": dict(self.kwargs),
            "wrappers": [[name, dict(kwargs)] for name, kwargs in self.wrappers],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EnvironmentConfig:
        """Read what `to_json` wrote; raise `ZooError` where it does not have that form."""
        if not isinstance(data, Mapping) or not isinstance(data.get("id"), str):
            raise ZooError("the description of the environment lacks its id")
        kwargs = data.get("kwargs") or {}
        wrappers = data.get("wrappers") or []
        if not isinstance(kwargs, Mapping):
            raise ZooError(f"the arguments of environment {data['id']} are not a mapping")
        if not isinstance(wrappers, Sequence) or not all(map(_is_wrapper, wrappers)):
            raise ZooError(
                f"the wrappers of environment {data['id']} are not a list of [name, arguments]"
            )
        return cls(data["id"], dict(kwargs), tuple((name, dict(kw)) for name, kw in wrappers))


def _is_wrapper(item: Any) -> bool:
    return (
        isinstance(item, Sequence)
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], Mapping)
    )
