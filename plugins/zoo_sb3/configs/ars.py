"""Hyperparameters of augmented random search."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from zoo import Schedule, ScheduleValue, ZooError
from zoo_sb3.configs.common import SB3Config
from zoo_sb3.configs.policy import SearchKwargs


class ARSConfig(SB3Config):
    """Augmented random search."""

    policy: Literal["auto", "MlpPolicy", "LinearPolicy"] = Field(
        "auto", description="The network: with hidden layers (also by `auto`), or without."
    )
    policy_kwargs: SearchKwargs | None = Field(None, description="How the network is built.")
    n_delta: int = Field(8, ge=1, description="Random directions that are tried in an update.")
    n_top: int | None = Field(
        None, ge=1, description="Best directions that make the update; null: all of them."
    )
    learning_rate: ScheduleValue = Field(
        Schedule.parse(0.02), description="Step size of an update."
    )
    delta_std: ScheduleValue = Field(
        Schedule.parse(0.05), description="Length of the steps that are tried."
    )
    zero_policy: bool = Field(True, description="Begin with all weights 0.")
    alive_bonus_offset: float = Field(
        0.0, description="Added to each reward, to take back a bonus for being alive."
    )
    n_eval_episodes: int = Field(1, ge=1, description="Episodes for each direction.")

    @model_validator(mode="after")
    def _fits(self) -> ARSConfig:
        kwargs = self.policy_kwargs
        if self.n_top is not None and self.n_top > self.n_delta:
            raise ZooError(f"n_top {self.n_top} is more than n_delta {self.n_delta}")
        if self.policy == "LinearPolicy" and kwargs and (kwargs.net_arch or kwargs.activation_fn):
            raise ZooError("a LinearPolicy has no net_arch and no activation_fn")
        return self
