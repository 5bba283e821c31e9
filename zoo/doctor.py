"""Say what is installed, what is missing and what is broken, each with its remedy."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.environments import rendering
from zoo.errors import ZooError
from zoo.hub.references import list_agents
from zoo.plugin import discovery
from zoo.plugin.registry import get_registry
from zoo.storage.runs import runs_root

OK, MISSING, FAILED = "ok", "missing", "FAILED"
"""In order; absent, which is no fault; and broken."""

DISTRIBUTION = discovery.DISTRIBUTION
_PACKAGES = ("numpy", "gymnasium", "torch", "stable-baselines3", "sb3-contrib", "huggingface-hub")
_NOT_FOR_USERS = {"dev"}
_LITTLE_SPACE = 1 << 30


@dataclass(frozen=True)
class Check:
    """One finding. `status` is `ok`, `missing` or `FAILED`; `hint` says what to do, if anything."""

    group: str
    name: str
    status: str
    value: str
    hint: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def diagnose() -> list[Check]:
    """Return all findings, grouped, in the order in which a person would ask.

    Groups are `versions`, `device`, `extras`, `plugins`, `drawing` and `storage`. A check that
    itself goes wrong becomes a FAILED finding; this function raises nothing.
    """
    findings: list[Check] = []
    for group, checks in _GROUPS.items():
        try:
            findings.extend(checks())
        except Exception as error:
            reason = error.message if isinstance(error, ZooError) else discovery.describe(error)
            hint = error.hint if isinstance(error, ZooError) else ""
            findings.append(Check(group, group, FAILED, reason, hint))
    return findings


def _versions() -> Iterator[Check]:
    yield Check("versions", "zoo", OK, f"{zoo.__version__} in {Path(zoo.__file__).parent}")
    yield Check("versions", "python", OK, f"{platform.python_version()} in {sys.prefix}")
    yield Check("versions", "platform", OK, platform.platform())
    for package in _PACKAGES:
        found = _version(package)
        yield Check("versions", package, OK if found else MISSING, found or "not installed")


def _device() -> Iterator[Check]:
    yield Check("device", "cpu", OK, f"{os.cpu_count()} cores")
    if importlib.util.find_spec("torch") is None:
        yield Check("device", "cuda", MISSING, "torch is not installed", _install("torch"))
        return
    try:
        import torch
    except Exception as error:
        yield Check("device", "torch", FAILED, discovery.describe(error), _install("torch"))
        return
    if not torch.cuda.is_available():
        built = "this torch is built for it" if torch.version.cuda else "this torch is for the CPU"
        yield Check("device", "cuda", MISSING, f"no GPU is seen ({built})")
    for index in range(torch.cuda.device_count()):
        try:  # a torch that was built for other cards fails only when it computes
            torch.nn.functional.conv2d(*torch.ones(2, 1, 1, 3, 3, device=f"cuda:{index}")).item()
            memory = torch.cuda.get_device_properties(index).total_memory / 1e9
            name = torch.cuda.get_device_name(index)
        except Exception as error:
            reason = discovery.describe(error)
            yield Check("device", f"cuda:{index}", FAILED, reason, _install("torch"))
        else:
            yield Check("device", f"cuda:{index}", OK, f"{name}, {memory:.0f} GB")


def _extras() -> Iterator[Check]:
    try:
        provided = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        yield Check("extras", DISTRIBUTION, FAILED, "not installed", "pip install -e .")
        return
    if base := sorted(_unmet(DISTRIBUTION, "")):
        yield Check("extras", "base", FAILED, f"lacks {', '.join(base)}", "pip install agent-zoo")
    for extra in sorted(set(provided) - _NOT_FOR_USERS):
        lacking = sorted(_unmet(DISTRIBUTION, extra))
        if lacking:
            value, status, hint = f"lacks {', '.join(lacking)}", MISSING, _install(extra)
            yield Check("extras", extra, status, value, hint)
        else:
            yield Check("extras", extra, OK, "complete")


def _unmet(distribution: str, extra: str) -> set[str]:
    """Return what `distribution[extra]` requires and is not installed in a fitting version."""
    from packaging.requirements import Requirement

    unmet = set()
    for text in metadata.requires(distribution) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if extra and (marker is None or marker.evaluate({"extra": ""})):
            continue  # the base needs it, whatever the extra
        if marker is not None and not marker.evaluate({"extra": extra}):
            continue
        found = _version(requirement.name)
        if found is None:
            unmet.add(requirement.name)
        elif not requirement.specifier.contains(found, prereleases=True):
            unmet.add(f"{requirement.name}{requirement.specifier} (found {found})")
        else:
            for inner in requirement.extras:
                unmet |= _unmet(requirement.name, inner)
    return unmet


def _plugins() -> Iterator[Check]:
    get_registry()  # a plugin may break only when its hooks are called
    for row in discovery.plugins():
        about = f"{row.distribution} {row.version}".strip() or row.module
        if row.error:
            hint = f"Repair or remove {row.distribution or row.module}"
            yield Check("plugins", row.name, FAILED, row.error, hint)
        elif row.warnings:
            yield Check("plugins", row.name, FAILED, "; ".join(row.warnings))
        else:
            yield Check("plugins", row.name, OK, about)


def _drawing() -> Iterator[Check]:
    if rendering.has_display():
        yield Check("drawing", "display", OK, "windows can be opened")
    else:
        yield Check("drawing", "display", MISSING, "none", "zoo record AGENT -o FILE.mp4")
    yield _ffmpeg()
    if importlib.util.find_spec("mujoco") is None:
        yield Check("drawing", "mujoco", MISSING, "not installed", _install("mujoco"))
    elif chosen := os.environ.get("MUJOCO_GL"):
        yield Check("drawing", "mujoco", OK, f"MUJOCO_GL={chosen}, as the environment says")
    elif sys.platform != "linux":
        yield Check("drawing", "mujoco", OK, "the system's OpenGL")
    elif backend := rendering.working_backend():
        yield Check("drawing", "mujoco", OK, f"{backend} works without a display")
    else:
        hint = "On Debian: apt install libegl1 libgl1-mesa-dri, or libosmesa6"
        yield Check("drawing", "mujoco", FAILED, "neither EGL nor OSMesa works", hint)


def _ffmpeg() -> Check:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()  # raises where there is none
        return Check("drawing", "video", OK, f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
    except ImportError:
        return Check("drawing", "video", MISSING, "no ffmpeg", _install("video"))
    except Exception as error:
        return Check("drawing", "video", FAILED, discovery.describe(error), _install("video"))


def _storage() -> Iterator[Check]:
    yield _writable(runs_root())
    agents = list_agents()
    yield Check("storage", "agents", OK, f"{len(agents)} found")
    for ref, facts in agents:
        if isinstance(facts, ZooError):
            yield Check("storage", ref, FAILED, facts.message, facts.hint)


def _writable(root: Path) -> Check:
    """Say whether runs can be written, or the directory for them can be made."""
    root = root.absolute()
    existing = next(path for path in (root, *root.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"zoo")
    except OSError as error:
        hint = "Choose another directory: export ZOO_RUNS=DIR"
        return Check("storage", "runs", FAILED, f"{root}: {error.strerror}", hint)
    free = shutil.disk_usage(existing).free
    value = f"{root}, {free / 1e9:.1f} GB free"
    if free < _LITTLE_SPACE:
        return Check("storage", "runs", FAILED, value, "Make room, or export ZOO_RUNS=DIR")
    return Check("storage", "runs", OK, value)


_GROUPS: dict[str, Any] = {
    "versions": _versions,
    "device": _device,
    "extras": _extras,
    "plugins": _plugins,
    "drawing": _drawing,
    "storage": _storage,
}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _install(extra: str) -> str:
    return f'pip install "{DISTRIBUTION}[{extra}]"'
