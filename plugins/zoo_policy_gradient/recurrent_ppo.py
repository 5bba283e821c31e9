"""Proximal policy optimisation with a memory: https://arxiv.org/abs/1707.06347, and an LSTM
(https://doi.org/10.1162/neco.1997.9.8.1735) in front of policy and value function.

The loss is that of `ppo`, eq. 9 of the paper. Minibatches are made of whole sequences: those of
the copies of the environment, cut where a rollout is longer than a minibatch. The gradient goes
back through time to the beginning of a sequence, whose memory is the one that acting had then,
and is cut where an episode ended and the memory was cleared. What is left open is as in
sb3-contrib's RecurrentPPO, whose tuned hyperparameters then carry over, but for three things. An
LSTM that is shared learns from both losses, there from the policy's alone; and `shared_lstm` has
its way over `enable_critic_lstm`, where both at once are refused there. A value function without
an LSTM reads what the policy's LSTM reads, there a linear layer of it. And where other weights
begin orthogonal so do the LSTMs', with forget gates of bias 1; there they are always PyTorch's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from zoo import Agent, Progress, State
from zoo.agents.recurrent import RecurrentAgent
from zoo_policy_gradient.ppo import Clip, PPOConfig, divergence, measured, ppo_slopes
from zoo_policy_gradient.samples import Samples, samples_of
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.agents import reading_of
from zoo_torch.configuration import PolicyKwargs
from zoo_torch.encoders import Encoder
from zoo_torch.on_policy import OnPolicyAlgorithm, make_actor_critic
from zoo_torch.optimizers import Adam
from zoo_torch.recurrent import (
    RecurrentCollector,
    RecurrentEncoder,
    minibatches,
    pieces,
    sequences_of,
)
from zoo_torch.rows import Rows


class RecurrentKwargs(PolicyKwargs):
    """How networks with a memory are built."""

    lstm_hidden_size: int = Field(256, ge=1, description="Units of each LSTM.")
    enable_critic_lstm: bool = Field(
        True, description="Give the value function an LSTM of its own; false: no memory."
    )
    shared_lstm: bool = Field(
        False,
        description="Let the value function read the policy's LSTM, which learns from both, "
        "whatever enable_critic_lstm says.",
    )

    @property
    def critic(self) -> str:
        """What the value function reads, as `RecurrentEncoder` names it."""
        if self.shared_lstm:
            return "shared"
        return "own" if self.enable_critic_lstm else "none"


class RecurrentPPOConfig(PPOConfig):
    """Proximal policy optimisation with a memory."""

    policy_kwargs: RecurrentKwargs = Field(
        RecurrentKwargs(), description="How the networks are built."
    )
    n_steps: int = Field(
        128, ge=1, description="Steps of each copy of the environment between updates."
    )
    batch_size: int = Field(
        128, ge=1, description="Samples in a minibatch, of sequences that are no longer than it."
    )


class RecurrentPPO(OnPolicyAlgorithm):
    """Algorithm 1 with a policy that remembers."""

    Config = RecurrentPPOConfig
    reads_images = True

    def __init__(self, config: RecurrentPPOConfig, *spaces: Any, **settings: Any) -> None:
        super().__init__(config, *spaces, **settings)
        self.memory = np.zeros((0, self.encoder.width), np.float32)
        """What is remembered of the copies' episodes."""

    @property
    def encoder(self) -> RecurrentEncoder:
        """The memory's networks."""
        assert isinstance(self.model.encoder, RecurrentEncoder)
        return self.model.encoder

    def make_model(self, rows: Rows, encoder: Encoder | None) -> ActorCritic:
        kwargs: RecurrentKwargs = self.config.policy_kwargs
        memory: Any = RecurrentEncoder(
            encoder, rows.shape[0] if encoder is None else encoder.outputs,
            kwargs.lstm_hidden_size, critic=kwargs.critic, rng=self.rng,
            orthogonal=kwargs.ortho_init,
        )  # fmt: skip
        return make_actor_critic(
            rows, self.action_space, kwargs, encoder=memory, rng=self.rng, inputs=memory.units,
            value_inputs=memory.value_outputs,
        )  # fmt: skip

    def make_optimizer(self) -> Adam:
        return self.adam(eps=1e-5)

    def make_collector(self, env: Any, n_steps: int) -> RecurrentCollector:
        """Return what collects rollouts with a memory, in sequences that fit into minibatches."""
        config: RecurrentPPOConfig = self.config
        if len(self.memory) != env.num_envs:
            self.memory = np.zeros((env.num_envs, self.encoder.width), np.float32)
        parts = -(-n_steps // config.batch_size)
        return RecurrentCollector(
            env, self.model, self.senses, self.memory, n_steps=n_steps, gamma=config.gamma,
            every=-(-n_steps // parts),
        )  # fmt: skip

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: RecurrentPPOConfig = self.config
        with self.experience(env) as collector:
            assert isinstance(collector, RecurrentCollector)
            while self.steps < steps:
                rollout = collector.collect(self.rng, self.steps)
                self.count(collector)
                pi = self.model.behaviour(rollout.rows, rollout.outputs)
                samples = samples_of(rollout, pi, config.gamma, config.gae_lambda)
                sequences = pieces(samples, rollout.dones, collector.every)
                memories = collector.memories.reshape(-1, self.encoder.width)
                remaining = max(1 - self.steps / steps, 0.0)
                rate = config.learning_rate(remaining)
                clip = Clip.at(config, remaining)
                self._optimize(sequences, memories, rate, clip)
                rows, samples = sequences_of(sequences, memories)
                pi, V = self.model.assess(rows)  # type: ignore[arg-type]
                yield self.progress(
                    {"train/learning_rate": rate, **measured(pi, V, samples, clip.epsilon)}
                )

    @np.errstate(all="ignore")
    def _optimize(self, sequences: Samples, memories: np.ndarray, rate: float, clip: Clip) -> None:
        """Take K epochs of minibatch steps, or fewer where the policy moves too far."""
        config: RecurrentPPOConfig = self.config
        at_once = max(1, config.batch_size // len(sequences["rows"]))
        for _ in range(config.n_epochs):
            for rows, batch in minibatches(sequences, memories, at_once, self.rng):
                pi, V = self.model.evaluate(rows)  # type: ignore[arg-type]
                log_ratio = pi.log_prob(batch["actions"]) - batch["log_probs"]
                if config.target_kl and divergence(log_ratio) > 1.5 * config.target_kl:
                    return
                slopes = ppo_slopes(log_ratio, V, batch, config, clip)
                self.model.backward(pi, batch["actions"], slopes)
                self.descend(rate)

    def agent(self) -> Agent:
        """Return the current policy, of the portable kind `recurrent`, with an empty memory."""
        normalizer = self.senses.observations
        normalization = () if normalizer is None else normalizer.steps()
        return RecurrentAgent(
            self.observation_space,
            self.action_space,
            reading_of(self.observation_space, self.encoder.inner, normalization),
            self.encoder.lstms[0].portable(),
            layers=self.model.layers(),
            head=self.model.family.head(self.model.log_std),
        )

    def state(self) -> State:
        return super().state() | {"memory": self.memory.copy()}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.memory = state["memory"].copy()
