"""Where a learner computes."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec

from zoo.errors import MissingExtra, ZooError
from zoo.plugin.registry import get_registry

DEVICE = re.compile(r"auto|cpu|cuda(?::(\d{1,3}))?")
DEVICES = "auto, cpu, cuda or cuda:N"


def choose_device(device: str, algorithm: str, *, encodes: bool | None = None) -> str:
    """Return `cpu` or `cuda[:N]` for what the user asked; `ZooError` when it is not there.

    Whoever computes with torch has imported it now, unless `Algorithm.encodes` says otherwise.
    """
    found = DEVICE.fullmatch(device)
    if not found:
        raise ZooError(f"unknown device {device!r}", f"Choose {DEVICES}")
    get_registry().algorithm_class(algorithm)
    if encodes and find_spec("torch") is None:
        raise MissingExtra(f"{algorithm} on images", "torch")
    torch = sys.modules.get("torch") if encodes is None else None
    if encodes:
        torch = import_module("torch")
    if device == "auto":
        return "cuda" if torch is not None and torch.cuda.is_available() else "cpu"
    if device != "cpu":
        if torch is None:
            raise ZooError(
                f"{algorithm} does not compute on a GPU, or not for these observations",
                "Leave --device out",
            )
        if not torch.cuda.is_available():
            raise ZooError(
                "CUDA was asked for, but torch sees no GPU",
                "Use --device cpu, or see `zoo doctor`",
            )
        if int(found[1] or 0) >= (count := torch.cuda.device_count()):
            raise ZooError(
                f"there is no {device}: torch sees {count} GPU{'s' * (count > 1)}, counted from 0",
                "See `zoo doctor`",
            )
    return device
