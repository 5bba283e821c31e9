"""Asynchronous one-step Q-learning: algorithm 1 of https://arxiv.org/abs/1602.01783.

Each actor-learner, with the paper's symbols, acts epsilon-greedily by Q(s, a; theta'), and from
every step accumulates the gradient of (y - Q(s, a; theta'))^2, where

    y = r for terminal s', r + gamma max_a' Q(s', a'; theta-) else

At the end of an episode, and every I_AsyncUpdate = `n_steps` steps, it changes theta by that
gradient. Whenever all together have taken I_target more steps, theta- = theta. Section 4,
"Asynchronous one-step Q-learning": actor-learners explore by different epsilons. They come down
from 1 to 0.1, 0.01 or 0.5, one of which each draws anew, with probabilities 0.4, 0.3 and 0.3, when
an episode begins.

The threads of algorithm 1 act and differentiate by theta itself; here, as in the paper's other
algorithms, by theta' = theta as it was at their last update. The loop, and who runs it, are in
`zoo_torch.actor_learners` and `zoo_torch.asynchronous`.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from gymnasium import Space
from pydantic import Field, model_validator

from zoo import Agent, State
from zoo.agents.heads import QValue
from zoo_dqn.configuration import NetworkKwargs
from zoo_dqn.learner import discrete
from zoo_dqn.networks import QNetwork
from zoo_torch.actor_learners import ActorLearner, Segment
from zoo_torch.agents import layered_agent
from zoo_torch.asynchronous import AsynchronousAlgorithm, AsynchronousConfig
from zoo_torch.encoders import encoder_for
from zoo_torch.rows import rows_for


class AsyncQConfig(AsynchronousConfig):
    """Asynchronous one-step Q-learning."""

    policy_kwargs: NetworkKwargs = Field(NetworkKwargs(), description="How the network is built.")
    target_update_interval: int = Field(
        10_000, ge=1, description="Steps I_target, of all copies together, between updates of the "
        "target network; the paper has 40,000 frames for Atari.",
    )  # fmt: skip
    exploration_fraction: float = Field(
        0.1, gt=0, le=1, description="Share of the run over which epsilon falls."
    )
    exploration_initial_eps: float = Field(
        1.0, ge=0, le=1, description="Chance of a random action at the start."
    )
    exploration_final_eps: tuple[float, ...] = Field(
        (0.1, 0.01, 0.5), min_length=1, description="Chances of a random action in the end, one of "
        "which an actor-learner draws for each episode.",
    )  # fmt: skip
    exploration_probabilities: tuple[float, ...] = Field(
        (0.4, 0.3, 0.3), description="How likely each of them is."
    )

    @model_validator(mode="after")
    def _one_probability_for_each(self) -> Self:
        finals, chances = self.exploration_final_eps, self.exploration_probabilities
        if len(finals) != len(chances) or min(chances) < 0 or abs(sum(chances) - 1) > 1e-6:
            raise ValueError(
                f"exploration_probabilities {list(chances)} are not one for each of "
                f"exploration_final_eps {list(finals)}, with a sum of 1"
            )
        if not all(0 <= epsilon <= 1 for epsilon in finals):
            raise ValueError(f"exploration_final_eps {list(finals)} are not all from 0 to 1")
        return self

    def epsilon(self, final: float, remaining: float) -> float:
        """Return the chance of a random action when `remaining`, from 1 to 0, is left of the
        training, for one that falls to `final`."""
        done = min((1 - remaining) / self.exploration_fraction, 1.0)
        return self.exploration_initial_eps + done * (final - self.exploration_initial_eps)


class AsyncQLearner(ActorLearner):
    """What one thread does."""

    def __init__(self, algorithm: AsyncQ, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.algorithm, self.config = algorithm, algorithm.config
        self.Q = algorithm.make_network(rng)
        self.parameters, self.gradient = self.Q.parameters, self.Q.gradient
        self.final = self.config.exploration_final_eps[0]

    def begin_episode(self) -> None:
        config = self.config
        chances = np.array(config.exploration_probabilities)
        chosen = self.rng.choice(len(chances), p=chances / chances.sum())
        self.final = config.exploration_final_eps[int(chosen)]

    def act(self, row: np.ndarray, remaining: float) -> np.ndarray:
        if self.rng.random() < self.config.epsilon(self.final, remaining):
            return self.rng.integers(self.Q.row[0], size=1)
        return self.Q.infer(row).argmax(1)

    def accumulate(self, segment: Segment) -> dict[str, float]:
        next_rows = np.concatenate([segment.rows[1:], segment.last])
        y = segment.rewards + np.float32(self.config.gamma) * self._worth(next_rows, segment)
        Q = self.Q.forward(segment.rows)
        taken = np.arange(len(y)), segment.actions
        error = Q[taken] - y
        by_Q = np.zeros_like(Q)
        by_Q[taken] = 2 * error  # of the sum of (y - Q)^2
        with np.errstate(all="ignore"):  # a gradient that is not finite is for others to refuse
            self.Q.backward(by_Q)
        return {"train/loss": float(np.square(error).mean()), "train/value": float(Q.max(1).mean())}

    def _worth(self, next_rows: np.ndarray, segment: Segment) -> np.ndarray:
        """Return max_a' Q(s', a'; theta-) (t,) of the states that each step led to, 0 where it
        is terminal."""
        values = self.algorithm.target().infer(next_rows).max(1)
        if segment.terminated:
            values[-1] = 0.0
        return values

    def lasting(self) -> State:
        return super().lasting() | {"final": self.final}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.final = state["final"]


class AsyncQ(AsynchronousAlgorithm):
    """Many actor-learners on one theta, and theta- that follows it."""

    Config = AsyncQConfig
    learner: AsyncQLearner

    def __init__(
        self,
        config: AsyncQConfig,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Compute on the CPU whatever the `device`: so do the paper's threads."""
        self._actions, self._start = discrete(action_space)
        self.config, self.observation_space = config, observation_space
        self._rows = rows_for(observation_space, config.policy_kwargs.encoder)
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.shared["theta-"] = self.shared["theta"].copy()
        self.shared["followed"] = np.zeros(1, np.int64)
        self._target = self.make_network(np.random.default_rng(0))

    def make_learner(self, rng: np.random.Generator) -> AsyncQLearner:
        return AsyncQLearner(self, rng)

    def make_network(self, rng: np.random.Generator) -> QNetwork:
        """Return a network with weights out of `rng`."""
        kwargs = self.config.policy_kwargs
        encoder = encoder_for(self.observation_space, kwargs.encoder, rng=rng, orthogonal=False)
        usual = [] if self._rows.of_an_image else [64, 64]
        return QNetwork(
            encoder.outputs if encoder else self._rows.shape[0],
            usual if kwargs.net_arch is None else kwargs.net_arch,
            (self._actions,),
            activation=kwargs.activation_fn,
            rng=rng,
            encoder=encoder,
        )

    def target(self) -> QNetwork:
        """Return Q(s, a; theta-) as it is now."""
        self._target.parameters[:] = self.shared["theta-"]
        return self._target

    def stepped(self, T: int) -> None:
        """Let theta- = theta where T has come to another multiple of I_target."""
        due, followed = T // self.config.target_update_interval, self.shared["followed"]
        if due > followed[0]:  # two processes may both find so: then theta- is theta all the same
            followed[0] = due
            self.shared["theta-"][:] = self.shared["theta"]

    def rows(self, observations: Any) -> np.ndarray:
        return self._rows(observations)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions + self._start

    def agent(self) -> Agent:
        """Return the greedy policy, of the portable kind `mlp`, or `cnn` behind an encoder; where
        it explores, it does as the least curious of the actor-learners."""
        self.show()
        Q, epsilon = self.learner.Q, min(self.config.exploration_final_eps)
        return layered_agent(
            self.observation_space, self.action_space, Q.layers(), QValue(epsilon),
            encoder=Q.encoder,
        )  # fmt: skip
