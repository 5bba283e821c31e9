"""Every hook that a plugin may implement: its signature and its contract.

A plugin is a module, named by an entry point of group `zoo`, with functions marked `@hookimpl`:

    from zoo import AlgorithmSpec, hookimpl

    @hookimpl
    def zoo_algorithms():
        return [AlgorithmSpec("my-algorithm", "zoo_mine.algorithm:MyAlgorithm", ...)]

That module is imported whenever plugins are looked up, so it names classes by dotted strings
and imports nothing heavy. Implementations are called one by one: what one of them raises or
returns wrongly leaves its own plugin out, reported in one line, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from zoo.plugin.specs import (
        AgentSpec,
        AlgorithmSpec,
        EnvironmentSpec,
        ExporterSpec,
        HubSpec,
        ImporterSpec,
        ModelSpec,
        WrapperSpec,
    )

PROJECT = "zoo"
"""The name that joins hook markers, the plugin manager and the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def zoo_algorithms() -> Sequence[AlgorithmSpec]:  # type: ignore[empty-body]
    """Return the algorithms that the plugin brings, as a list or tuple of `AlgorithmSpec`.

    Called once, when algorithms are first looked up. The classes that the specs name are
    imported only when an algorithm is used.
    """


@hookspec
def zoo_agents() -> Sequence[AgentSpec]:  # type: ignore[empty-body]
    """Return the agent kinds that the plugin brings, as a list or tuple of `AgentSpec`.

    `table`, `mlp`, `cnn` and `recurrent` are the core's and load with NumPy alone: only an agent
    that is none of these needs a kind of its own. A kind's name stands in every bundle written
    with it, so it is never renamed.
    """


@hookspec
def zoo_recipes() -> Path:  # type: ignore[empty-body]
    """Return the directory of the plugin's recipes, one `<algorithm>.yml` per algorithm.

    These lie above the recipes that the zoo ships and below those of the user's project.
    """


@hookspec
def zoo_environments() -> Sequence[EnvironmentSpec | ModelSpec | WrapperSpec]:  # type: ignore[empty-body]
    """Return environment ids, known models and named wrappers, as specs in a list or tuple.

    The host registers an `EnvironmentSpec` with Gymnasium when environments are first looked
    up; a `WrapperSpec` can then be named under `env_wrapper` in a recipe. A `ModelSpec` gives
    algorithms that plan the transition probabilities of an environment, whoever brings it; an
    environment may also have them itself, as its attribute `transition_model` or as `P`.
    """


@hookspec
def zoo_hubs() -> Sequence[HubSpec]:  # type: ignore[empty-body]
    """Return the hubs that the plugin can reach, as a list or tuple of `HubSpec`.

    Each is known by its scheme: `zoo pull SCHEME:NAME`. The class that a spec names, a subclass
    of `zoo.Hub`, is imported only when that hub is asked.
    """


@hookspec
def zoo_importers() -> Sequence[ImporterSpec]:  # type: ignore[empty-body]
    """Return the readers of foreign models, as a list or tuple of `ImporterSpec`.

    The class that a spec names, a subclass of `zoo.Importer`, is imported when a model is to be
    imported. It must read without running, importing or unpacking anything out of the files;
    `zoo.foreign` has readers of pickles, torch files, zips and tagged YAML that do so.
    """


@hookspec
def zoo_exporters() -> Sequence[ExporterSpec]:  # type: ignore[empty-body]
    """Return the foreign formats that the plugin writes, as a list or tuple of `ExporterSpec`.

    The class that a spec names, a subclass of `zoo.Exporter`, is imported when an agent is to be
    exported in its format.
    """


@hookspec
def zoo_run_started(run: Mapping[str, Any]) -> None:
    """Observe that a run begins or continues, before its first step.

    `run` is the content of the run's `run.json` and, under `"path"`, its directory as a
    string. An observer writes only inside that directory, and returns nothing.
    """


@hookspec
def zoo_run_progress(run: Mapping[str, Any], steps: int, metrics: Mapping[str, float]) -> None:
    """Observe one `Progress` of a run.

    `steps` counts environment steps since the run's very beginning; `metrics` holds what the
    algorithm reported and what the host measured, such as `return` and `steps_per_second`.
    Training waits for the call, so it must be quick.
    """


@hookspec
def zoo_run_finished(run: Mapping[str, Any], outcome: str) -> None:
    """Observe that a run stops: `outcome` is `finished`, `interrupted` or `failed`.

    Called exactly once for each `zoo_run_started`, unless the process is killed.
    """
