"""The agent kind `mlp`: a multilayer perceptron with its preprocessing and its head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.agents.heads import Head
from zoo.agents.layered import MISFITS, LayeredAgent, misfit, restore_layers
from zoo.agents.layers import Layer
from zoo.agents.preprocess import Preprocess, standard_steps


class MLPAgent(LayeredAgent):
    """Observations -> `preprocess` -> `layers` -> `head` -> actions, in NumPy alone.

    `layers` are applied in turn; the last one gives what the head reads (logits, means, action
    values ...), so its activation usually is the identity. Without `preprocess` observations
    are treated as Stable-Baselines3's MLP policies treat them (`standard_steps`).

    Raises `ZooError` where the parts do not fit each other or the spaces.
    """

    kind: ClassVar[str] = "mlp"

    def __init__(
        self,
        observation_space: Any,
        action_space: Any,
        layers: Sequence[Layer],
        head: Head,
        preprocess: Preprocess | None = None,
    ) -> None:
        super().__init__(observation_space, action_space, layers, head)
        self.preprocess = preprocess or Preprocess(standard_steps(observation_space))
        self._try()

    def features(self, observations: Any) -> np.ndarray:
        return self.preprocess(observations)

    def describe(self) -> dict[str, Any]:
        return {"preprocess": self.preprocess.describe(), **super().describe()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return `preprocess.<i>.<parameter>`, `layers.<i>.weight` (outputs, inputs) and `.bias`,
        and `head.<field>`, of which a layer has `.weight` and `.bias` in turn."""
        return self.preprocess.tensors() | super().tensors()

    @classmethod
    def restore(
        cls,
        description: dict[str, Any],
        tensors: dict[str, np.ndarray],
        observation_space: Any,
        action_space: Any,
    ) -> MLPAgent:
        try:
            layers, head = restore_layers(description, tensors)
            preprocess = Preprocess.restore(description["preprocess"], tensors)
        except MISFITS as error:
            raise misfit(error) from error
        agent = cls(observation_space, action_space, layers, head, preprocess)
        agent.check_used(tensors)
        return agent
