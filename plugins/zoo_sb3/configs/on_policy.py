"""Hyperparameters of PPO, its two variants, A2C and TRPO."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo import Schedule, ScheduleValue
from zoo_sb3.configs.common import GAMMA, LEARNING_RATE, POLICY, Exploration, Policy, SB3Config
from zoo_sb3.configs.policy import ActorCriticKwargs, GaussianKwargs, LstmKwargs

KWARGS = "How the networks are built."
N_STEPS = "Steps of each copy of the environment between updates."
BATCH_SIZE = "Samples in a minibatch."
GAE_LAMBDA = "Weight of longer returns in the advantage, from 0 (one step) to 1 (all)."
TARGET_KL = "Stop an update early when the policy has moved 1.5 times this far; null: never."


class OnPolicyConfig(SB3Config):
    """What all of them take."""

    policy: str = Field("auto", description=POLICY)
    policy_kwargs: ActorCriticKwargs | None = Field(None, description=KWARGS)
    gamma: float = Field(0.99, ge=0, le=1, description=GAMMA)


class GradientConfig(OnPolicyConfig):
    """What PPO, its variants and A2C take."""

    ent_coef: float = Field(0.0, description="Weight of the entropy in the loss.")
    vf_coef: float = Field(0.5, ge=0, description="Weight of the value function's loss.")
    max_grad_norm: float = Field(0.5, gt=0, description="Largest norm of the gradient.")


class ClipConfig(GradientConfig):
    """What PPO and its variants take: the clipped objective."""

    learning_rate: ScheduleValue = Field(Schedule.parse(3e-4), description=LEARNING_RATE)
    n_steps: int = Field(2048, ge=1, description=N_STEPS)
    n_epochs: int = Field(10, ge=1, description="Passes over the samples in each update.")
    gae_lambda: float = Field(0.95, ge=0, le=1, description=GAE_LAMBDA)
    clip_range: ScheduleValue = Field(
        Schedule.parse(0.2), description="How far the probability ratio may be from 1."
    )
    clip_range_vf: ScheduleValue | None = Field(
        None, description="How far a value may move in an update; null: as far as it will."
    )
    normalize_advantage: bool = Field(
        True, description="Give the advantages of each minibatch mean 0 and deviation 1."
    )
    target_kl: float | None = Field(None, gt=0, description=TARGET_KL)


class PPOConfig(ClipConfig, Exploration):
    """Proximal policy optimisation."""

    policy: Policy = Field("auto", description=POLICY)
    policy_kwargs: GaussianKwargs | None = Field(None, description=KWARGS)
    batch_size: int = Field(64, ge=1, description=BATCH_SIZE)


class MaskablePPOConfig(ClipConfig):
    """PPO that leaves out actions which the environment does not allow."""

    policy: Policy = Field("auto", description=POLICY)
    batch_size: int = Field(64, ge=1, description=BATCH_SIZE)
    use_masking: bool = Field(
        True, description="Ask the environment's `action_masks()` which actions are allowed."
    )


class RecurrentPPOConfig(ClipConfig, Exploration):
    """PPO with a memory."""

    policy: Literal["auto", "MlpLstmPolicy", "CnnLstmPolicy", "MultiInputLstmPolicy"] = Field(
        "auto", description=POLICY
    )
    policy_kwargs: LstmKwargs | None = Field(None, description=KWARGS)
    n_steps: int = Field(128, ge=1, description=N_STEPS)
    batch_size: int | None = Field(
        128, ge=1, description="Samples in a minibatch; null: all of a rollout."
    )


class A2CConfig(GradientConfig, Exploration):
    """Advantage actor-critic."""

    policy: Policy = Field("auto", description=POLICY)
    policy_kwargs: GaussianKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(Schedule.parse(7e-4), description=LEARNING_RATE)
    n_steps: int = Field(5, ge=1, description=N_STEPS)
    gae_lambda: float = Field(1.0, ge=0, le=1, description=GAE_LAMBDA)
    rms_prop_eps: float = Field(1e-5, gt=0, description="RMSprop's epsilon.")
    use_rms_prop: bool = Field(True, description="Use RMSprop; false: Adam.")
    normalize_advantage: bool = Field(
        False, description="Give the advantages of each update mean 0 and deviation 1."
    )


class TRPOConfig(OnPolicyConfig, Exploration):
    """Trust region policy optimisation."""

    policy: Policy = Field("auto", description=POLICY)
    policy_kwargs: GaussianKwargs | None = Field(None, description=KWARGS)
    learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size of the value function's optimiser."
    )
    n_steps: int = Field(2048, ge=1, description=N_STEPS)
    batch_size: int = Field(128, ge=1, description="Samples in the value function's minibatches.")
    cg_max_steps: int = Field(15, ge=1, description="Most steps of the conjugate gradient.")
    cg_damping: float = Field(0.1, ge=0, description="Damping of the Hessian-vector product.")
    line_search_shrinking_factor: float = Field(
        0.8, gt=0, lt=1, description="Factor by which the line search shortens the step."
    )
    line_search_max_iter: int = Field(10, ge=1, description="Most tries of the line search.")
    n_critic_updates: int = Field(
        10, ge=1, description="Passes of the value function over the samples in each update."
    )
    gae_lambda: float = Field(0.95, ge=0, le=1, description=GAE_LAMBDA)
    normalize_advantage: bool = Field(
        True, description="Give the advantages mean 0 and deviation 1."
    )
    target_kl: float = Field(0.01, gt=0, description="How far the policy may move in an update.")
    sub_sampling_factor: int = Field(
        1, ge=1, description="Use every so many-th sample for the policy's update."
    )
