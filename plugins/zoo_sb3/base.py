"""What all of this plugin's algorithms do around SB3's own learning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from gymnasium import Space, spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from zoo import Agent, Algorithm, Progress, State, ZooError
from zoo_sb3.episodes import begin_episodes, continue_episodes
from zoo_sb3.export import export_agent
from zoo_sb3.policies import choose_policy, plain_kwargs, policy_kwargs
from zoo_sb3.rng import RandomStreams
from zoo_sb3.state import load_model_state, model_state
from zoo_sb3.support import ARRAYS, check_actions, check_config, check_observations
from zoo_sb3.vec_env import HostVecEnv

OF_THE_PLUGIN = {"policy", "policy_kwargs", "normalize"}
"""Keys of every config that SB3's classes do not take, or not as they stand."""


class SB3Algorithm(Algorithm):
    """A model of SB3 around the host's environment.

    `Model` is SB3's class, `observations` (or the entries of a Dict) and `actions` are the
    spaces that it handles. The model is built when the
    number of copies of the environment is known, or when it is asked for before. Everything
    that draws random numbers happens inside `with self.streams:`, in the order of SB3's `learn`.
    """

    Model: ClassVar[type[BaseAlgorithm]]
    observations: ClassVar[tuple[type[Space[Any]], ...]] = ARRAYS
    actions: ClassVar[tuple[type[Space[Any]], ...]] = (spaces.Box,)
    monitored: ClassVar[bool] = False
    """Whether SB3 is to see the copies as if each were inside its `Monitor`."""

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces and settings that do not go together."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        name = type(self).__name__
        check_observations(name, observation_space, self.observations)
        check_actions(name, action_space, self.actions)
        check_config(config, observation_space, action_space)
        known = tuple(self.Model.policy_aliases)
        self.policy_name = choose_policy(name, config.policy, known, observation_space)
        self.streams = RandomStreams(device)
        self.model: Any = None
        self._started = False

    def arguments(self, num_envs: int) -> dict[str, Any]:
        """Return the arguments for `Model` that the config holds."""
        names = set(type(self.config).model_fields) - OF_THE_PLUGIN
        return {name: getattr(self.config, name) for name in names}

    def check_environment(self) -> None:
        """Raise `ZooError` where the environment lacks something that learning needs."""

    def begin(self, env: Any, steps: int) -> tuple[Any, BaseCallback]:
        """Return the model, ready to learn on `env` up to `steps`, and SB3's callback."""
        model = self._built(env.num_envs)
        self.vec_env.attach(env)
        self.check_environment()
        with self.streams:
            start = continue_episodes if self._started else begin_episodes
            callback = start(model, self.vec_env, steps)
        self._started = True
        return model, callback

    def progress(self) -> Progress:
        """Return where training stands, with what SB3 has logged since the last time."""
        logger = self.model.logger
        metrics = {name: float(value) for name, value in logger.name_to_value.items()}
        if self.model.ep_success_buffer:
            metrics["rollout/success_rate"] = float(np.mean(self.model.ep_success_buffer))
        logger.dump()
        return Progress(self.model.num_timesteps, self.vec_env.episodes, metrics)

    def agent(self) -> Agent:
        """Return the current policy, portable where it consists of fully connected layers."""
        model = self._built()
        return export_agent(
            model,
            self.policy_name,
            plain_kwargs(self.config.policy_kwargs),
            self.observation_space,
            self.action_space,
        )

    def state(self) -> State:
        """Return parameters, optimisers, buffers, counters and random numbers, all copied."""
        model = self._built()
        return {
            "seed": self.seed,
            "num_envs": self.vec_env.num_envs,
            "episodes": self.vec_env.episodes,
            "started": self._started,
            "model": model_state(model),
            "random": self.streams.state(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.seed = state["seed"]
        with self.streams:
            self._build(state["num_envs"])
        load_model_state(self.model, state["model"])
        self.streams.load_state(state["random"])
        self.vec_env.episodes = state["episodes"]
        self._started = state["started"]

    def _built(self, num_envs: int | None = None) -> Any:
        """Return the model for `num_envs` copies, by default for those that it has, or one."""
        if self.model is not None and num_envs in (None, self.vec_env.num_envs):
            return self.model
        if self._started:
            raise ZooError(
                f"training began with {self.vec_env.num_envs} copies of the environment and "
                f"cannot go on with {num_envs}",
                f"Use {self.vec_env.num_envs} copies",
            )
        with self.streams:
            self._build(num_envs or 1)
        return self.model

    def _build(self, num_envs: int) -> None:
        env: VecEnv
        env = self.vec_env = HostVecEnv(
            self.observation_space, self.action_space, num_envs, monitored=self.monitored
        )
        with _as_zoo_errors(type(self).__name__):
            settings = self.config.normalization
            if settings is not None:
                gamma = getattr(self.config, "gamma", 0.99)
                env = VecNormalize(env, gamma=gamma, **settings.model_dump())
            self.model = self.Model(
                self.policy_name,
                env,
                policy_kwargs=policy_kwargs(plain_kwargs(self.config.policy_kwargs)),
                seed=self.seed,
                device=self.device,
                **self.arguments(num_envs),
            )
        self.model.set_logger(Logger(None, []))


@contextmanager
def _as_zoo_errors(name: str) -> Iterator[None]:
    """Turn what SB3 says about settings that do not fit one another into a `ZooError`.

    Its warnings (about a truncated last minibatch, or a GPU for a small network) are not shown.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (AssertionError, ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        said = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise ZooError(
            f"{name} cannot be built with this config: {said}",
            "Change the keys that it speaks of, in the recipe or with --set",
        ) from error
