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
        AlgorithmSpec(
            name="td3",
            target="zoo_actor_critic.td3:TD3",
            summary="Twin delayed deep deterministic policy gradient",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/1802.09477",
            extra="torch",
        ),
        AlgorithmSpec(
            name="sac",
            target="zoo_actor_critic.sac:SAC",
            summary="Soft actor-critic with a temperature that is learnt",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/1812.05905",
            extra="torch",
        ),
        AlgorithmSpec(
            name="ddpg",
            target="zoo_actor_critic.ddpg:DDPG",
            summary="Deep deterministic policy gradient",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/1509.02971",
            extra="torch",
        ),
        AlgorithmSpec(
            name="sac-discrete",
            target="zoo_actor_critic.sac_discrete:SACDiscrete",
            summary="Soft actor-critic over discrete actions",
            observations=OBSERVATIONS,
            actions=("discrete",),
            paper="https://arxiv.org/abs/1910.07207",
            extra="torch",
        ),
        AlgorithmSpec(
            name="tqc",
            target="zoo_actor_critic.tqc:TQC",
            summary="Truncated quantile critics",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/2005.04269",
            extra="torch",
        ),
        AlgorithmSpec(
            name="redq",
            target="zoo_actor_critic.redq:REDQ",
            summary="Soft actor-critic with many critics and many updates a step",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/2101.05982",
            extra="torch",
        ),
        AlgorithmSpec(
            name="droq",
            target="zoo_actor_critic.droq:DroQ",
            summary="Soft actor-critic with dropout critics and many updates a step",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/2110.02034",
            extra="torch",
        ),
        AlgorithmSpec(
            name="crossq",
            target="zoo_actor_critic.crossq:CrossQ",
            summary="Soft actor-critic with batch normalisation and no target networks",
            observations=OBSERVATIONS,
            actions=("box",),
            paper="https://arxiv.org/abs/1902.05605",
            extra="torch",
        ),
    ]
