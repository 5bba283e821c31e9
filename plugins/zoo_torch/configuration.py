"""What the configs of several algorithms share, under the names that RL Zoo's users know."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from zoo import Config, Schedule, ScheduleValue

Units = list[PositiveInt]
Activation = Literal["tanh", "relu", "leaky-relu", "elu"]
EncoderName = Literal["nature", "impala", "minatar", "flatten"]


class Normalize(Config):
    """Running normalisation of observations and rewards."""

    norm_obs: bool = Field(True, description="Normalise observations.")
    norm_reward: bool = Field(True, description="Scale rewards by the deviation of the return.")
    clip_obs: float = Field(10.0, gt=0, description="Bound of normalised observations.")
    clip_reward: float = Field(10.0, gt=0, description="Bound of scaled rewards.")
    epsilon: float = Field(1e-8, gt=0, description="Added to the variances.")
    norm_obs_keys: list[str] | None = Field(
        None, description="Dict observations: the keys to normalise; all by default."
    )


class PolicyValueUnits(Config):
    """Hidden layers of the policy and of the value function."""

    pi: Units = Field([], description="Units of the policy's hidden layers.")
    vf: Units = Field([], description="Units of the value function's hidden layers.")


class PlainKwargs(Config):
    """How the networks are built of algorithms that read no images."""

    net_arch: Units | PolicyValueUnits | None = Field(
        None,
        description="Units of the hidden layers: one list for both networks, or {pi, vf}; null: "
        "[64, 64].",
    )
    activation_fn: Activation = Field("tanh", description="Activation after each hidden layer.")
    ortho_init: bool = Field(True, description="Begin with orthogonal weights.")
    log_std_init: float = Field(
        0.0, ge=-20, le=20, description="Box actions: log of the standard deviation at the start, "
        "in the units of the actions.",
    )  # fmt: skip

    def units(self, usual: Units) -> tuple[Units, Units]:
        """Return the hidden units of policy and value function, `usual` where none are set."""
        if isinstance(self.net_arch, PolicyValueUnits):
            return self.net_arch.pi, self.net_arch.vf
        both = usual if self.net_arch is None else self.net_arch
        return both, both


class PolicyKwargs(PlainKwargs):
    """How the networks are built."""

    net_arch: Units | PolicyValueUnits | None = Field(
        None,
        description="Units of the hidden layers: one list for both networks, or {pi, vf}; null: "
        "[64, 64], and none behind the encoder of an image.",
    )
    encoder: EncoderName | None = Field(
        None,
        description="Network that reads images; null: nature where there are images of bytes. A "
        "name also has other three-dimensional Boxes read as images.",
    )


class PolicyConfig(Config):
    """What every algorithm takes that learns from what its policy has just done."""

    normalize: bool | Normalize = Field(
        False, description="Normalise observations and rewards by running statistics."
    )
    policy_kwargs: PlainKwargs = Field(PlainKwargs(), description="How the networks are built.")
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")

    @property
    def normalization(self) -> Normalize:
        """What is normalised, and how."""
        if isinstance(self.normalize, bool):
            return Normalize(norm_obs=self.normalize, norm_reward=self.normalize)
        return self.normalize

    @property
    def longest_gradient(self) -> float:
        """The norm that gradients are clipped at."""
        return math.inf


class RolloutConfig(PolicyConfig):
    """What those of them take that learn from several steps at once, and from images."""

    policy_kwargs: PolicyKwargs = Field(PolicyKwargs(), description="How the networks are built.")
    n_steps: int = Field(
        2048, ge=1, description="Steps of each copy of the environment between updates."
    )


class OnPolicyConfig(RolloutConfig):
    """What those of them take that improve policy and value function by one loss."""

    gae_lambda: float = Field(
        0.95, ge=0, le=1, description="Weight of longer returns in the advantage: 0 for one step."
    )
    ent_coef: float = Field(0.0, description="Weight of the entropy in the loss.")
    vf_coef: float = Field(0.5, ge=0, description="Weight of the value function's loss.")
    max_grad_norm: float = Field(0.5, gt=0, description="Largest norm of the gradient.")

    @property
    def longest_gradient(self) -> float:
        return self.max_grad_norm


class OffPolicyConfig(Config):
    """What every algorithm takes that learns from a replay buffer."""

    learning_rate: ScheduleValue = Field(Schedule.parse(3e-4), description="Step size of Adam.")
    buffer_size: int = Field(1_000_000, ge=1, description="Transitions that are remembered.")
    learning_starts: int = Field(
        100, ge=0, description="Steps of random actions before learning begins."
    )
    batch_size: int = Field(256, ge=1, description="Transitions in a minibatch.")
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    train_freq: int = Field(1, ge=1, description="Steps of each copy between updates.")
    gradient_steps: int = Field(
        1, ge=-1, description="Gradient steps in an update; -1: as many as steps were done."
    )
    n_steps: int = Field(1, ge=1, description="Steps of reward before bootstrapping.")

    @field_validator("gradient_steps")
    @classmethod
    def _some(cls, value: int) -> int:
        if value == 0:
            raise ValueError("without gradient steps nothing is learnt")
        return value
