"""What algorithms do around their loop that learn from what their policy has just done."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from gymnasium import Space, spaces
from pydantic import BaseModel

from zoo import Agent, Algorithm, Progress, State
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.agents import layered_agent
from zoo_torch.checks import check_learnt, diverged
from zoo_torch.configuration import OnPolicyConfig, PlainKwargs
from zoo_torch.encoders import Encoder, adam_for, encoder_for
from zoo_torch.families import family_of
from zoo_torch.normalization import ObservationNormalizer, RewardScaler
from zoo_torch.optimizers import Adam, Optimizer, clip_norm
from zoo_torch.rollout import Collector, Senses
from zoo_torch.rows import FLATTEN, Rows, rows_for
from zoo_torch.threads import one_blas_thread


class OnPolicyAlgorithm(Algorithm):
    """Networks, normalisers, counters and random numbers of an on-policy algorithm.

    A subclass gives `Config`, `make_optimizer`, and `train`: its loop, which collects rollouts
    inside `with self.experience(env) as collector:` and counts steps in `self.steps`.
    """

    Config: ClassVar[type[BaseModel]] = OnPolicyConfig
    reads_images: ClassVar[bool] = False
    """Whether images are read by `policy_kwargs.encoder`; else they are flattened."""
    networks: ClassVar[type[ActorCritic]] = ActorCritic
    """What the policy and the value function are made as."""

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that there are no networks or policies for."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.rng = np.random.default_rng([seed, 0xAC])
        rows = rows_for(observation_space, self._encoder(config))
        self.senses = self._make_senses(rows)
        self.model = self.make_model(rows, self.make_encoder())
        self.optimizer = self.make_optimizer()
        self.value_optimizer = self.make_value_optimizer()
        self.steps = self.episodes = self.updates = 0

    @classmethod
    def encodes(cls, config: Any, observation_space: Space[Any]) -> bool:
        return bool(rows_for(observation_space, cls._encoder(config)).images)

    @classmethod
    def _encoder(cls, config: Any) -> str | None:
        """Return which encoder reads images."""
        return config.policy_kwargs.encoder if cls.reads_images else FLATTEN

    def _make_senses(self, rows: Rows) -> Senses:
        settings, space = self.config.normalization, self.observation_space
        images = [one.key for one in rows.images]
        return Senses(
            rows,
            ObservationNormalizer(settings, space, images) if settings.norm_obs else None,
            RewardScaler(settings, self.config.gamma) if settings.norm_reward else None,
        )

    def make_encoder(self) -> Encoder | None:
        """Return a new encoder of the observations, None where nothing is encoded."""
        return encoder_for(
            self.observation_space, self._encoder(self.config), device=self.device, rng=self.rng,
            orthogonal=self.config.policy_kwargs.ortho_init,
        )  # fmt: skip

    def make_value_encoder(self) -> Encoder | None:
        """Return the value function's own; None where it reads the features of the policy's."""
        return None

    def make_model(self, rows: Rows, encoder: Encoder | None) -> ActorCritic:
        """Return the networks, which read `rows` or what `encoder` makes of them."""
        return make_actor_critic(
            rows, self.action_space, self.config.policy_kwargs, networks=self.networks,
            rng=self.rng, encoder=encoder, value_encoder=self.make_value_encoder(),
        )  # fmt: skip

    def make_optimizer(self) -> Optimizer:
        """Return the optimiser of `self.model.parameters`."""
        raise NotImplementedError

    def adam(self, *, eps: float) -> Adam:
        """Return Adam of `self.model.parameters`."""
        encodes = self.encodes(self.config, self.observation_space)
        return adam_for(self.model.parameters, eps=eps, encodes=encodes)

    def make_value_optimizer(self) -> Optimizer | None:
        """Return another one of them for the value function, where it has its own."""
        return None

    @contextmanager
    def experience(self, env: Any, n_steps: int | None = None) -> Iterator[Collector]:
        """Give what collects rollouts from `env`, for the length of a training; they are of
        `n_steps`, or else of as many as the config says."""
        n_steps = self.config.n_steps if n_steps is None else n_steps
        with one_blas_thread():
            yield self.make_collector(env, n_steps)

    def make_collector(self, env: Any, n_steps: int) -> Collector:
        """Return what collects rollouts of `n_steps` from `env`."""
        return Collector(env, self.model, self.senses, n_steps=n_steps, gamma=self.config.gamma)

    def count(self, collector: Collector) -> None:
        """Count the rollout that `collector` has just made."""
        self.steps += collector.n_steps * collector.env.num_envs
        self.episodes += collector.episodes
        collector.episodes = 0

    def descend(self, rate: float, optimizer: Optimizer | None = None) -> None:
        """Step along the model's gradient, clipped; `ZooError` where training has diverged."""
        self.check_norm(clip_norm(self.model.gradient, self.config.longest_gradient))
        (optimizer or self.optimizer).step(self.model.parameters, self.model.gradient, rate)
        self.updates += 1

    def check_norm(self, norm: float) -> None:
        """Raise `ZooError` where the norm of a gradient says that training has diverged."""
        if not math.isfinite(norm):
            raise diverged(
                self.steps,
                f"the gradient's norm is {norm}, after {self.updates:,} updates",
                self._remedy(),
            )

    def _remedy(self) -> str:
        """Return what may keep training from diverging, of what can be set here."""
        both = hasattr(self.config, "vf_learning_rate")
        rates = "learning_rate or vf_learning_rate" if both else "learning_rate"
        space, senses = self.observation_space, self.senses
        vector = isinstance(space, spaces.Box) and len(space.shape) == 1
        off = senses.observations is None and senses.rewards is None
        return f"Lower {rates}" + (", or set normalize: true" if vector and off else "")

    def progress(self, metrics: dict[str, float]) -> Progress:
        """Return where training stands; `ZooError` where that is nowhere."""
        with np.errstate(all="ignore"):
            deviation = np.exp(self.model.log_std)
        check_learnt({"parameters": self.model.parameters, "deviation": deviation}, self.steps)
        return Progress(self.steps, self.episodes, metrics)

    def agent(self) -> Agent:
        """Return the current policy, of the portable kind `mlp`, or `cnn` behind an encoder."""
        normalizer = self.senses.observations
        return layered_agent(
            self.observation_space,
            self.action_space,
            self.model.layers(),
            self.model.family.head(self.model.log_std),
            encoder=self.model.encoder,
            normalization=() if normalizer is None else normalizer.steps(),
        )

    def state(self) -> State:
        """Return parameters, optimiser, normalisers, counters and random numbers, all copied."""
        observations, rewards = self.senses.observations, self.senses.rewards
        return {
            "steps": self.steps,
            "episodes": self.episodes,
            "updates": self.updates,
            "parameters": self.model.parameters.copy(),
            "optimizer": self.optimizer.state(),
            "value_optimizer": self.value_optimizer and self.value_optimizer.state(),
            "observations": None if observations is None else observations.state(),
            "rewards": None if rewards is None else rewards.state(),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.steps, self.episodes = state["steps"], state["episodes"]
        self.updates = state["updates"]
        self.model.parameters[:] = state["parameters"]
        self.optimizer.load_state(state["optimizer"])
        for part, saved in (
            (self.value_optimizer, state["value_optimizer"]),
            (self.senses.observations, state["observations"]),
            (self.senses.rewards, state["rewards"]),
        ):
            if part is not None:
                part.load_state(saved)
        self.rng.bit_generator.state = state["rng"]


def make_actor_critic(
    rows: Rows,
    action_space: Space[Any],
    kwargs: PlainKwargs,
    *,
    encoder: Encoder | None,
    value_encoder: Encoder | None = None,
    rng: np.random.Generator,
    networks: type[ActorCritic] = ActorCritic,
    inputs: int | None = None,
    value_inputs: int | None = None,
) -> ActorCritic:
    """Return the networks that a config asks for, which read `rows` or what an encoder makes of
    them; `inputs` of the encoder's outputs for the policy and `value_inputs` for the values, or
    all."""
    policy_units, value_units = kwargs.units([] if rows.of_an_image else [64, 64])
    if inputs is None:
        inputs = rows.shape[0] if encoder is None else encoder.outputs
    return networks(
        inputs,
        family_of(action_space),
        policy_units=policy_units,
        value_units=value_units,
        activation=kwargs.activation_fn,
        orthogonal=kwargs.ortho_init,
        log_std=kwargs.log_std_init,
        rng=rng,
        encoder=encoder,
        value_encoder=value_encoder,
        value_inputs=value_inputs,
    )
