"""Names to specs, and specs to classes on demand.

Two plugins that register one name are an error, but not one that stops the program: both stay
loaded, one line on stderr names them, and whoever uses the name gets a `ZooError` that names
them too. No name is ever silently renamed, and none silently wins.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError, did_you_mean
from zoo.plugin import discovery
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
from zoo.plugin.targets import load_target

if TYPE_CHECKING:
    from zoo.agent import Agent
    from zoo.algorithm import Algorithm
    from zoo.exchange import Exporter, Importer
    from zoo.hub.base import Hub

Spec = (
    AlgorithmSpec
    | AgentSpec
    | EnvironmentSpec
    | ModelSpec
    | WrapperSpec
    | HubSpec
    | ImporterSpec
    | ExporterSpec
)

ALGORITHM, AGENT, ENVIRONMENT, WRAPPER = "algorithm", "agent kind", "environment", "wrapper"
MODEL, HUB, IMPORTER, EXPORTER = "model of", "hub", "importer", "export format"
_CATEGORIES: dict[type, str] = {
    AlgorithmSpec: ALGORITHM,
    AgentSpec: AGENT,
    EnvironmentSpec: ENVIRONMENT,
    ModelSpec: MODEL,
    WrapperSpec: WRAPPER,
    HubSpec: HUB,
    ImporterSpec: IMPORTER,
    ExporterSpec: EXPORTER,
}
_HOOKS: dict[str, tuple[type, ...]] = {
    "zoo_algorithms": (AlgorithmSpec,),
    "zoo_agents": (AgentSpec,),
    "zoo_environments": (EnvironmentSpec, ModelSpec, WrapperSpec),
    "zoo_hubs": (HubSpec,),
    "zoo_importers": (ImporterSpec,),
    "zoo_exporters": (ExporterSpec,),
}


@dataclass
class Registry:
    """All that the plugins register. `algorithms` and so on up to `exporters` map names to
    specs, sorted by name; a name that two plugins claim stands in none. A model goes by the id
    of its environment.
    """

    algorithms: dict[str, AlgorithmSpec] = field(default_factory=dict)
    agents: dict[str, AgentSpec] = field(default_factory=dict)
    environments: dict[str, EnvironmentSpec] = field(default_factory=dict)
    models: dict[str, ModelSpec] = field(default_factory=dict)
    wrappers: dict[str, WrapperSpec] = field(default_factory=dict)
    hubs: dict[str, HubSpec] = field(default_factory=dict)
    importers: dict[str, ImporterSpec] = field(default_factory=dict)
    exporters: dict[str, ExporterSpec] = field(default_factory=dict)
    owners: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(category, name) -> the plugins that register it; more than one means a clash."""
    recipes: list[tuple[str, Path]] = field(default_factory=list)

    def algorithm(self, name: str) -> AlgorithmSpec:
        """Return an algorithm's spec; raise `ZooError` with suggestions where there is none."""
        return self._find(ALGORITHM, self.algorithms, name, "List them with: zoo algos")

    def agent(self, kind: str) -> AgentSpec:
        """Return the spec of an agent kind; raise `ZooError` where no plugin brings it."""
        hint = "Install the plugin that brings it; list plugins with: zoo plugins"
        return self._find(AGENT, self.agents, kind, hint)

    def wrapper(self, name: str) -> WrapperSpec:
        """Return a wrapper's spec; raise `ZooError` with suggestions where there is none."""
        known = f"Known wrappers: {', '.join(self.wrappers)}"
        return self._find(WRAPPER, self.wrappers, name, known)

    def environment(self, env_id: str) -> EnvironmentSpec:
        """Return the spec of an environment that a plugin brings, else raise `ZooError`."""
        return self._find(ENVIRONMENT, self.environments, env_id, "List them with: zoo envs")

    def hub(self, scheme: str) -> HubSpec:
        """Return the spec of a hub; raise `ZooError` with suggestions where there is none."""
        known = f"Known hubs: {', '.join(self.hubs) or 'none'}"
        return self._find(HUB, self.hubs, scheme, known)

    def algorithm_class(self, name: str) -> type[Algorithm]:
        """Import and return an algorithm's class; errors are `load_target`'s."""
        from zoo.algorithm import Algorithm

        spec = self.algorithm(name)
        return self._load_class(spec, Algorithm, f"Algorithm {name!r}", self.owner(name))

    def agent_class(self, kind: str) -> type[Agent]:
        """Import and return the class of an agent kind; errors are `load_target`'s."""
        from zoo.agent import Agent

        spec = self.agent(kind)
        owner = self.owner(kind, AGENT)
        agent_class = self._load_class(spec, Agent, f"Agent kind {kind!r}", owner)
        if getattr(agent_class, "kind", None) != kind:
            raise ZooError(
                f"plugin {owner!r} registers {spec.target} as agent kind {kind!r}, but the class "
                f"says kind = {getattr(agent_class, 'kind', None)!r}"
            )
        return agent_class

    def hub_class(self, scheme: str) -> type[Hub]:
        """Import and return the class of a hub; errors are `load_target`'s."""
        from zoo.hub.base import Hub

        return self._load_class(self.hub(scheme), Hub, f"Hub {scheme!r}", self.owner(scheme, HUB))

    def importer_class(self, name: str) -> type[Importer]:
        """Import and return an importer's class; errors are `load_target`'s."""
        from zoo.exchange import Importer

        spec = self._find(IMPORTER, self.importers, name, f"Known: {', '.join(self.importers)}")
        owner = self.owner(name, IMPORTER)
        return self._load_class(spec, Importer, f"Importer {name!r}", owner)

    def exporter_class(self, name: str) -> type[Exporter]:
        """Import and return the class that writes a format; errors are `load_target`'s."""
        from zoo.exchange import Exporter

        spec = self._find(EXPORTER, self.exporters, name, f"Known: {', '.join(self.exporters)}")
        owner = self.owner(name, EXPORTER)
        return self._load_class(spec, Exporter, f"Export format {name!r}", owner)

    def owner(self, name: str, category: str = ALGORITHM) -> str:
        """Return the plugin that registers a name; raise `ZooError` where none or two do."""
        owners = self.owners.get((category, name), ())
        if len(owners) > 1:
            raise _clash(category, name, owners)
        if not owners:
            raise ZooError(f"no plugin registers the {category} {name!r}")
        return owners[0]

    def recipe_directories(self) -> list[tuple[str, Path]]:
        """Return (plugin name, directory) of the plugins' recipes, in the order of plugins."""
        return list(self.recipes)

    def _find(self, category: str, specs: dict[str, Any], name: str, otherwise: str) -> Any:
        if name in specs:
            return specs[name]
        owners = self.owners.get((category, name), ())
        if len(owners) > 1:
            raise _clash(category, name, owners)
        hint = did_you_mean(name, specs, otherwise=otherwise)
        raise ZooError(f"there is no {category} {name!r}", hint)

    def _load_class(self, spec: Any, base: type, feature: str, owner: str) -> Any:
        found = load_target(spec.target, feature=feature, extra=spec.extra, plugin=owner)
        if not (isinstance(found, type) and issubclass(found, base)):
            raise ZooError(
                f"plugin {owner!r}: {spec.target} is not a subclass of zoo.{base.__name__}"
            )
        return found


_registry: Registry | None = None


def get_registry() -> Registry:
    """Return what the plugins register, asked once; see `discovery` for which plugins count."""
    global _registry  # noqa: PLW0603 - one process has one registry
    if _registry is None:
        _registry = _build()
    return _registry


def reset_registry() -> None:
    """Forget registry and plugins, so that the next use discovers them anew (for tests)."""
    global _registry  # noqa: PLW0603
    _registry = None
    discovery.reset()


def register_plugin(name: str, plugin: object) -> None:
    """Add a plugin without an entry point, for this process: in a notebook or a test.

    `plugin` is a module, or any object whose attributes are marked `@hookimpl`. Raises
    `ZooError` where the name is taken or a hook is not as specified.
    """
    global _registry  # noqa: PLW0603
    module = getattr(plugin, "__name__", type(plugin).__name__)
    discovery.host().admit(discovery.LoadedPlugin(name, "", "", module), plugin)
    _registry = None


def _build() -> Registry:
    """Ask every plugin; one whose answer is not as specified is left out as a whole."""
    answers: list[tuple[str, Spec]] = []
    for hook, types in _HOOKS.items():
        for plugin, result in discovery.call_hook(hook):
            try:
                answers += [(plugin, spec) for spec in _checked_specs(hook, result, types)]
            except ZooError as error:
                discovery.host().fail(plugin, str(error))
    registry = Registry()
    for plugin, directory in discovery.call_hook("zoo_recipes"):
        if isinstance(directory, Path) and directory.is_dir():
            registry.recipes.append((plugin, directory))
        else:
            reason = f"zoo_recipes returned {directory!r}, which is not the Path of a directory"
            discovery.host().fail(plugin, discovery.one_line(reason))
    working = {row.name for row in discovery.plugins() if row.error is None}
    registry.recipes = [entry for entry in registry.recipes if entry[0] in working]
    _fill(registry, [entry for entry in answers if entry[0] in working])
    return registry


def _checked_specs(hook: str, result: Any, types: tuple[type, ...]) -> Iterator[Any]:
    """Yield the specs that a hook returned; raise `ZooError` where they are not what it asks."""
    wanted = " or ".join(each.__name__ for each in types)
    if not isinstance(result, (list, tuple)):
        raise ZooError(f"{hook} returned {type(result).__name__}, not a list of {wanted}")
    seen = set()
    for spec in result:
        if not isinstance(spec, types):
            raise ZooError(f"{hook} returned a {type(spec).__name__} in its list, not {wanted}")
        key = (type(spec), _name(spec))
        if key in seen:
            raise ZooError(f"{hook} returned {_name(spec)!r} twice")
        seen.add(key)
        yield spec


def _name(spec: Any) -> str:
    """Return what a spec is looked up by."""
    if isinstance(spec, AgentSpec):
        return spec.kind
    if isinstance(spec, HubSpec):
        return spec.scheme
    return spec.id if isinstance(spec, EnvironmentSpec | ModelSpec) else spec.name


def _fill(registry: Registry, answers: list[tuple[str, Spec]]) -> None:
    """Sort the specs into the registry, leaving out and reporting names with two owners."""
    for plugin, spec in answers:
        key = (_CATEGORIES[type(spec)], _name(spec))
        registry.owners[key] = (*registry.owners.get(key, ()), plugin)
    shelves: dict[str, dict[str, Any]] = {
        ALGORITHM: registry.algorithms,
        AGENT: registry.agents,
        ENVIRONMENT: registry.environments,
        MODEL: registry.models,
        WRAPPER: registry.wrappers,
        HUB: registry.hubs,
        IMPORTER: registry.importers,
        EXPORTER: registry.exporters,
    }
    for _, spec in sorted(answers, key=lambda answer: _name(answer[1])):
        category, name = _CATEGORIES[type(spec)], _name(spec)
        if len(registry.owners[category, name]) == 1:
            shelves[category][name] = spec
    for (category, name), owners in registry.owners.items():
        if len(owners) > 1:
            error = _clash(category, name, owners)
            print(f"zoo: {error}", file=sys.stderr)
            for owner in owners:
                discovery.host().warn(owner, error.message)


def _clash(category: str, name: str, owners: tuple[str, ...]) -> ZooError:
    listed = ", ".join(repr(owner) for owner in owners[:-1]) + f" and {owners[-1]!r}"
    return ZooError(
        f"the {category} {name!r} is registered by the plugins {listed}",
        "Uninstall one, or name the plugins to load in ZOO_PLUGINS",
    )
