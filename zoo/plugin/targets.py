"""From the dotted string in a spec to the object that it names, imported when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from zoo.errors import MissingExtra, ZooError, did_you_mean
from zoo.plugin import discovery


def load_target(target: str, *, feature: str = "", extra: str = "", plugin: str = "") -> Any:
    """Import `"package.module:Name"` and return the object.

    `feature` says in messages what needs it (default: the target), `plugin` who names it.
    Raises `MissingExtra` where a package is absent that `extra` installs, and `ZooError` naming
    the plugin where the module or the name does not exist or the import raises.
    """
    module_name, _, path = target.partition(":")
    feature = feature or target
    by = f"plugin {plugin!r}: " if plugin else ""
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        raise _missing_module(error, module_name, feature, extra, plugin) from error
    except (KeyboardInterrupt, ZooError):
        raise
    except BaseException as error:  # even sys.exit() at import concerns one plugin only
        reason = discovery.describe(error)
        raise ZooError(
            f"{by}{feature} cannot be used, importing {module_name} raised {reason}"
        ) from error
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            message = f"{by}{feature} names {target}, but {module_name} has no {path!r}"
            raise ZooError(message, did_you_mean(name, dir(found))) from error
    return found


def _missing_module(
    error: ModuleNotFoundError, module: str, feature: str, extra: str, plugin: str
) -> ZooError:
    """Tell a package that an extra brings from one that a plugin forgot."""
    missing = error.name or ""
    own = missing.partition(".")[0] in (module.partition(".")[0], "zoo")
    if extra and not own:
        return _missing_extra(feature, extra, plugin)
    by = f"plugin {plugin!r}: " if plugin else ""
    return ZooError(
        f"{by}{feature} cannot be used, the module {missing!r} is not there",
        "The plugin is incomplete" if own else "Install the package that brings it",
    )


def _missing_extra(feature: str, extra: str, plugin: str) -> MissingExtra:
    """Name the extra of the distribution that the plugin belongs to."""
    error = MissingExtra(feature, extra)
    for row in discovery.plugins() if plugin else ():
        if row.name == plugin and row.distribution not in ("", discovery.DISTRIBUTION):
            error.hint = error.hint.replace(discovery.DISTRIBUTION, row.distribution)
    return error
