"""Environments from the user's own code: a module that registers ids, a file with a class."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym

from zoo.errors import ZooError, did_you_mean

_classes: dict[tuple[Path, str], str] = {}
"""(file, class name) -> the id that the class was registered under."""
_modified: dict[Path, tuple[int, ModuleType]] = {}
"""file -> (its time of modification when it was loaded, in ns; the module)."""


def load_module(name: str) -> None:
    """Import a module that registers environments; the working directory is searched too."""
    _search(Path.cwd())
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ZooError(
                f"there is no module {error.name!r} to import the environment from",
                "Install its package, or run in the directory that it lies in",
            ) from error
        raise _import_failed(name, error) from error
    except Exception as error:
        raise _import_failed(name, error) from error


def load_file(path: str, class_name: str) -> str:
    """Register the environment class `class_name` of a Python file, and return its id.

    The id is `<file name>/<ClassName>-v0`. A class attribute `max_episode_steps` sets the
    length after which episodes are truncated. A file that has changed is loaded again.
    """
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise ZooError(f"there is no file {path}", "Check the path before the colon")
    environment = _environment_class(_module(file), path, class_name)
    env_id = _classes.get((file, class_name)) or _free_id(file, class_name)
    gym.registry.pop(env_id, None)
    gym.register(
        env_id,
        entry_point=environment,  # type: ignore[arg-type]
        max_episode_steps=getattr(environment, "max_episode_steps", None),
    )
    _classes[file, class_name] = env_id
    return env_id


def registered_class(path: str, class_name: str) -> str | None:
    """Return the id of a class that `load_file` has registered in this process, else None."""
    return _classes.get((Path(path).expanduser().resolve(), class_name))


def origin(error: BaseException) -> str:
    """Return `file.py:12`, where an exception was raised, for messages of one line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
    ]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def summary(error: BaseException) -> str:
    """Return an exception in one line: its type and the first line of its message."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def _module(file: Path) -> ModuleType:
    """Import a file under a name of its own, once for as long as it does not change."""
    modified = file.stat().st_mtime_ns
    if file in _modified and _modified[file][0] == modified:
        return _modified[file][1]
    _search(file.parent)
    name = f"_zoo_environment_{len(_modified)}_" + re.sub(r"\W", "_", file.stem)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a class's module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _import_failed(str(file), error) from error
    _modified[file] = modified, module
    return module


def _environment_class(module: ModuleType, path: str, name: str) -> type[gym.Env[Any, Any]]:
    found = getattr(module, name, None)
    environments = [
        key
        for key, value in vars(module).items()
        if _is_environment(value) and value.__module__ == module.__name__
    ]
    if found is None:
        listed = f"It defines {', '.join(environments)}" if environments else ""
        hint = did_you_mean(name, environments, otherwise=listed)
        raise ZooError(f"{path} has no class {name!r}", hint)
    if not _is_environment(found):
        raise ZooError(
            f"{name} in {path} is not a subclass of gymnasium.Env",
            did_you_mean(name, environments),
        )
    return found


def _is_environment(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, gym.Env)


def _free_id(file: Path, class_name: str) -> str:
    """Return an id for a class; a second file of the same name gets a number."""
    stem = re.sub(r"[^\w-]", "_", file.stem)
    taken = set(_classes.values())
    number = 1
    while True:
        namespace = stem if number == 1 else f"{stem}-{number}"
        env_id = f"{namespace}/{class_name}-v0"
        if env_id not in taken and env_id not in gym.registry:
            return env_id
        number += 1


def _search(directory: Path) -> None:
    """Let imports find what lies in `directory`, after everything that is installed."""
    if str(directory) not in sys.path:
        sys.path.append(str(directory))


def _import_failed(what: str, error: Exception) -> ZooError:
    return ZooError(f"importing {what} raised {summary(error)} ({origin(error)})")
