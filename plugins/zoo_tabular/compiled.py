"""One function, two ways to run it: as plain Python, or compiled by Numba.

    @compiled
    def total(numbers):
        ...

    total(numbers)  # plain Python, at once
    fast(total)(numbers)  # compiled, after a wait the first time

Importing Numba takes half a second and compiling takes seconds, so nothing of either happens
before `fast` asks for it. Both ways give the same results bit for bit, provided that the function
draws from a Generator by `rng.random()` only, and uses `math` where it needs more than arithmetic.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

INTERPRETED = "ZOO_TABULAR_INTERPRETED"
"""An environment variable: set to anything but 0, nothing is compiled."""

_OPTIONS: dict[str, Any] = {"inline": "always", "_nrt": False}
"""Without Numba's runtime no array can be allocated, and none is counted: a world has twenty
arrays, and counting references to them would take three quarters of the time of a step."""

_substitutes: dict[Any, Any] = {}
"""what may be called in compiled code -> the function that is compiled for it"""


def compiled(function: F) -> F:
    """Mark a function that `fast` can compile and that compiled functions may call.

    It stays the plain function that it is. It must allocate no array: the caller passes them in,
    also those to work in. Compiled, it sees the globals of its module as they
    are when it is compiled.
    """
    _substitutes[function] = function
    return function


def compiled_as(substitute: Callable[..., Any]) -> Callable[[F], F]:
    """Mark a function that also does in Python what cannot be compiled: compiled functions call
    `substitute`, itself marked by `compiled`, in its place.
    """

    def mark(function: F) -> F:
        _substitutes[function] = substitute
        return function

    return mark


def can_compile() -> bool:
    """Whether `fast` compiles: Numba is installed and nobody has forbidden it."""
    return os.environ.get(INTERPRETED, "0") in ("", "0") and find_spec("numba") is not None


def fast(function: F) -> F:
    """Return `function` compiled, or itself where that cannot be."""
    return cast(F, _dispatcher(_substitutes[function])) if can_compile() else function


@cache
def _dispatcher(function: FunctionType) -> Any:
    """Return Numba's version of a marked function, compiled when it is first called."""
    import numba

    copy = FunctionType(
        function.__code__,
        {**function.__globals__, **{k: _dispatcher(one) for k, one in _called(function).items()}},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    settings: Any = numba.config
    theirs = settings.CACHE_DIR
    try:
        directory = Path(theirs) if theirs else _cache_directory()
        settings.CACHE_DIR = str(directory / _fingerprint(function))
        return numba.njit(cache=True, **_OPTIONS)(copy)
    except RuntimeError:  # nowhere to write: it is compiled anew in every process
        return numba.njit(**_OPTIONS)(copy)
    finally:
        settings.CACHE_DIR = theirs


def _called(function: FunctionType) -> dict[str, FunctionType]:
    """Return by name what a marked function calls, as it is to be compiled."""
    names = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    return {
        name: _substitutes[value]
        for name, value in names.items()
        if isinstance(value, FunctionType) and value in _substitutes
    }


def _cache_directory() -> Path:
    """Return where compiled code is kept: beside the source, else in the user's cache."""
    beside = Path(__file__).parent / "__pycache__"
    try:
        beside.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=beside):
            return beside / "numba"
    except OSError:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "agent-zoo" / "numba"


@cache
def _fingerprint(function: FunctionType) -> str:
    """Return a digest of all source files that a compiled function consists of.

    Numba itself looks at the function's own file only, and would go on using old code of the
    functions that it calls.
    """
    files = sorted({Path(one.__code__.co_filename) for one in _reached(function)})
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files))
    return digest.hexdigest()[:16]


def _reached(function: FunctionType) -> set[FunctionType]:
    """Return a marked function and all marked functions that it calls."""
    found, left = set(), [function]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += _called(one).values()
    return found
