"""What the configs of several algorithms share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo import Config

Policy = Literal["auto", "MlpPolicy", "CnnPolicy", "MultiInputPolicy"]
POLICY = (
    "The network: for vectors, images or Dict observations; `auto` chooses by the observations."
)
LEARNING_RATE = "Step size of the optimiser."
GAMMA = "Discount factor."


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


class SB3Config(Config):
    """What every algorithm of this plugin takes."""

    normalize: bool | Normalize = Field(
        False, description="Normalise observations and rewards by running statistics."
    )

    @property
    def normalization(self) -> Normalize | None:
        """The normalisation's settings, None where there is none."""
        if isinstance(self.normalize, bool):
            return Normalize() if self.normalize else None
        return self.normalize


class Exploration(Config):
    """State-dependent exploration (gSDE), https://arxiv.org/abs/2005.05719."""

    use_sde: bool = Field(False, description="Explore by gSDE: Box actions only.")
    sde_sample_freq: int = Field(
        -1, ge=-1, description="Steps between new noise matrices; -1: one for each rollout."
    )
