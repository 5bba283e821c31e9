"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AlgorithmSpec, hookimpl

OBSERVATIONS = ("box", "discrete", "multi-discrete", "multi-binary", "dict")


def _spec(name: str, target: str, summary: str, paper: str) -> AlgorithmSpec:
    return AlgorithmSpec(
        name=name,
        target=f"zoo_dqn.{target}",
        summary=summary,
        observations=OBSERVATIONS,
        actions=("discrete",),
        paper=paper,
        extra="torch",
    )


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """Return the algorithms of the family."""
    return [
        _spec("dqn", "dqn:DQN", "Deep Q-network", "https://doi.org/10.1038/nature14236"),
    ]
