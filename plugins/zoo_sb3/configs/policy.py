"""`policy_kwargs`: how the networks are built. A key left out has SB3's default."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from zoo import Config

Units = list[PositiveInt]
Activation = Literal["tanh", "relu", "elu", "leaky-relu", "gelu", "silu"]
Optimizer = Literal["adam", "adamw", "rmsprop", "rmsprop-tf-like"]

ARCHITECTURE = "Units of the hidden layers; [] for none."
ACTIVATION = "Activation after each hidden layer."


class OptimizerKwargs(Config):
    """Arguments of the optimiser; not every optimiser takes all of them."""

    eps: float | None = Field(None, gt=0, description="Added to the denominator.")
    betas: tuple[float, float] | None = Field(
        None, description="Adam: decay of the two moment estimates."
    )
    alpha: float | None = Field(None, ge=0, lt=1, description="RMSprop: decay of the mean square.")
    weight_decay: float | None = Field(None, ge=0, description="Decay of the weights.")
    momentum: float | None = Field(None, ge=0, description="RMSprop: momentum.")
    centered: bool | None = Field(None, description="RMSprop: divide by the estimated variance.")
    amsgrad: bool | None = Field(None, description="Adam: never let the step size grow again.")


class FeaturesKwargs(Config):
    """Arguments of the network that reads the observations."""

    features_dim: PositiveInt | None = Field(None, description="Images: outputs of the CNN.")
    cnn_output_dim: PositiveInt | None = Field(
        None, description="Dict observations: outputs of the CNN of each image."
    )


class PolicyKwargs(Config):
    """What every policy takes, that of ARS excepted."""

    activation_fn: Activation | None = Field(None, description=ACTIVATION)
    features_extractor_kwargs: FeaturesKwargs | None = Field(
        None, description="How images are read."
    )
    normalize_images: bool | None = Field(None, description="Divide images by 255.")
    optimizer_class: Optimizer | None = Field(None, description="The optimiser; adam by default.")
    optimizer_kwargs: OptimizerKwargs | None = Field(
        None, description="Arguments of the optimiser, the learning rate aside."
    )


class QKwargs(PolicyKwargs):
    """DQN's network."""

    net_arch: Units | None = Field(None, description=ARCHITECTURE)


class QuantileKwargs(QKwargs):
    """QR-DQN's network."""

    n_quantiles: PositiveInt | None = Field(None, description="Quantiles of each action's return.")


class PolicyValueUnits(Config):
    """Hidden layers of the policy and of the value function."""

    pi: Units = Field([], description="Units of the policy's hidden layers.")
    vf: Units = Field([], description="Units of the value function's hidden layers.")


class ActorCriticKwargs(PolicyKwargs):
    """A policy and a value function, with no exploration noise of their own."""

    net_arch: Units | PolicyValueUnits | None = Field(
        None, description="Units of the hidden layers: one list for both networks, or {pi, vf}."
    )
    ortho_init: bool | None = Field(None, description="Begin with orthogonal weights.")
    share_features_extractor: bool | None = Field(
        None, description="Read the observation once for policy and value function."
    )


class GaussianKwargs(ActorCriticKwargs):
    """A policy and a value function for PPO, A2C and TRPO."""

    log_std_init: float | None = Field(
        None, description="Log of the standard deviation at the start; 0 by default."
    )
    full_std: bool | None = Field(
        None, description="gSDE: a deviation for every feature and action."
    )
    use_expln: bool | None = Field(None, description="gSDE: a positive deviation by expln.")
    squash_output: bool | None = Field(None, description="gSDE: bound the actions by tanh.")


class LstmCellKwargs(Config):
    """Further arguments of torch's LSTM."""

    dropout: float | None = Field(None, ge=0, lt=1, description="Dropout between layers.")


class LstmKwargs(GaussianKwargs):
    """A policy and a value function with a memory."""

    lstm_hidden_size: PositiveInt | None = Field(None, description="Units of the LSTM.")
    n_lstm_layers: PositiveInt | None = Field(None, description="Layers of the LSTM.")
    shared_lstm: bool | None = Field(None, description="One LSTM for policy and value function.")
    enable_critic_lstm: bool | None = Field(
        None, description="Give the value function an LSTM of its own."
    )
    lstm_kwargs: LstmCellKwargs | None = Field(None, description="Further arguments of the LSTM.")


class PolicyCriticUnits(Config):
    """Hidden layers of the actor and of the critics."""

    pi: Units = Field(description="Units of the actor's hidden layers.")
    qf: Units = Field(description="Units of the critics' hidden layers.")


class ActorKwargs(PolicyKwargs):
    """TD3's and DDPG's actor and critics."""

    net_arch: Units | PolicyCriticUnits | None = Field(
        None, description="Units of the hidden layers: one list for all networks, or {pi, qf}."
    )
    n_critics: PositiveInt | None = Field(None, description="Number of critics.")
    share_features_extractor: bool | None = Field(
        None, description="Read the observation once for actor and critics."
    )


class SquashedActorKwargs(ActorKwargs):
    """SAC's actor and critics."""

    log_std_init: float | None = Field(
        None, description="gSDE: log of the standard deviation at the start; -3 by default."
    )
    use_expln: bool | None = Field(None, description="gSDE: a positive deviation by expln.")
    clip_mean: float | None = Field(None, description="gSDE: bound of the mean; 2 by default.")


class QuantileActorKwargs(SquashedActorKwargs):
    """TQC's actor and critics."""

    n_quantiles: PositiveInt | None = Field(None, description="Quantiles of each critic.")


class BatchNormActorKwargs(SquashedActorKwargs):
    """CrossQ's actor and critics."""

    batch_norm: bool | None = Field(None, description="Normalise the batches between layers.")
    batch_norm_momentum: float | None = Field(
        None, gt=0, le=1, description="Rate at which the running statistics follow."
    )
    batch_norm_eps: float | None = Field(None, gt=0, description="Added to the variance.")
    renorm_warmup_steps: NonNegativeInt | None = Field(
        None, description="Updates before the running statistics are used in training."
    )


class SearchKwargs(Config):
    """ARS's policy; a LinearPolicy has no hidden layers."""

    net_arch: Units | None = Field(None, description=ARCHITECTURE)
    activation_fn: Activation | None = Field(None, description=ACTIVATION)
    with_bias: bool | None = Field(None, description="Give the layers a bias.")
    squash_output: bool | None = Field(None, description="Bound the actions by tanh.")
