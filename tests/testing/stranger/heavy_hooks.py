"""A hook module that is slow to import: it names its class by importing it."""

import numpy as np

from zoo import AlgorithmSpec, hookimpl


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """The reference algorithm under another name."""
    assert np
    return [
        AlgorithmSpec(
            name="heavy",
            target="reference_plugin.actor_critic:LinearActorCritic",
            summary="Linear actor-critic with one-step targets",
            observations=("box",),
            actions=("discrete",),
        )
    ]
