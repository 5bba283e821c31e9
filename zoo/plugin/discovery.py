"""Which plugins there are, and how their hooks are called: one by one, a broken one left out.

Plugins arrive by entry points of group `zoo`. Two variables choose among them:

    ZOO_DISABLE_PLUGINS=1    none but the built-in `zoo`
    ZOO_PLUGINS=a,b          only those (and the built-in `zoo`)
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pluggy

from zoo.errors import ZooError, did_you_mean
from zoo.plugin import hookspecs

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILTIN = "zoo"
DISTRIBUTION = "agent-zoo"
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """One plugin and how it fares: `error` is None, or why it was left out.

    `name` is the entry point's; `module` what it names; `hooks` the hooks it implements;
    `warnings` tell of names that it registers and another plugin registers too.
    """

    name: str
    distribution: str
    version: str
    module: str
    hooks: tuple[str, ...] = ()
    error: str | None = None
    warnings: tuple[str, ...] = ()


class PluginHost:
    """The loaded plugins: a pluggy manager, and a row for each plugin, broken ones included."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.rows: list[LoadedPlugin] = []

    def load(self, points: Iterable[EntryPoint]) -> None:
        """Load the built-in plugin, then each entry point in its own isolation."""
        from zoo.plugin import builtin

        self.admit(
            LoadedPlugin(BUILTIN, DISTRIBUTION, _version(DISTRIBUTION), builtin.__name__), builtin
        )
        for point in points:
            row = _row(point)
            try:
                plugin = point.load()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # even sys.exit() at import concerns one plugin only
                self.leave_out(row, f"importing {point.value} raised {describe(error)}")
                continue
            try:
                self.admit(row, plugin)
            except Exception as error:
                self.leave_out(row, one_line(str(error)))

    def admit(self, row: LoadedPlugin, plugin: object) -> None:
        """Take a plugin in; raise `ZooError` where its name is taken or a hook is not in order."""
        for other in self.rows:
            if other.name == row.name and other.error is None:
                owner = other.distribution or other.module
                raise ZooError(f"the name {row.name!r} already belongs to a plugin of {owner}")
        hooks = tuple(_checked_hooks(self.manager, plugin))
        try:
            self.manager.register(plugin, row.name)
        except ValueError as error:  # the same module under a second name
            raise ZooError(f"its module is loaded already: {one_line(str(error))}") from error
        self.rows.append(replace(row, hooks=hooks))

    def leave_out(self, row: LoadedPlugin, reason: str) -> None:
        """Keep a row that says why the plugin is not there, and say so on stderr."""
        self.rows.append(replace(row, error=reason))
        _say_left_out(row.name, reason)

    def fail(self, name: str, reason: str) -> None:
        """Mark a loaded plugin as broken: none of its hooks is called again."""
        for index, row in enumerate(self.rows):
            if row.name == name and row.error is None:
                self.rows[index] = replace(row, error=reason)
                self.manager.unregister(name=name)
                _say_left_out(name, reason)

    def warn(self, name: str, warning: str) -> None:
        """Attach a warning to a plugin's row."""
        for index, row in enumerate(self.rows):
            if row.name == name and row.error is None:
                self.rows[index] = replace(row, warnings=(*row.warnings, warning))

    def call(self, hook: str, arguments: dict[str, Any]) -> list[tuple[str, Any]]:
        """Call each implementation of `hook`; an exception leaves its own plugin out."""
        results = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            values = [arguments[name] for name in implementation.argnames]
            try:
                result = implementation.function(*values)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self.fail(implementation.plugin_name, f"{hook} raised {describe(error)}")
            else:
                results.append((implementation.plugin_name, result))
        return results


_host: PluginHost | None = None


def host() -> PluginHost:
    """Return the plugins, loaded on the first call.

    Raises `ZooError` where `ZOO_PLUGINS` names a plugin that is not installed.
    """
    global _host  # noqa: PLW0603 - one process has one set of plugins
    if _host is None:
        points = list(_chosen_entry_points())
        _host = PluginHost()
        _host.load(points)
    return _host


def reset() -> None:
    """Forget the loaded plugins, so that the next use discovers them anew (for tests)."""
    global _host  # noqa: PLW0603
    _host = None


def plugins() -> list[LoadedPlugin]:
    """Return a row for each plugin, the built-in one first, broken ones with their reason.

    A plugin whose import went well may still break when a hook is called: whoever lists
    plugins calls `get_registry()` first, so that the registering hooks have run.
    """
    return list(host().rows)


def call_hook(name: str, **arguments: Any) -> list[tuple[str, Any]]:
    """Call a hook's implementations one by one and return (plugin name, result) pairs.

    The built-in plugin comes first, then the others by name. An implementation that raises
    leaves its plugin out, with one line on stderr, and the others go on.
    """
    return host().call(name, arguments)


def _chosen_entry_points() -> Iterator[EntryPoint]:
    """Yield the entry points that the environment variables let in, sorted by name."""
    if os.environ.get("ZOO_DISABLE_PLUGINS", "") not in ("", "0"):
        return
    points = sorted(metadata.entry_points(group=hookspecs.PROJECT), key=lambda p: p.name)
    wanted = {name.strip() for name in os.environ.get("ZOO_PLUGINS", "").split(",")} - {""}
    installed = [point.name for point in points]
    for name in sorted(wanted - {*installed, BUILTIN}):
        listed = f"Installed plugins: {', '.join(installed)}" if installed else "None is installed"
        raise ZooError(
            f"ZOO_PLUGINS names the plugin {name!r}, which is not installed",
            did_you_mean(name, installed, otherwise=listed),
        )
    yield from (point for point in points if not wanted or point.name in wanted)


def _row(point: EntryPoint) -> LoadedPlugin:
    distribution = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    return LoadedPlugin(point.name, distribution, version, point.value)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return ""


def _checked_hooks(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Return the hooks that a plugin implements; raise `ZooError` where one is not as specified."""
    known = {name: spec for name, spec in vars(hookspecs).items() if name.startswith("zoo_")}
    found = []
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            if name in known and callable(getattr(plugin, name)):
                raise ZooError(f"the function {name} lacks its @hookimpl mark")
            continue
        hook = options.get("specname") or name
        if hook not in known:
            raise ZooError(f"there is no hook {hook!r}", did_you_mean(hook, known))
        if options.get("wrapper") or options.get("hookwrapper"):
            raise ZooError(f"{hook} is marked as a wrapper, but hooks are called one by one")
        _check_arguments(hook, known[hook], getattr(plugin, name))
        found.append(hook)
    if not found:
        raise ZooError("it implements no hook", "Mark its functions with @hookimpl")
    return [hook for hook in known if hook in found]


def _check_arguments(hook: str, specification: Any, implementation: Any) -> None:
    """Raise `ZooError` where an implementation asks for what the hook does not give."""
    given = list(inspect.signature(specification).parameters)
    for parameter in inspect.signature(implementation).parameters.values():
        if parameter.name in given:
            continue
        if parameter.default is parameter.empty:
            offered = f"Its arguments are: {', '.join(given)}" if given else "It takes none"
            raise ZooError(
                f"{hook} has no argument {parameter.name!r}",
                did_you_mean(parameter.name, given, otherwise=offered),
            )


def describe(error: BaseException) -> str:
    """Return an exception as one line: its type and its message."""
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def one_line(text: str) -> str:
    """Return `text` without line breaks or a trailing dot, cut where it is very long."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _say_left_out(name: str, reason: str) -> None:
    end = "" if reason.endswith("?") else "."
    print(
        f"zoo: plugin {name!r} is broken and was left out: {reason}{end} "
        "Remove it, or set ZOO_DISABLE_PLUGINS=1 to run without plugins.",
        file=sys.stderr,
    )
