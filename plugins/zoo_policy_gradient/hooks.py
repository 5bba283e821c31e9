"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AlgorithmSpec, hookimpl

OBSERVATIONS = ("box", "discrete", "multi-discrete", "multi-binary", "dict")
ACTIONS = ("box", "discrete", "multi-discrete", "multi-binary")


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """Return the algorithms of the family."""
    return [
        AlgorithmSpec(
            name="ppo",
            target="zoo_policy_gradient.ppo:PPO",
            summary="Proximal policy optimisation with a clipped objective",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="https://arxiv.org/abs/1707.06347",
            extra="torch",
        )
    ]
