"""What this plugin registers. Nothing of SB3 is imported here."""

from __future__ import annotations

from zoo import AgentSpec, AlgorithmSpec, ExporterSpec, hookimpl

OBSERVATIONS = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict")
ARRAYS = OBSERVATIONS[:-1]
DISCRETE = ("discrete", "multi-discrete", "multi-binary")
ACTIONS = ("box", *DISCRETE)


def _spec(
    name: str,
    target: str,
    *,
    paper: str,
    summary: str,
    actions: tuple[str, ...],
    observations: tuple[str, ...] = OBSERVATIONS,
) -> AlgorithmSpec:
    return AlgorithmSpec(
        name=f"sb3-{name}",
        target=f"zoo_sb3.{target}",
        summary=summary,
        observations=observations,
        actions=actions,
        paper=f"https://arxiv.org/abs/{paper}",
        extra="sb3",
    )


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """Return the algorithms of Stable-Baselines3 and of sb3-contrib."""
    return [
        _spec(
            "ppo",
            "on_policy:PPO",
            paper="1707.06347",
            summary="Proximal policy optimisation",
            actions=ACTIONS,
        ),
        _spec(
            "a2c",
            "on_policy:A2C",
            paper="1602.01783",
            summary="Advantage actor-critic",
            actions=ACTIONS,
        ),
        _spec(
            "trpo",
            "on_policy:TRPO",
            paper="1502.05477",
            summary="Trust region policy optimisation",
            actions=ACTIONS,
        ),
        _spec(
            "recurrent-ppo",
            "on_policy:RecurrentPPO",
            paper="1707.06347",
            summary="PPO with an LSTM",
            actions=("box", "discrete", "multi-discrete"),
            observations=("box", "image", "discrete", "multi-binary", "dict"),
        ),
        _spec(
            "maskable-ppo",
            "on_policy:MaskablePPO",
            paper="2006.14171",
            summary="PPO that leaves out invalid actions",
            actions=DISCRETE,
        ),
        _spec(
            "dqn",
            "off_policy:DQN",
            paper="1312.5602",
            summary="Deep Q-network",
            actions=("discrete",),
        ),
        _spec(
            "qrdqn",
            "off_policy:QRDQN",
            paper="1710.10044",
            summary="Quantile-regression DQN",
            actions=("discrete",),
        ),
        _spec(
            "ddpg",
            "off_policy:DDPG",
            paper="1509.02971",
            summary="Deep deterministic policy gradient",
            actions=("box",),
        ),
        _spec(
            "td3",
            "off_policy:TD3",
            paper="1802.09477",
            summary="Twin delayed DDPG",
            actions=("box",),
        ),
        _spec(
            "sac",
            "off_policy:SAC",
            paper="1801.01290",
            summary="Soft actor-critic",
            actions=("box",),
        ),
        _spec(
            "tqc",
            "off_policy:TQC",
            paper="2005.04269",
            summary="Truncated quantile critics",
            actions=("box",),
        ),
        _spec(
            "crossq",
            "off_policy:CrossQ",
            paper="1902.05605",
            summary="SAC with batch normalisation and no target networks",
            actions=("box",),
            observations=ARRAYS,
        ),
        _spec(
            "ars",
            "ars:ARS",
            paper="1803.07055",
            summary="Augmented random search",
            actions=("box", "discrete"),
            observations=ARRAYS,
        ),
    ]


@hookimpl
def zoo_agents() -> list[AgentSpec]:
    """Return the kind of the agents that are more than a few fully connected layers."""
    return [
        AgentSpec(
            kind="sb3-policy",
            target="zoo_sb3.policy_agent:SB3PolicyAgent",
            summary="A policy of Stable-Baselines3: images, Dict observations, memory",
            extra="sb3",
        )
    ]


@hookimpl
def zoo_exporters() -> list[ExporterSpec]:
    """Return the zip that Stable-Baselines3 itself loads."""
    return [
        ExporterSpec(
            name="sb3",
            target="zoo_sb3.exporter:SB3Exporter",
            summary="A zip that Stable-Baselines3 loads, with vecnormalize.pkl beside it",
            extra="sb3",
        )
    ]
