"""Implicit quantile networks: Dabney et al. (2018), https://arxiv.org/abs/1806.06923."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from zoo import Agent, ZooError
from zoo.agents.heads import QValue
from zoo_dqn.configuration import EpsilonConfig
from zoo_dqn.implicit import ImplicitQuantileNetwork
from zoo_dqn.implicit_agent import MOST, ImplicitQuantileAgent
from zoo_dqn.learner import Slopes, ValueLearner, of_actions, spread
from zoo_dqn.quantiles import quantile_huber
from zoo_torch.agents import layered_agent
from zoo_torch.replay import Batch


class IQNConfig(EpsilonConfig):
    """Implicit quantile networks."""

    n_tau: int = Field(64, ge=1, description="Quantiles that are learnt in an update, N.")
    n_target_tau: int = Field(64, ge=1, description="Quantiles that they are learnt from, N'.")
    n_policy_tau: int = Field(32, ge=1, le=MOST, description="Quantiles that choose an action, K.")
    kappa: float = Field(1.0, gt=0, description="Where the Huber loss turns linear.")
    exploration_final_eps: float = Field(
        0.01, ge=0, le=1, description="Chance of a random action in the end."
    )


class IQN(ValueLearner):
    """Learn the quantile function of the returns at random quantiles, and act by its mean."""

    Config = IQNConfig
    online: ImplicitQuantileNetwork
    target: ImplicitQuantileNetwork

    def make_network(self) -> ImplicitQuantileNetwork:
        """Return a network of which psi is the encoder or else the first hidden layer."""
        kwargs, encoder = self.config.policy_kwargs, self.encoder()
        if encoder is None and not self.units():
            raise ZooError(
                "policy_kwargs.net_arch: implicit quantiles need at least one hidden layer",
                "Give it one, such as [64]",
            )
        return ImplicitQuantileNetwork(
            encoder.outputs if encoder else self.rows.shape[0], self.units(), self.actions,
            activation=kwargs.activation_fn, rng=self.rng, encoder=encoder,
        )  # fmt: skip

    def tau(self, n: int, N: int) -> np.ndarray:
        """Draw tau ~ U([0, 1]), (n, N)."""
        return self.rng.random((n, N), np.float32)

    def greedy(self, rows: np.ndarray) -> np.ndarray:
        return self.best(self.online, rows)

    def best(self, network: ImplicitQuantileNetwork, rows: np.ndarray) -> np.ndarray:
        """Return argmax_a 1/K sum_k Z_tau_k(x, a), (n,)."""
        tau = self.tau(len(rows), self.config.n_policy_tau)
        return network.infer(rows, tau).mean(1).argmax(1)

    def slopes(self, batch: Batch) -> Slopes:
        """Equations 2 and 3 of the paper: with a* the best action of the target network,

        delta_ij = r + gamma Z_tau'_j(x', a*; theta-) - Z_tau_i(x, a; theta),
        L = mean(sum_i 1/N' sum_j rho_tau_i(delta_ij)),

        where rho is the quantile Huber loss, and i = 1 to N, j = 1 to N'.
        """
        config: IQNConfig = self.config
        n = len(batch.rewards)
        best = self.best(self.target, batch.next_rows)
        following = self.target.infer(batch.next_rows, self.tau(n, config.n_target_tau))
        worth = of_actions(following.swapaxes(1, 2), best)
        T = batch.rewards[:, None] + batch.discounts[:, None] * worth
        tau = self.tau(n, config.n_tau)
        Z = self.online.forward(batch.rows, tau).swapaxes(1, 2)
        by_Z, losses = quantile_huber(of_actions(Z, batch.actions), T, tau, config.kappa)
        by_Z *= (batch.weights / np.float32(n))[:, None]
        by_outputs = spread(by_Z, batch.actions, Z).swapaxes(1, 2)
        return Slopes(by_outputs, float((batch.weights * losses).mean()), losses)

    def agent(self) -> Agent:
        """Return the greedy policy, of the portable kind `iqn`."""
        layers, phi = self.online.layers()
        head, encoder = QValue(self.epsilon(0.0)), self.online.encoder
        network = layered_agent(
            self.observation_space, self.action_space, layers, head, encoder=encoder
        )
        return ImplicitQuantileAgent(network, phi, self.config.n_policy_tau)
