"""Imports models of Stable-Baselines3 and sb3-contrib, with what RL Zoo keeps beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.agent import Agent
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, Step, standard_steps
from zoo.config import rlzoo_names
from zoo.environments.config import EnvironmentConfig, Wrapper
from zoo.errors import ZooError
from zoo.exchange import Imported, Importer, ImportRequest
from zoo.foreign.tagged_yaml import Tagged
from zoo.importers import dead_inputs
from zoo.importers.environment import today
from zoo.importers.rlzoo_folder import BEST, Folder, data, read_folder
from zoo.importers.sb3_model import Model, read_model
from zoo.importers.sb3_networks import is_portable, network
from zoo.importers.sb3_policy import channels_last, policy_agent
from zoo.importers.sb3_statistics import Statistics, read_statistics

_OLD_MASSES = "old-capsule-masses"
_MISFITS = (ValueError, TypeError, IndexError, AttributeError, ArithmeticError)


class SB3Importer(Importer):
    """Reads a saved model, a run folder of RL Zoo, or a repository such as sb3/ppo-CartPole-v1.

    Policies of fully connected layers become portable agents; others need the extra `sb3`.
    """

    def recognises(self, path: Path) -> bool:
        return path.suffix == ".zip" if path.is_file() else any(path.glob("*.zip"))

    def read(self, path: Path, request: ImportRequest) -> Imported:
        folder = read_folder(path)
        return _Reading(folder, read_model(folder.model), request).imported()


@dataclass
class _Reading:
    """One import under way."""

    folder: Folder
    model: Model
    request: ImportRequest
    notes: list[str] = field(default_factory=list)

    def imported(self) -> Imported:
        statistics = self._statistics()
        environment, source_id = self._environment()
        try:
            agent, kwargs = self._agent(statistics, source_id)
        except _MISFITS as error:  # a stranger's numbers need not have each other's shapes
            said = " ".join(str(error).split())[:200]
            raise ZooError(f"{self.model.where} does not fit together: {said}") from error
        environment = EnvironmentConfig(
            environment.id, {**kwargs, **environment.kwargs}, environment.wrappers
        )
        facts = self.model.facts
        return Imported(
            agent=agent,
            algorithm=self._algorithm(),
            environment=environment.to_json(),
            config=_as_json(self.folder.config),
            training={
                "steps": _count(facts.get("num_timesteps")),
                "seed": _count(facts.get("seed")),
                "environment": source_id,
            },
            versions={"stable-baselines3": self.model.version},
            notes=tuple(self.notes),
        )

    def _algorithm(self) -> str:
        named = self.request.algorithm or rlzoo_names.ALGORITHMS.get(self.model.algorithm)
        return named or f"sb3-{self.model.algorithm}"

    def _statistics(self) -> Statistics | None:
        """Return the normalisation; missing statistics would make a wreck of the agent."""
        given = self.request.statistics
        if given is not None:
            return read_statistics(given)
        path = self.folder.statistics
        if path is not None and self.folder.model.name == BEST and self.folder.normalizes:
            if not self.request.allow_missing_statistics:
                raise ZooError(
                    f"{self.folder.model} has no statistics of its own: those beside it belong to "
                    "the end of training",
                    "Import the final model, or name a file with --statistics",
                )
            path = None
        if path is not None:
            return read_statistics(path)
        if self.folder.normalizes and not self.request.allow_missing_statistics:
            raise ZooError(
                f"{self.folder.model} was trained on normalised observations, but their "
                "statistics (vecnormalize.pkl) are not beside it",
                "Put the file there, or name it with --statistics",
            )
        return None

    def _environment(self) -> tuple[EnvironmentConfig, str]:
        """Return today's environment and the id that the files give."""
        source = self.folder.env_id or self.request.env_id
        if source is None:
            raise ZooError(
                f"{self.folder.model} does not say which environment it was trained on",
                "Name it with --env",
            )
        env_id, wrappers, notes = today(self.request.env_id or source)
        self.notes += notes
        wrappers += self._wrappers()
        if self.request.old_masses:
            wrappers.insert(0, (_OLD_MASSES, {}))
        given = _as_json(self.folder.env_kwargs)
        given.pop("render_mode", None)  # no file opens a window; whoever watches says how
        kwargs = {**given, **self.request.env_kwargs}
        return EnvironmentConfig(env_id, kwargs, tuple(wrappers)), source

    def _wrappers(self) -> list[Wrapper]:
        found: list[Wrapper] = []
        for dotted, arguments in _named(data(self.folder.config.get("env_wrapper"))):
            entries, left_out = rlzoo_names.wrapper(dotted, arguments)
            found += [_wrapper(entry) for entry in entries]
            self.notes += [f"left out the wrapper {repr(what)[1:-1]}" for what in left_out]
        stack = data(self.folder.config.get("frame_stack"))
        if type(stack) is int:
            found.append(("frame-stack", {"n": stack}))
        return found

    def _agent(self, statistics: Statistics | None, source_id: str) -> tuple[Agent, dict[str, Any]]:
        """Return the agent, and the arguments of the environment that it needs."""
        own = self._observation_space(statistics)
        if not is_portable(self.model):
            return policy_agent(self.model, own, statistics), {}
        layers, head = network(self.model)
        if any("sde_features_extractor." in name for name in self.model.tensors):
            self.notes.append("random actions are only similar: gSDE had features of its own")
        if (shown := channels_last(own)) is not own and not isinstance(own, spaces.Dict):
            layers[0] = _reading_channels_last(layers[0], own.shape or ())
            own = shown
        steps: list[Step] = [] if statistics is None else statistics.steps()
        seen = own if statistics is None else statistics.seen(own)
        kwargs: dict[str, Any] = {}
        forces = dead_inputs.contact_forces(source_id, own)
        if forces is not None:
            assert isinstance(own, spaces.Box)
            if dead_inputs.were_dead(forces, layers[0], steps):
                first, steps, own = dead_inputs.without(source_id, forces, layers[0], steps, own)
                layers[0], seen = first, own
                self.notes.append("contact forces, which were zero in training, stay zero")
            elif source_id.startswith("Ant-"):
                kwargs["use_contact_forces"] = True
        return self._mlp(own, seen, layers, head, steps), kwargs

    def _mlp(
        self, own: Space[Any], seen: Space[Any], layers: list[Any], head: Any, steps: list[Step]
    ) -> Agent:
        learnt = self.model.observation_space
        if isinstance(own, spaces.Dict) and not isinstance(learnt, spaces.Dict):
            steps = [*steps, ("concatenate", {"keys": ["observation", "desired_goal"]})]
        else:
            is_scaled = self.model.kwargs.get("normalize_images", True) is not False
            steps = [*steps, *(s for s in standard_steps(seen) if is_scaled or s[0] != "scale")]
        try:
            return MLPAgent(own, self.model.action_space, layers, head, Preprocess(steps))
        except ZooError as error:
            raise ZooError(f"{self.model.where} does not fit together: {error.message}") from error

    def _observation_space(self, statistics: Statistics | None) -> Space[Any]:
        """Return the space of what the agent is given, before normalisation.

        Hindsight replay before SB3 1.1 learnt from observation and goal in one vector; there
        the statistics have the environment's own space.
        """
        own = self.model.observation_space
        if statistics is None:
            self._check_not_old_hindsight()
            return own
        raw = statistics.observation_space
        if isinstance(raw, spaces.Dict) and not isinstance(own, spaces.Dict):
            sizes = [math.prod(raw[key].shape or ()) for key in ("observation", "desired_goal")
                     if key in raw.spaces]  # fmt: skip
            if len(sizes) != 2 or sum(sizes) != math.prod(own.shape or ()):
                raise self._misfit()
            return raw
        inner: dict[str | None, Space[Any]] = {None: own}
        if isinstance(own, spaces.Dict):
            inner = {key: part for key, part in own.items()}
        for key, (mean, _) in statistics.moments.items():
            if key not in inner or inner[key].shape != mean.shape:
                raise self._misfit()
        return own

    def _check_not_old_hindsight(self) -> None:
        old = self.folder.arguments.get("algo") == "her" or "n_sampled_goal" in self.model.facts
        if old and not isinstance(self.model.observation_space, spaces.Dict):
            raise ZooError(
                f"{self.model.where} was trained with hindsight replay of before SB3 1.1, whose "
                "observations only vecnormalize.pkl describes",
                "Name that file with --statistics",
            )

    def _misfit(self) -> ZooError:
        return ZooError(
            f"the statistics beside {self.model.where} do not fit its observations",
            "Name the right file with --statistics",
        )


def _reading_channels_last(layer: Layer, shape: tuple[int, ...]) -> Layer:
    """Return the layer that reads flattened images (H, W, C) where `layer` reads (C, H, W)."""
    order = np.arange(layer.inputs).reshape(shape).transpose(1, 2, 0).ravel()
    return Layer(layer.weight[:, order], layer.bias, layer.activation)


def _named(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return (dotted name, arguments) for each wrapper of an RL Zoo config."""
    named: list[tuple[str, dict[str, Any]]] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            named.append((item, {}))
        elif isinstance(item, dict):
            named += [(str(k), v if isinstance(v, dict) else {}) for k, v in item.items()]
    return named


def _wrapper(entry: Any) -> Wrapper:
    if isinstance(entry, str):
        return entry, {}
    ((name, arguments),) = entry.items()
    return name, dict(arguments)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _as_json(value: Any) -> Any:
    """Return data from tagged YAML as JSON has it; what was not read is left out."""
    if isinstance(value, Mapping):
        kept = {str(key): _as_json(data(item)) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not isinstance(item, Tagged)}
    if isinstance(value, list):
        return [_as_json(item) for item in value if not isinstance(item, Tagged)]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value
