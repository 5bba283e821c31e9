"""Python-like text in RL Zoo's files, read as data: parsed, matched against a list, never run."""

from __future__ import annotations

import ast
from typing import Any

_MAX_LENGTH = 10_000

_MODULES = ("nn.", "th.nn.", "torch.nn.", "th.optim.", "torch.optim.", "optim.")
NAMES: dict[str, str] = {
    "ReLU": "relu",
    "Tanh": "tanh",
    "ELU": "elu",
    "LeakyReLU": "leaky-relu",
    "GELU": "gelu",
    "SiLU": "silu",
    "Adam": "adam",
    "AdamW": "adamw",
    "RMSprop": "rmsprop",
    "RMSpropTFLike": "rmsprop-tf-like",
    "HerReplayBuffer": "her",
}
"""Classes that the text may name, without their modules, and what recipes call them."""


class NotData(Exception):
    """The text holds something that is no literal and not in the list."""


def looks_like_literal(value: Any) -> bool:
    """Return whether a YAML value is text that RL Zoo would have evaluated as Python."""
    return isinstance(value, str) and value.strip().startswith(("dict(", "{", "[", "("))


def parse_literal(text: str) -> tuple[Any, list[str]]:
    """Return what `dict(net_arch=[64], activation_fn=nn.ReLU)` says, as plain data.

    Allowed are literals, `dict(key=...)` and the names in `NAMES`; tuples become lists. A key
    whose value is anything else is left out and named in the second result. Raises `NotData`
    where nothing can be kept.
    """
    if len(text) > _MAX_LENGTH:
        raise NotData(f"more than {_MAX_LENGTH} characters")
    left_out: list[str] = []
    try:
        return _data(ast.parse(text.strip(), mode="eval").body, left_out), left_out
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotData("not a Python literal") from None


def known_name(dotted: str) -> str:
    """Return what recipes call a class: `nn.ReLU` is `relu`. Raises `NotData` for others."""
    for module in sorted(_MODULES, key=len, reverse=True):
        dotted = dotted.removeprefix(module)
    if dotted not in NAMES:
        raise NotData(f"the name {dotted} is not known")
    return NAMES[dotted]


def _data(node: ast.expr, left_out: list[str]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(
        node.value, (bool, int, float, str, type(None))
    ):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _data(node.operand, left_out)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_data(item, left_out) for item in node.elts]
    if isinstance(node, ast.Dict):
        return _mapping(
            [(_key(key), value) for key, value in zip(node.keys, node.values, strict=True)],
            left_out,
        )
    if isinstance(node, ast.Call) and _dotted(node.func) == "dict" and not node.args:
        return _mapping([(_keyword(item), item.value) for item in node.keywords], left_out)
    if isinstance(node, (ast.Name, ast.Attribute)):
        return known_name(_dotted(node))
    raise NotData(f"{ast.unparse(node)[:60]} is not a literal")


def _mapping(pairs: list[tuple[str, ast.expr]], left_out: list[str]) -> dict[str, Any]:
    data = {}
    for key, node in pairs:
        try:
            data[key] = _data(node, left_out)
        except NotData as error:
            left_out.append(f"{key}: {error}")
    return data


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise NotData("a key is not text")


def _keyword(node: ast.keyword) -> str:
    if node.arg is None:
        raise NotData("** is not a literal")
    return node.arg


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise NotData(f"{ast.unparse(node)[:60]} is not a literal")
