"""The plugin `reference`, registered for a while as one does it in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import reference_plugin.hooks

from zoo.plugin.registry import register_plugin, reset_registry


@contextmanager
def registered() -> Iterator[None]:
    """Have the plugin there, and discover all plugins anew at the end."""
    reset_registry()
    register_plugin("reference", reference_plugin.hooks)
    try:
        yield
    finally:
        reset_registry()
