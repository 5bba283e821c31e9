"""Hyperparameters of the algorithms that learn from a replay buffer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from zoo import Config, Schedule, ScheduleValue, ZooError
from zoo_sb3.configs.common import GAMMA, LEARNING_RATE, POLICY, Exploration, Policy, SB3Config
from zoo_sb3.configs.policy import (
    ActorKwargs,
    BatchNormActorKwargs,
    QKwargs,
    QuantileActorKwargs,
    QuantileKwargs,
    SquashedActorKwargs,
)

KWARGS = "How the networks are built."
BATCH_SIZE = "Transitions in a minibatch."
TAU = "Share of the network's weights that its target takes over in an update of the target."
TRAIN_FREQ = "Steps of each copy between updates, or [n, episode]."
TARGET_UPDATE = "Gradient steps between updates of the target networks."

Automatic = Annotated[str, StringConstraints(pattern=r"^auto(_\d+(\.\d*)?([eE]-?\d+)?)?$")]


class ReplayBufferKwargs(Config):
    """Arguments of the replay buffer."""

    handle_timeout_termination: bool | None = Field(
        None, description="Bootstrap where an episode was cut off by a time limit."
    )
    goal_selection_strategy: Literal["future", "final", "episode"] | None = Field(
        None, description="her: which later state of the episode becomes the goal."
    )
    n_sampled_goal: PositiveInt | None = Field(
        None, description="her: relabelled transitions for each real one; 4 by default."
    )


class OffPolicyConfig(SB3Config):
    """What all of them take."""

    policy: Policy = Field("auto", description=POLICY)
    buffer_size: int = Field(1_000_000, ge=1, description="Transitions that are remembered.")
    learning_starts: int = Field(
        100, ge=0, description="Steps of random actions before learning begins."
    )
    batch_size: int = Field(256, ge=1, description=BATCH_SIZE)
    gamma: float = Field(0.99, ge=0, le=1, description=GAMMA)
    train_freq: PositiveInt | tuple[PositiveInt, Literal["step", "episode"]] = Field(
        1, description=TRAIN_FREQ
    )
    gradient_steps: int = Field(
        1, ge=-1, description="Gradient steps in an update; -1: as many as steps were done."
    )
    n_steps: int = Field(1, ge=1, description="Steps of reward before bootstrapping.")
    optimize_memory_usage: bool = Field(
        False, description="Keep each observation once: half the memory."
    )
    replay_buffer_class: Literal["her"] | None = Field(
        None, description="her: hindsight experience replay, https://arxiv.org/abs/1707.01495."
    )
    replay_buffer_kwargs: ReplayBufferKwargs | None = Field(
        None, description="How the replay buffer works."
    )

    @model_validator(mode="after")
    def _one_buffer(self) -> OffPolicyConfig:
        """Refuse what SB3's replay buffers cannot do together."""
        kwargs, hindsight = (
            self.replay_buffer_kwargs or ReplayBufferKwargs(),
            (self.replay_buffer_class == "her"),
        )
        if not hindsight and (kwargs.goal_selection_strategy or kwargs.n_sampled_goal):
            raise ZooError(
                "replay_buffer_kwargs: goals are sampled by hindsight experience replay only",
                "Add replay_buffer_class: her",
            )
        if hindsight and self.n_steps > 1:
            raise ZooError("n_steps cannot be more than 1 with replay_buffer_class: her")
        if not self.optimize_memory_usage:
            return self
        if hindsight or self.n_steps > 1:
            raise ZooError("optimize_memory_usage works with neither her nor n_steps above 1")
        if kwargs.handle_timeout_termination is not False:
            raise ZooError(
                "optimize_memory_usage cannot tell time limits from other ends of an episode",
                "Add replay_buffer_kwargs: {handle_timeout_termination: false}",
            )
        return self


class EpsilonConfig(OffPolicyConfig):
    """What the algorithms take that now and then act at random."""

    policy_kwargs: QKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(1e-4), description=LEARNING_RATE)
    batch_size: int = Field(32, ge=1, description=BATCH_SIZE)
    tau: float = Field(1.0, ge=0, le=1, description=TAU)
    train_freq: PositiveInt | tuple[PositiveInt, Literal["step", "episode"]] = Field(
        4, description=TRAIN_FREQ
    )
    target_update_interval: int = Field(
        10_000, ge=1, description="Steps between updates of the target network."
    )
    exploration_fraction: float = Field(
        0.1, gt=0, le=1, description="Share of the run over which epsilon falls."
    )
    exploration_initial_eps: float = Field(
        1.0, ge=0, le=1, description="Chance of a random action at the start."
    )
    exploration_final_eps: float = Field(
        0.05, ge=0, le=1, description="Chance of a random action in the end."
    )
    max_grad_norm: float | None = Field(
        None, gt=0, description="Largest norm of the gradient; null: any."
    )


class DQNConfig(EpsilonConfig):
    """Deep Q-network."""

    max_grad_norm: float = Field(10.0, gt=0, description="Largest norm of the gradient.")


class QRDQNConfig(EpsilonConfig):
    """Quantile-regression DQN."""

    policy_kwargs: QuantileKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(5e-5), description=LEARNING_RATE)
    exploration_fraction: float = Field(
        0.005, gt=0, le=1, description="Share of the run over which epsilon falls."
    )
    exploration_final_eps: float = Field(
        0.01, ge=0, le=1, description="Chance of a random action in the end."
    )


class ActorConfig(OffPolicyConfig):
    """What the algorithms with an actor take."""

    noise_type: Literal["normal", "ornstein-uhlenbeck"] | None = Field(
        None, description="Noise that is added to the actions, in units of half their range."
    )
    noise_std: float = Field(
        0.1, ge=0, description="Deviation of normal noise; sigma of ornstein-uhlenbeck, whose "
        "deviation comes to sigma / sqrt(2 * 0.15) in time, 1.8 times as much.",
    )  # fmt: skip


class DDPGConfig(ActorConfig):
    """Deep deterministic policy gradient."""

    policy_kwargs: ActorKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(1e-3), description=LEARNING_RATE)
    tau: float = Field(0.005, ge=0, le=1, description=TAU)


class TD3Config(DDPGConfig):
    """Twin delayed DDPG."""

    policy_delay: int = Field(
        2, ge=1, description="Updates of the critics for each of the actor and the targets."
    )
    target_policy_noise: float = Field(0.2, ge=0, description="Deviation of the target's noise.")
    target_noise_clip: float = Field(0.5, ge=0, description="Bound of the target's noise.")


class EntropyConfig(ActorConfig, Exploration):
    """What the algorithms take that also maximise the policy's entropy."""

    ent_coef: float | Automatic = Field(
        "auto", description="Weight of the entropy; auto learns it, auto_0.1 from 0.1 on."
    )
    target_entropy: float | Literal["auto"] = Field(
        "auto", description="Entropy that a learnt weight aims at; auto: -(number of actions)."
    )
    use_sde_at_warmup: bool = Field(
        False, description="Explore by gSDE instead of random actions before learning begins."
    )


class SACConfig(EntropyConfig):
    """Soft actor-critic."""

    policy_kwargs: SquashedActorKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(3e-4), description=LEARNING_RATE)
    tau: float = Field(0.005, ge=0, le=1, description=TAU)
    target_update_interval: int = Field(1, ge=1, description=TARGET_UPDATE)


class TQCConfig(SACConfig):
    """Truncated quantile critics."""

    policy_kwargs: QuantileActorKwargs | None = Field(None, description=KWARGS)
    top_quantiles_to_drop_per_net: int = Field(
        2, ge=0, description="Largest quantiles of each critic that the target leaves out."
    )


class CrossQConfig(EntropyConfig):
    """SAC with batch normalisation and no target networks."""

    policy: Literal["auto", "MlpPolicy"] = Field("auto", description=POLICY)
    policy_kwargs: BatchNormActorKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(1e-3), description=LEARNING_RATE)
    policy_delay: int = Field(3, ge=1, description="Updates of the critics for each of the actor.")
