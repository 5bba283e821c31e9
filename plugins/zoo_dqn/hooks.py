"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AgentSpec, AlgorithmSpec, hookimpl

OBSERVATIONS = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict")


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
    arxiv = "https://arxiv.org/abs/"
    return [
        _spec("dqn", "dqn:DQN", "Deep Q-network", "https://doi.org/10.1038/nature14236"),
        _spec("double-dqn", "double_dqn:DoubleDQN", "Double DQN", f"{arxiv}1509.06461"),
        _spec("dueling-dqn", "dueling_dqn:DuelingDQN", "Dueling network", f"{arxiv}1511.06581"),
        _spec("per-dqn", "per_dqn:PERDQN", "Double DQN with prioritised replay",
              f"{arxiv}1511.05952"),
        _spec("n-step-dqn", "n_step_dqn:NStepDQN", "DQN with n-step returns",
              f"{arxiv}1602.01783"),
        _spec("noisy-dqn", "noisy_dqn:NoisyDQN", "DQN that explores by noisy weights",
              f"{arxiv}1706.10295"),
        _spec("c51", "c51:C51", "Categorical DQN", f"{arxiv}1707.06887"),
        _spec("qr-dqn", "qr_dqn:QRDQN", "Quantile-regression DQN", f"{arxiv}1710.10044"),
        _spec("iqn", "iqn:IQN", "Implicit quantile networks", f"{arxiv}1806.06923"),
        _spec("async-q", "async_q:AsyncQ", "Asynchronous one-step Q-learning, in worker processes",
              f"{arxiv}1602.01783"),
        _spec("rainbow", "rainbow:Rainbow", "Six extensions of DQN in one", f"{arxiv}1710.02298"),
    ]  # fmt: skip


@hookimpl
def zoo_agents() -> list[AgentSpec]:
    """Return the kind of what is neither an MLP nor a CNN."""
    return [
        AgentSpec(
            kind="iqn",
            target="zoo_dqn.implicit_agent:ImplicitQuantileAgent",
            summary="Implicit quantile networks, in NumPy alone",
        )
    ]
