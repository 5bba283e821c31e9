"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AlgorithmSpec, hookimpl

OBSERVATIONS = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict")
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
        ),
        AlgorithmSpec(
            name="ppo-kl",
            target="zoo_policy_gradient.ppo_kl:PPOKL",
            summary="Proximal policy optimisation with an adaptive KL penalty",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="https://arxiv.org/abs/1707.06347",
            extra="torch",
        ),
        AlgorithmSpec(
            name="recurrent-ppo",
            target="zoo_policy_gradient.recurrent_ppo:RecurrentPPO",
            summary="Proximal policy optimisation with an LSTM, for what is seen in part",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="https://arxiv.org/abs/1707.06347",
            extra="torch",
        ),
        AlgorithmSpec(
            name="reinforce",
            target="zoo_policy_gradient.reinforce:Reinforce",
            summary="The policy gradient from whole episodes, with a learnt baseline",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="https://doi.org/10.1007/BF00992696",
            extra="torch",
        ),
        AlgorithmSpec(
            name="trpo",
            target="zoo_policy_gradient.trpo:TRPO",
            summary="Trust region policy optimisation by natural gradient steps",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="https://arxiv.org/abs/1502.05477",
            extra="torch",
        ),
        AlgorithmSpec(
            name="vpg",
            target="zoo_policy_gradient.vpg:VPG",
            summary="Vanilla policy gradient with generalised advantages",
            observations=OBSERVATIONS,
            actions=ACTIONS,
            paper="https://papers.nips.cc/paper/1713",
            extra="torch",
        ),
    ]
