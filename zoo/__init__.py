"""A Gymnasium-compatible zoo of reinforcement-learning agents.

    import zoo

    run = zoo.train("sb3-ppo", "CartPole-v1", steps=50_000)
    agent = zoo.load("sb3-ppo/CartPole-v1")
    print(zoo.evaluate(agent).mean_return)

The names below are imported when they are first used, so that `import zoo` costs nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Agent": "zoo.agent",
    "AgentSpec": "zoo.plugin.specs",
    "Algorithm": "zoo.algorithm",
    "AlgorithmSpec": "zoo.plugin.specs",
    "Bundle": "zoo.storage.bundle",
    "Config": "zoo.config.schema",
    "Entry": "zoo.hub.base",
    "EnvironmentConfig": "zoo.environments.config",
    "EnvironmentSpec": "zoo.plugin.specs",
    "Evaluation": "zoo.evaluate",
    "Exporter": "zoo.exchange",
    "ExporterSpec": "zoo.plugin.specs",
    "Hub": "zoo.hub.base",
    "HubSpec": "zoo.plugin.specs",
    "ImportRequest": "zoo.exchange",
    "Imported": "zoo.exchange",
    "Importer": "zoo.exchange",
    "ImporterSpec": "zoo.plugin.specs",
    "LocalHub": "zoo.hub.local",
    "MissingExtra": "zoo.errors",
    "ModelSpec": "zoo.plugin.specs",
    "Progress": "zoo.algorithm",
    "Pushed": "zoo.hub.base",
    "Query": "zoo.hub.base",
    "Run": "zoo.storage.runs",
    "Schedule": "zoo.components.schedules",
    "ScheduleValue": "zoo.config.schema",
    "State": "zoo.algorithm",
    "TransitionModel": "zoo.components.transitions",
    "WrapperSpec": "zoo.plugin.specs",
    "ZooError": "zoo.errors",
    "did_you_mean": "zoo.errors",
    "evaluate": "zoo.evaluate",
    "export_agent": "zoo.export_agent",
    "find_model": "zoo.environments.model",
    "hookimpl": "zoo.plugin.hookspecs",
    "import_agent": "zoo.import_agent",
    "load": "zoo.hub.references",
    "lock": "zoo.lock",
    "pull": "zoo.pull",
    "pull_locked": "zoo.lock",
    "push": "zoo.push",
    "record": "zoo.record",
    "resume": "zoo.resume",
    "search": "zoo.search",
    "show": "zoo.show",
    "train": "zoo.train",
    "verify": "zoo.verify",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from zoo.agent import Agent
    from zoo.algorithm import Algorithm, Progress, State
    from zoo.components.schedules import Schedule
    from zoo.components.transitions import TransitionModel
    from zoo.config.schema import Config, ScheduleValue
    from zoo.environments.config import EnvironmentConfig
    from zoo.environments.model import find_model
    from zoo.errors import MissingExtra, ZooError, did_you_mean
    from zoo.evaluate import Evaluation, evaluate
    from zoo.exchange import Exporter, Imported, Importer, ImportRequest
    from zoo.export_agent import export_agent
    from zoo.hub.base import Entry, Hub, Pushed, Query
    from zoo.hub.local import LocalHub
    from zoo.hub.references import load
    from zoo.import_agent import import_agent
    from zoo.lock import lock, pull_locked
    from zoo.plugin.hookspecs import hookimpl
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
    from zoo.pull import pull
    from zoo.push import push
    from zoo.record import record
    from zoo.resume import resume
    from zoo.search import search
    from zoo.show import show
    from zoo.storage.bundle import Bundle
    from zoo.storage.runs import Run
    from zoo.train import train
    from zoo.verify import verify


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


class _Package(ModuleType):
    """Keeps `zoo.train` the function: importing the module `zoo.train` would put itself there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOME.get(name) == value.__name__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
