"""What the configs of the off-policy algorithms share, under the names that RL Zoo's users know."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from zoo import Config, Schedule, ScheduleValue
from zoo_torch.configuration import Activation, OffPolicyConfig, Units

KWARGS = "How the networks are built."
_AUTO = re.compile(r"auto(?:_(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?))?", re.ASCII)
_MOST = float(np.finfo(np.float32).max)


class ActorCriticUnits(Config):
    """Hidden layers of the actor and of the critics."""

    pi: Units = Field([], description="Units of the actor's hidden layers.")
    qf: Units = Field([], description="Units of each critic's hidden layers.")


class ActorCriticKwargs(Config):
    """How the networks are built."""

    net_arch: Units | ActorCriticUnits = Field(
        [256, 256], description="Units of the hidden layers: one list for all, or {pi, qf}."
    )
    activation_fn: Activation = Field("relu", description="Activation after each hidden layer.")

    @property
    def actor_units(self) -> Units:
        return self.net_arch.pi if isinstance(self.net_arch, ActorCriticUnits) else self.net_arch

    @property
    def critic_units(self) -> Units:
        return self.net_arch.qf if isinstance(self.net_arch, ActorCriticUnits) else self.net_arch


class TwinKwargs(ActorCriticKwargs):
    """How the networks of algorithms are built that take the least of several critics."""

    n_critics: int = Field(2, ge=1, description="Critics, of which the least value counts.")


class TargetConfig(OffPolicyConfig):
    """What every algorithm takes whose target networks follow slowly."""

    tau: float = Field(
        0.005, gt=0, le=1, description="Share of the networks' weights that the targets take over "
        "in an update of the targets.",
    )  # fmt: skip


class ActionNoise(Config):
    """What the algorithms for Box actions take."""

    noise_type: Literal["normal", "ornstein-uhlenbeck"] | None = Field(
        None, description="Noise that is added to the actions, in units of half their range."
    )
    noise_std: float = Field(
        0.1, ge=0, description="Deviation of normal noise; sigma of ornstein-uhlenbeck, whose "
        "deviation comes to sigma / sqrt(2 * 0.15) in time, 1.8 times as much.",
    )  # fmt: skip


class DeterministicConfig(ActionNoise, TargetConfig):
    """What the algorithms take whose policy is deterministic."""

    learning_rate: ScheduleValue = Field(Schedule.parse(1e-3), description="Step size of Adam.")


class TemperatureConfig(Config):
    """What the algorithms take that also maximise the policy's entropy."""

    ent_coef: float | str = Field(
        "auto", description="Weight of the entropy, >= 0; auto learns it, auto_0.1 from 0.1 on."
    )
    target_entropy: float | Literal["auto"] = Field(
        "auto", description="Entropy that a learnt weight aims at; auto: see the algorithm."
    )

    @field_validator("ent_coef")
    @classmethod
    def _number_or_auto(cls, value: float | str) -> float | str:
        if isinstance(value, str):
            auto = _AUTO.fullmatch(value)
            fits = auto is not None and 0 < float(auto[1] or 1) <= _MOST
        else:
            fits = 0 <= value <= _MOST
        if not fits:
            raise ValueError(
                "must be a number >= 0, auto, or auto_NUMBER with a number > 0 such as auto_0.1, "
                f"not {value}"
            )
        return value


class EntropyConfig(TemperatureConfig, TargetConfig):
    """What those of them take that have target networks."""

    target_update_interval: int = Field(
        1, ge=1, description="Gradient steps between updates of the target networks."
    )
