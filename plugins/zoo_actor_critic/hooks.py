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
        ),
        AlgorithmSpec(
            name="a3c",
            target="zoo_actor_critic.a3c:A3C",
            summary="Asynchronous advantage actor-critic, in worker processes",
            observations=IMAGES,
            actions=ACTIONS,
            paper="https://arxiv.org/abs/1602.01783",
            extra="torch",
        ),
        AlgorithmSpec(
            name="td-actor-critic",
            target="zoo_actor_critic.td_actor_critic:TDActorCritic",
            summary="Actor-critic that learns from each step's TD error, with traces if asked",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="http://incompleteideas.net/book/the-book-2nd.html",
            extra="torch",
        ),
        AlgorithmSpec(
            name="q-actor-critic",
            target="zoo_actor_critic.q_actor_critic:QActorCritic",
            summary="Actor-critic whose critic values actions by SARSA (QAC)",
            observations=OBSERVATIONS,
            actions=("discrete",),
            paper="https://papers.nips.cc/paper/1713",
            extra="torch",
        ),
    ]
