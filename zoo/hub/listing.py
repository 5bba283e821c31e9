"""What a remote hub's listing tells of an agent, by the metadata of its card."""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import ModelInfo

from zoo.hub.base import Entry

_SCORE = re.compile(r"\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?:\+/-.*)?", re.IGNORECASE)
_LIBRARY = "agent-zoo"


def entry_of(info: ModelInfo, endpoint: str) -> Entry:
    """Return a model as an agent; what its card does not tell, or tells oddly, is None."""
    result, tags = _result(info), _tags(info)
    after = tags.index(_LIBRARY) + 1 if _LIBRARY in tags else len(tags)
    return Entry(
        ref=f"hf:{info.id}",
        algorithm=_text(_get(tags, after)),
        env_id=_text(_get(result, "dataset", "type")) or _text(_get(tags, 0)),
        mean_return=_score(result),
        url=f"{endpoint}/{info.id}",
    )


def _tags(info: ModelInfo) -> list[object]:
    """Return the tags in the order of our cards: the environment, ..., the library, the algorithm.

    The site's own list of tags has another order, and more of them.
    """
    tags = getattr(info.card_data, "tags", None)
    return tags if isinstance(tags, list) else []


def _result(info: ModelInfo) -> Any:
    return _get(info.model_index, 0, "results", 0)


def _score(result: Any) -> float | None:
    metrics = _get(result, "metrics")
    for metric in metrics if isinstance(metrics, list) else ():
        if _get(metric, "type") == "mean_reward":
            match = _SCORE.fullmatch(str(_get(metric, "value")))
            return float(match[1]) if match else None
    return None


def _get(value: Any, *keys: str | int) -> Any:
    """Follow keys into data of unknown form; None where it leads nowhere."""
    for key in keys:
        try:
            value = value[key]
        except (TypeError, KeyError, IndexError):
            return None
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
