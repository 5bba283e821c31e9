"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AlgorithmSpec, hookimpl

OBSERVATIONS = ("box", "discrete", "multi-discrete", "multi-binary", "dict")
IMAGES = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict")
ACTIONS = ("box", "discrete", "multi-discrete", "multi-binary")


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """Return the algorithms of the family."""
    return [
        AlgorithmSpec(
            name="a2c",
            target="zoo_actor_critic.a2c:A2C",
            summary="Advantage actor-critic, the synchronous form of A3C",
            observations=IMAGES,
            actions=ACTIONS,
            paper="https://arxiv.org/abs/1602.01783",
            extra="torch",
        )
    ]
