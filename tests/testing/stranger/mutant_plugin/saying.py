"""Faults in what a plugin says about an algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from pydantic import BaseModel, Field
from reference_plugin.actor_critic import LinearActorCritic, LinearActorCriticConfig

from mutant_plugin.base import mutant
from zoo import Progress


@mutant("spec_is_true", "one line", summary="A summary\nof two lines")
class LongWinded(LinearActorCritic):
    pass


@mutant("spec_is_true", "action kinds that no host gives: image", actions=("discrete", "image"))
class PaintsPictures(LinearActorCritic):
    pass


@mutant("spec_is_true", "hyperparameters without a description: temperature")
class Undocumented(LinearActorCritic):
    class Config(LinearActorCriticConfig):
        temperature: float = 1.0


@mutant("spec_is_true", "Make it a subclass of zoo.Config")
class PlainConfig(LinearActorCritic):
    class Config(BaseModel):
        gamma: float = Field(0.9, description="Discount factor.")


@mutant("config_round_trip", "cannot be written as JSON")
class Unserialisable(LinearActorCritic):
    class Config(LinearActorCriticConfig):
        activation: Any = Field(np.tanh, description="A function, which JSON does not know.")


@mutant("config_round_trip", "Config changes on its way through JSON: delay from (2, 3) to [2, 3]")
class Forgetful(LinearActorCritic):
    class Config(LinearActorCriticConfig):
        delay: Any = Field((2, 3), description="A tuple, which comes back as a list.")


@mutant("config_round_trip", "training changes its config: extra")
class ConfigWriter(LinearActorCritic):
    class Config(LinearActorCriticConfig):
        extra: dict[str, int] = Field({}, description="Arguments.")

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        self.config.extra["n_envs"] = env.num_envs
        yield from super().train(env, steps)


@mutant("unknown_key_refused", "Config accepts the unknown key 'no_such_key' silently")
class Indulgent(LinearActorCritic):
    class Config(LinearActorCriticConfig, extra="ignore"):
        pass


class Lenient(BaseModel):
    width: int = Field(1, description="Units.")


@mutant("unknown_key_refused", "unknown keys are accepted silently in Lenient")
class IndulgentInside(LinearActorCritic):
    class Config(LinearActorCriticConfig):
        network: Lenient = Field(Lenient(), description="The network.")


@mutant("unsupported_spaces_refused", "the constructor raises ValueError")
class RaisesValueError(LinearActorCritic):
    def __init__(self, config: Any, observations: Any, actions: Any, **kwargs: Any) -> None:
        if not isinstance(observations, spaces.Box):
            raise ValueError("Box only")
        super().__init__(config, observations, actions, **kwargs)


@mutant("unsupported_spaces_refused", "accepts discrete observations, which the spec does not")
class FindsOutLater(LinearActorCritic):
    def update(self, x: np.ndarray, *rest: Any) -> float:
        assert isinstance(self.observation_space, spaces.Box)
        return super().update(x, *rest)
