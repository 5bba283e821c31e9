"""Asynchronous advantage actor-critic: algorithm S3 of https://arxiv.org/abs/1602.01783.

Each actor-learner repeats, with the paper's symbols:

    theta' = theta, theta'_v = theta_v
    t_start = t; until s_t is terminal or t - t_start = t_max:
        perform a_t by pi(a_t|s_t; theta'), receive r_t and s_t+1
    R = 0 for a terminal s_t, V(s_t; theta'_v) else
    for i from t - 1 down to t_start:
        R <- r_i + gamma R
        d theta   += grad log pi(a_i|s_i; theta') (R - V(s_i; theta'_v)) + beta grad H
        d theta_v += d (R - V(s_i; theta'_v))^2 / d theta'_v
    change theta by d theta and theta_v by d theta_v

That loop, and who runs it, are in `zoo_torch.actor_learners` and `zoo_torch.asynchronous`; here is
how an actor-learner acts, and its gradient. A truncated episode is not terminal: R is the value of
its last state. theta and theta_v, of networks that are apart (but for an encoder of images), are
one vector.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import Agent
from zoo_torch.actor_critic import ActorCritic, Slopes
from zoo_torch.actor_learners import ActorLearner, Segment
from zoo_torch.agents import layered_agent
from zoo_torch.asynchronous import AsynchronousAlgorithm, AsynchronousConfig
from zoo_torch.configuration import PolicyKwargs
from zoo_torch.encoders import encoder_for
from zoo_torch.families import family_of
from zoo_torch.on_policy import make_actor_critic
from zoo_torch.rows import rows_for


class A3CConfig(AsynchronousConfig):
    """Asynchronous advantage actor-critic."""

    policy_kwargs: PolicyKwargs = Field(PolicyKwargs(), description="How the networks are built.")
    ent_coef: float = Field(0.01, description="Weight beta of the entropy.")
    vf_coef: float = Field(0.5, ge=0, description="Weight of the value function's loss.")


class A3CLearner(ActorLearner):
    """What one thread does."""

    def __init__(self, model: ActorCritic, config: A3CConfig, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.model, self.config = model, config
        self.parameters, self.gradient = model.parameters, model.gradient

    def act(self, row: np.ndarray, remaining: float) -> np.ndarray:
        family = self.model.family
        outputs, _ = self.model.act(row)
        return family.draw(outputs, self.model.log_std, family.noise(self.rng, 1, 1)[0])

    def accumulate(self, segment: Segment) -> dict[str, float]:
        config = self.config
        end = 0.0 if segment.terminated else float(self.model.values(segment.last)[0])
        R = returns(segment.rewards, end, config.gamma)
        pi, V = self.model.evaluate(segment.rows)
        self.model.backward(pi, segment.actions, a3c_slopes(V, R, config))
        return {
            "train/value_loss": float(np.square(V - R).mean()),
            "train/entropy": float(pi.entropy().mean()),
        }


class A3C(AsynchronousAlgorithm):
    """Many actor-learners on one theta."""

    Config = A3CConfig
    learner: A3CLearner

    def __init__(
        self,
        config: A3CConfig,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Compute on the CPU whatever the `device`: so do the paper's threads."""
        self._rows = rows_for(observation_space, config.policy_kwargs.encoder)
        self._family = family_of(action_space)
        super().__init__(config, observation_space, action_space, seed=seed, device=device)

    def make_learner(self, rng: np.random.Generator) -> A3CLearner:
        kwargs = self.config.policy_kwargs
        encoder = encoder_for(
            self.observation_space, kwargs.encoder, rng=rng, orthogonal=kwargs.ortho_init
        )
        model = make_actor_critic(self._rows, self.action_space, kwargs, encoder=encoder, rng=rng)
        return A3CLearner(model, self.config, rng)

    def rows(self, observations: Any) -> np.ndarray:
        return self._rows(observations)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return self._family.in_space(actions)

    def agent(self) -> Agent:
        """Return the current policy, of the portable kind `mlp`, or `cnn` behind an encoder."""
        self.show()
        model = self.learner.model
        return layered_agent(
            self.observation_space,
            self.action_space,
            model.layers(),
            model.family.head(model.log_std),
            encoder=model.encoder,
        )


def returns(rewards: np.ndarray, end: float, gamma: float) -> np.ndarray:
    """Return R (t,) of each step: R_i = r_i + gamma R_i+1, and R_t = `end`."""
    backwards = accumulate(rewards[::-1].tolist(), lambda R, r: r + gamma * R, initial=end)
    return np.array(list(backwards)[:0:-1], np.float32)


def a3c_slopes(V: np.ndarray, R: np.ndarray, config: A3CConfig) -> Slopes:
    """Return the derivatives of the loss whose gradient is d theta, to be descended along:

        L = sum_i c_v (R_i - V_i)^2 - (R_i - V_i) log pi(a_i|s_i) - beta H_i

    where the advantage R - V, in the second term, counts as a constant.
    """
    error = V - R
    return Slopes(
        log_prob=error,
        values=error * np.float32(2 * config.vf_coef),
        entropy=-config.ent_coef,
    )
