"""The agent kind `cnn`: convolutional networks for images, then layers and a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.agents.heads import Head
from zoo.agents.layered import MISFITS, LayeredAgent, misfit, restore_layers
from zoo.agents.layers import Layer
from zoo.agents.reading import Reading
from zoo.errors import ZooError


class CNNAgent(LayeredAgent):
    """Observations -> `reading` -> `layers` -> `head` -> actions, in NumPy alone.

    Raises `ZooError` where the parts do not fit each other or the spaces.
    """

    kind: ClassVar[str] = "cnn"

    def __init__(
        self,
        observation_space: Any,
        action_space: Any,
        reading: Reading,
        layers: Sequence[Layer],
        head: Head,
    ) -> None:
        super().__init__(observation_space, action_space, layers, head)
        if not reading.images:
            raise ZooError("a cnn agent needs at least one image")
        self.reading = reading
        self._try()

    def features(self, observations: Any) -> np.ndarray:
        return self.reading(observations)

    def describe(self) -> dict[str, Any]:
        return {**self.reading.describe(), **super().describe()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return those of the reading, and the layers' and the head's as those of an `mlp`."""
        return self.reading.tensors() | super().tensors()

    @classmethod
    def restore(
        cls,
        description: dict[str, Any],
        tensors: dict[str, np.ndarray],
        observation_space: Any,
        action_space: Any,
    ) -> CNNAgent:
        try:
            reading = Reading.restore(description, tensors, observation_space)
            layers, head = restore_layers(description, tensors)
        except MISFITS as error:
            raise misfit(error) from error
        agent = cls(observation_space, action_space, reading, layers, head)
        agent.check_used(tensors)
        return agent
