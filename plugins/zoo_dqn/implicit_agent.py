"""The agent kind `iqn`: implicit quantile networks, https://arxiv.org/abs/1806.06923."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from zoo import Agent, ZooError
from zoo.agents.cnn import CNNAgent
from zoo.agents.layered import MISFITS, LayeredAgent, misfit
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent

COSINES = 64
"""n of equation 4."""
MOST = 10_000
"""Quantiles that an agent may look at; a description may be a stranger's."""
_INNER: dict[str, type[LayeredAgent]] = {kind.kind: kind for kind in (MLPAgent, CNNAgent)}


def cosines(tau: np.ndarray) -> np.ndarray:
    """Return cos(pi i tau) for i = 0 to n - 1, float32 (..., n), of tau (...)."""
    return np.cos(np.float32(np.pi) * np.arange(COSINES, dtype=np.float32) * tau[..., None])


class ImplicitQuantileAgent(Agent):
    """psi(x) * phi(tau) -> f -> quantiles of the returns, in NumPy alone; the action with the
    largest mean of them, or at times any.

    `network` is an agent of the kind `mlp` or `cnn` that would act by f(psi(x)), with a head for
    action values: psi is its first layer, or the networks of its images. `phi` is the layer that
    embeds tau. `K` quantiles are looked at: the midpoints of as many equal parts of [0, 1], or,
    unless deterministic, random ones.
    """

    kind: ClassVar[str] = "iqn"

    def __init__(self, network: LayeredAgent, phi: Layer, K: int) -> None:
        """Raise `ZooError` where the parts do not fit each other."""
        super().__init__(network.observation_space, network.action_space)
        self.network, self.phi, self.K = network, phi, K
        compiled = [layer.compile() for layer in network.layers]
        first = 0 if isinstance(network, CNNAgent) else 1
        self._psi, self._f = compiled[:first], compiled[first:]
        if not self._f or (phi.inputs, phi.outputs) != (COSINES, len(self._f[0][0])):
            raise ZooError(f"phi of {phi.inputs} x {phi.outputs} does not fit the network behind")
        if network.head.name != "q-value":
            raise ZooError(f"implicit quantiles need a q-value head, not {network.head.name}")
        if type(K) is not int or not 1 <= K <= MOST:
            raise ZooError(f"quantiles must be a whole number from 1 to {MOST:,}, not {K!r}")
        self._select = network.head.compile(self.action_space)
        self._embedding = [phi.compile()]
        # as zoo_torch.quantiles has them, which an agent does without
        midpoints = (2 * np.arange(K, dtype=np.float32) + 1) / np.float32(2 * K)
        self._fixed = _through(self._embedding, cosines(midpoints))[None]

    def act(
        self,
        observations: Any,
        *,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> np.ndarray:
        psi = _through(self._psi, self.network.features(observations))
        n, K = len(psi), self.K
        phi = self._fixed
        if not deterministic:
            tau = self.rng.random(n * K, np.float32)
            phi = _through(self._embedding, cosines(tau)).reshape(n, K, -1)
        Z = _through(self._f, (psi[:, None] * phi).reshape(n * K, -1))
        Q = Z.reshape(n, K, -1).mean(1)
        actions = self._select(Q, psi, self.rng, deterministic, None)
        return actions.astype(self.action_space.dtype, copy=False)

    def describe(self) -> dict[str, Any]:
        return {
            "network": {"kind": self.network.kind, **self.network.describe()},
            "phi": {"activation": self.phi.activation},
            "quantiles": self.K,
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Return those of the network, and `phi.weight` (units, 64) and `phi.bias`."""
        phi = {"phi.weight": self.phi.weight, "phi.bias": self.phi.bias}
        return self.network.tensors() | {k: v for k, v in phi.items() if v is not None}

    @classmethod
    def restore(
        cls,
        description: dict[str, Any],
        tensors: dict[str, np.ndarray],
        observation_space: Any,
        action_space: Any,
    ) -> ImplicitQuantileAgent:
        try:
            inner = description["network"]
            own = {k: v for k, v in tensors.items() if not k.startswith("phi.")}
            network = _INNER[inner["kind"]].restore(inner, own, observation_space, action_space)
            phi = Layer(
                tensors["phi.weight"], tensors["phi.bias"], description["phi"]["activation"]
            )
            return cls(network, phi, description["quantiles"])  # type: ignore[arg-type]
        except MISFITS as error:
            raise misfit(error) from error


def _through(layers: list[Any], x: np.ndarray) -> np.ndarray:
    """Return what compiled layers make of `x` (n, inputs)."""
    for weight, bias, activation in layers:
        x = x.dot(weight)
        x += bias
        if activation is not None:
            x = activation(x)
    return x
