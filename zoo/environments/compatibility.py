"""Which spaces fit which algorithms, and which agents fit which environments."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.agent import Agent
from zoo.errors import ZooError
from zoo.plugin.specs import AlgorithmSpec

_KINDS: dict[type[Space[Any]], str] = {
    spaces.Discrete: "discrete",
    spaces.MultiDiscrete: "multi-discrete",
    spaces.MultiBinary: "multi-binary",
    spaces.Dict: "dict",
}


def space_kind(space: Space[Any]) -> str:
    """Return a space's kind as `AlgorithmSpec` names it; its class's name where it has none."""
    if isinstance(space, spaces.Box):
        return "image" if space.dtype == np.uint8 and len(space.shape) == 3 else "box"
    if isinstance(space, spaces.Tuple):
        discrete = all(isinstance(inner, spaces.Discrete) for inner in space.spaces)
        return "tuple" if discrete else "Tuple"
    return _KINDS.get(type(space), type(space).__name__)


def check_supported(
    spec: AlgorithmSpec, observation_space: Space[Any], action_space: Space[Any]
) -> None:
    """Raise `ZooError` where `spec` does not take the spaces.

    It names the wrappers that would make the observations fit, and the algorithms that take them
    as they are.
    """
    kinds = space_kind(observation_space), space_kind(action_space)
    if _takes(spec, *kinds):
        return
    if kinds[0] not in spec.observations:
        what = f"observations of kind {kinds[0]} ({observation_space})"
    else:
        what = f"actions of kind {kinds[1]} ({action_space})"
    fitting = algorithms_for(observation_space, action_space)
    hint = f"These do: {', '.join(fitting)}" if fitting else "No installed algorithm takes them"
    if kinds[1] in spec.actions and (wrappers := _wrappers_for(spec, kinds[0])):
        hint = (
            f"A wrapper can turn them into what it takes ({', '.join(wrappers)}): "
            f"--set env_wrapper={wrappers[0]}. {hint}"
        )
    raise ZooError(f"{spec.name} does not take {what}", hint)


def _wrappers_for(spec: AlgorithmSpec, kind: str) -> list[str]:
    """Return the names of the wrappers that turn observations of `kind` into some of `spec`'s."""
    from zoo.plugin.registry import get_registry

    wrappers = get_registry().wrappers
    return [
        name
        for name, wrapper in wrappers.items()
        if wrapper.takes == kind and wrapper.makes in spec.observations
    ]


def algorithms_for(observation_space: Space[Any], action_space: Space[Any]) -> list[str]:
    """Return the names of the algorithms that learn from experience in these single spaces."""
    from zoo.plugin.registry import get_registry

    kinds = space_kind(observation_space), space_kind(action_space)
    return [
        name
        for name, spec in get_registry().algorithms.items()
        if spec.needs == "environment" and _takes(spec, *kinds)
    ]


def check_agent_fits(
    agent: Agent, observation_space: Space[Any], action_space: Space[Any], *, env_id: str = ""
) -> None:
    """Raise `ZooError` where an agent was trained on spaces other than these single ones.

    Kinds, shapes and counts must agree. Bounds need not: environments of one task differ there.
    """
    where = f"environment {env_id}" if env_id else "the environment"
    for what, own, given in (
        ("observations", agent.observation_space, observation_space),
        ("actions", agent.action_space, action_space),
    ):
        if not _same_form(own, given):
            raise ZooError(
                f"the agent's {what} are {own}, those of {where} are {given}",
                "Use the environment, the arguments and the wrappers that it was trained on",
            )


def _takes(spec: AlgorithmSpec, observations: str, actions: str) -> bool:
    return observations in spec.observations and actions in spec.actions


def _same_form(one: Space[Any], other: Space[Any]) -> bool:
    if isinstance(one, spaces.Dict) and isinstance(other, spaces.Dict):
        return one.spaces.keys() == other.spaces.keys() and all(
            _same_form(one.spaces[key], other.spaces[key]) for key in one.spaces
        )
    if isinstance(one, spaces.Tuple) and isinstance(other, spaces.Tuple):
        return len(one.spaces) == len(other.spaces) and all(
            map(_same_form, one.spaces, other.spaces)
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, spaces.Box):
        # an image scaled to [0, 1] is another input than one in bytes
        return one.shape == other.shape and one.dtype.kind == other.dtype.kind  # type: ignore[union-attr]
    return one == other
