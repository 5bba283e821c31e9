"""What the configs of the family share, under the names that RL Zoo's users know."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from zoo import Config, Schedule, ScheduleValue
from zoo_torch.configuration import Activation, EncoderName, OffPolicyConfig, Units


class NetworkKwargs(Config):
    """How the value network is built."""

    net_arch: Units | None = Field(
        None,
        description="Units of the hidden layers; null: [64, 64], and none behind the encoder of an "
        "image.",
    )
    activation_fn: Activation = Field("relu", description="Activation after each hidden layer.")
    encoder: EncoderName | None = Field(
        None,
        description="Network that reads images; null: nature where there are images of bytes. A "
        "name also has other three-dimensional Boxes read as images.",
    )


class ValueConfig(OffPolicyConfig):
    """What every value-based learner takes."""

    policy_kwargs: NetworkKwargs = Field(NetworkKwargs(), description="How the network is built.")
    learning_rate: ScheduleValue = Field(Schedule.parse(1e-4), description="Step size of Adam.")
    batch_size: int = Field(32, ge=1, description="Transitions in a minibatch.")
    train_freq: int = Field(4, ge=1, description="Steps of each copy between updates.")
    tau: float = Field(
        1.0, gt=0, le=1, description="Share of the online network that its target takes over in "
        "an update of the target: 1 for all of it.",
    )  # fmt: skip
    target_update_interval: int = Field(
        10_000, ge=1, description="Steps between updates of the target network."
    )
    max_grad_norm: float | None = Field(
        10.0, gt=0, description="Largest norm of the gradient; null: any."
    )
    adam_eps: float | None = Field(
        1e-8,
        gt=0,
        description="Adam's epsilon; null: 0.01 / batch_size, as C51 and QR-DQN have it.",
    )

    @property
    def longest_gradient(self) -> float:
        """The norm that gradients are clipped at."""
        return math.inf if self.max_grad_norm is None else self.max_grad_norm

    @property
    def optimizer_eps(self) -> float:
        return 0.01 / self.batch_size if self.adam_eps is None else self.adam_eps


class EpsilonConfig(ValueConfig):
    """What the learners take that now and then act at random."""

    exploration_fraction: float = Field(
        0.1, gt=0, le=1, description="Share of the run over which epsilon falls."
    )
    exploration_initial_eps: float = Field(
        1.0, ge=0, le=1, description="Chance of a random action at the start."
    )
    exploration_final_eps: float = Field(
        0.05, ge=0, le=1, description="Chance of a random action in the end."
    )

    def epsilon(self, remaining: float) -> float:
        """Return the chance of a random action when `remaining`, from 1 to 0, is left."""
        done = min((1 - remaining) / self.exploration_fraction, 1.0)
        return (1 - done) * self.exploration_initial_eps + done * self.exploration_final_eps


class AtomsConfig(Config):
    """What the learners take that learn distributions on fixed returns."""

    n_atoms: int = Field(
        51, ge=2, le=10_000, description="Returns that the distributions are made of, N."
    )
    v_min: float = Field(-10.0, description="The least of them.")
    v_max: float = Field(10.0, description="The largest of them.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.v_min >= self.v_max:
            raise ValueError(f"v_min {self.v_min} is not below v_max {self.v_max}")
        with np.errstate(all="ignore"):
            z = self.atoms()
            if not np.isfinite(z[-1] - z[0]):
                raise ValueError(f"v_min {self.v_min} and v_max {self.v_max} are too far apart")
        if not (z[1:] > z[:-1]).all():
            raise ValueError(
                f"v_min {self.v_min} and v_max {self.v_max} are too near each other for "
                f"{self.n_atoms} different atoms of 32 bits"
            )
        return self

    def atoms(self) -> np.ndarray:
        """Return z (N,) float32, at equal distances."""
        return np.linspace(self.v_min, self.v_max, self.n_atoms, dtype=np.float32)


class PrioritizedConfig(Config):
    """What the learners take that draw transitions by their errors."""

    alpha: float = Field(
        0.6, ge=0, le=1, description="How much priorities count: 0 to draw all alike."
    )
    beta: float = Field(
        0.4, ge=0, le=1, description="How much weights make up for what priorities bias, at the "
        "start; 1 in the end.",
    )  # fmt: skip

    def correction(self, remaining: float) -> float:
        """Return beta when `remaining`, from 1 to 0, is left of the training."""
        return 1 - remaining * (1 - self.beta)
