"""What the plugin registers: names only, so that nothing heavy is imported."""

from pathlib import Path

from zoo import AlgorithmSpec, hookimpl


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """An actor-critic for nearly all spaces, and planning on a known model."""
    return [
        AlgorithmSpec(
            name="reference-actor-critic",
            target="reference_plugin.actor_critic:LinearActorCritic",
            summary="Linear actor-critic with one-step targets",
            observations=("box", "discrete", "multi-discrete", "multi-binary", "dict"),
            actions=("box", "discrete", "multi-discrete", "multi-binary"),
            paper="https://doi.org/10.1109/TSMC.1983.6313077",
        ),
        AlgorithmSpec(
            name="reference-planner",
            target="reference_plugin.planner:Planner",
            summary="Value iteration on a known model",
            observations=("discrete",),
            actions=("discrete",),
            needs="model",
        ),
    ]


@hookimpl
def zoo_recipes() -> Path:
    """Where the recipes lie."""
    return Path(__file__).parent / "recipes"
